"""Running a network on tensors that have shapes but no values."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

BATCH = 2  # a batch of 1 would let a mistaken squeeze pass


def trace(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
    """What ``module`` returns for arguments on the meta device; nothing of it changes and nothing is computed.

    It runs in evaluation mode with meta tensors in place of its parameters and buffers, so batch normalisation is
    not touched and no random number is drawn.

    Example:
        >>> trace(nn.BatchNorm1d(3), torch.empty(2, 3, device="meta")).shape
        torch.Size([2, 3])
    """
    state = dict(module.named_parameters(remove_duplicate=False)) | dict(module.named_buffers(remove_duplicate=False))
    hollow = {name: tensor.detach().to("meta") for name, tensor in state.items()}
    with _evaluating(module), torch.no_grad(), torch.device("meta"):
        return functional_call(module, hollow, args, kwargs)


def placeholder(shape: tuple[int, ...], dtype: torch.dtype | None = None) -> Tensor:
    """A batch of samples of ``shape`` without values."""
    return torch.empty((BATCH, *shape), dtype=dtype, device="meta")


@contextmanager
def _evaluating(module: nn.Module) -> Iterator[None]:
    modes = {part: part.training for part in module.modules()}
    module.eval()
    try:
        yield
    finally:
        for part, training in modes.items():
            part.training = training
