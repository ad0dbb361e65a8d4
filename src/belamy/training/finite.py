"""Where NaN and infinity come from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from belamy.methods.base import BaseMethod, Turn


def first_bad_layer(method: BaseMethod, turns: Iterator[Turn | tuple[Turn, ...]], count: int) -> str | None:
    """The first layer whose output is not finite when the first ``count`` yields of a step are played again.

    Nothing is learned while playing. Networks without layers of their own are named themselves.

    Args:
        method: Its weights as they were when the loss came out wrong.
        turns: A fresh ``play`` of the same step.
        count: Yields to play.
    """
    found: list[str] = []

    def watch(name: str) -> object:
        def look(module: nn.Module, _inputs: object, output: object) -> None:
            if not found and isinstance(output, Tensor) and not torch.isfinite(output).all():
                found.append(f"{name} ({type(module).__name__})")

        return look

    leaves = [(name, module) for name, module in method.named_modules() if not list(module.children())]
    handles = [module.register_forward_hook(watch(name)) for name, module in leaves]
    try:
        for _ in range(count):
            next(turns, None)
    finally:
        for handle in handles:
            handle.remove()
    return found[0] if found else None


def first_bad_tensor(named: Sequence[tuple[str, Tensor | None]]) -> str | None:
    """The name of the first tensor that is not finite."""
    return next((name for name, tensor in named if tensor is not None and not torch.isfinite(tensor).all()), None)
