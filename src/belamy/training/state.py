"""The whole state of a trainer as named tensors, and back."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from belamy.errors import RunError


def module_tensors(prefix: str, module: nn.Module) -> dict[str, Tensor]:
    """A module's parameters and buffers under ``prefix/``."""
    return {f"{prefix}/{name}": tensor for name, tensor in module.state_dict().items()}


def load_module(module: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Put back what :func:`module_tensors` took, by the names that it had in the module.

    Raises:
        RunError: The tensors are of another architecture.
    """
    try:
        module.load_state_dict(tensors)
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise RunError(f"The checkpoint does not fit the recipe: {reason} Restore the run's recipe.json.") from None


def optimizer_tensors(prefix: str, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """An optimiser's state under ``prefix/parameter number/name``."""
    state = optimizer.state_dict()["state"]
    return {
        f"{prefix}/{index}/{name}": torch.as_tensor(value)
        for index, values in state.items()
        for name, value in values.items()
        if value is not None
    }


def load_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Put back what :func:`optimizer_tensors` took, by ``parameter number/name``.

    Fused optimisers walk through memory, so what belongs to a parameter is laid out in memory like it.
    """
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for path, tensor in tensors.items():
        index, name = path.split("/")
        parameter = parameters[int(index)]
        if tensor.shape == parameter.shape:
            tensor = torch.empty_like(parameter, dtype=tensor.dtype).copy_(tensor)
        state.setdefault(int(index), {})[name] = tensor
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
