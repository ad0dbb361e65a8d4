"""The convolutions and dense layers of a discriminator."""

from collections.abc import Iterator
from typing import Any

from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized

from belamy.errors import UsageError
from belamy.losses.penalties import BasePenalty


def matrix_layers(discriminator: nn.Module, penalty: str) -> dict[Any, int]:
    """Layers that map channels or features to others, each with the axis of its weight that counts the outputs.

    Raises:
        UsageError: There is none, so ``penalty`` would do nothing.
    """
    found = dict(_search(discriminator))
    if not found:
        raise UsageError(
            f"The discriminator has no convolution and no dense layer, so {penalty} has nothing to work on. "
            f"Leave it out of --penalties."
        )
    return found


def _search(module: nn.Module) -> Iterator[tuple[nn.Module, int]]:
    if isinstance(module, BasePenalty):  # a penalty's own network is no part of what is judged
        return
    maps = getattr(module, "in_channels", None) or getattr(module, "in_features", None)
    if maps and (is_parametrized(module, "weight") or isinstance(getattr(module, "weight", None), Tensor)):
        yield module, int("Transpose" in type(module).__name__)
    for child in module.children():
        yield from _search(child)
