"""Activation checkpointing: what a block of a network computes is forgotten, and computed again for its gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from belamy.networks.surgery import Handed


class Blocks:
    """The blocks of networks; within :meth:`recomputed` they keep no activations of their own.

    A block is a stretch of an ``nn.Sequential`` from one layer with weights to the next, or an entry of an
    ``nn.ModuleList`` that has parts. Of each only the input is kept; its backward pass runs it forward once more. That
    second time starts from the same random numbers, buffers and modes as the first and leaves them as they are, so
    dropout, noise and statistics of normalisation are those of one pass. Derivatives of any order are right.

    References:
        Chen et al. 2016, arXiv 1604.06174.

    Args:
        networks: Whose blocks are meant.

    Example:
        >>> layers = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1), nn.Tanh())
        >>> len(Blocks([layers])), len(Blocks([nn.Linear(2, 3)]))
        (2, 0)
    """

    def __init__(self, networks: Iterable[nn.Module]) -> None:
        self._forwards: dict[nn.Module, Callable[..., Any]] = {}
        self._count = 0
        for part in dict.fromkeys(part for network in networks for part in _parts(network)):
            stretches = _stretches(part)
            worth = [isinstance(stretch[0], nn.Sequential) or len(stretch) > 1 or part is stretch[0]
                     for stretch in stretches]  # fmt: skip
            if any(worth):
                calls = [_again(part, stretch) if gains else stretch[0]
                         for stretch, gains in zip(stretches, worth, strict=True)]  # fmt: skip
                self._forwards[part] = calls[0] if part is stretches[0][0] else _one_after_another(calls)
                self._count += sum(worth)

    def __len__(self) -> int:
        return self._count

    @contextmanager
    def recomputed(self) -> Iterator[None]:
        """Blocks that are called in this context keep only what they were called with."""
        for part, forward in self._forwards.items():
            part.forward = forward
        try:
            yield
        finally:
            for part in self._forwards:
                del part.forward


def _parts(module: nn.Module, listed: bool = False) -> Iterator[nn.Module]:
    """Sequences, and entries of lists that have parts; never one within another."""
    if type(module) is nn.Sequential or (listed and any(True for _ in module.children())):
        yield module
        return
    for child in module.children():
        yield from _parts(child, isinstance(module, nn.ModuleList))


def _stretches(part: nn.Module) -> list[list[nn.Module]]:
    """The layers of a sequence from one with weights to the next; anything else as a whole."""
    if type(part) is not nn.Sequential:
        return [[part]]
    found: list[list[nn.Module]] = []
    for layer in part:
        heavy = any(parameter.dim() > 1 for parameter in layer.parameters())
        if heavy or not found:
            found.append([])
        found[-1].append(layer)
    return found


def _one_after_another(calls: Sequence[Callable[..., Any]]) -> Callable[..., Any]:
    def forward(x: Any) -> Any:
        for call in calls:
            x = call(x)
        return x

    return forward


def _again(part: nn.Module, stretch: Sequence[nn.Module]) -> Callable[..., Any]:
    """How a stretch is called so that it is run again for its gradients."""
    forward = part.forward if part is stretch[0] else _one_after_another(stretch)
    modules = [module for layer in stretch for module in layer.modules()]
    handed = [each for module in modules for each in vars(module).values() if isinstance(each, Handed)]

    def call(*args: Any, **kwargs: Any) -> Any:
        if not torch.is_grad_enabled():
            return forward(*args, **kwargs)
        before = _AsBefore(modules, handed)
        return checkpoint(forward, *args, use_reentrant=False, context_fn=lambda: (nullcontext(), before), **kwargs)

    return call


class _AsBefore:
    """The modes and buffers of modules, and what they are handed, as they were when this was made; any number of times.

    Buffers are exchanged, not overwritten: autograd may have kept them.
    """

    def __init__(self, modules: Sequence[nn.Module], handed: Sequence[Handed[Any]]) -> None:
        self.states = [(module, module.training, _copies(module)) for module in modules]
        self.things = [(each, each.thing) for each in handed]

    def __enter__(self) -> None:
        self.now = [(module, module.training, dict(module._buffers)) for module, *_ in self.states]
        self.held = [(each, each.thing) for each, _ in self.things]
        for module, training, buffers in self.states:
            module.training = training
            module._buffers.update({name: _copy(kept) for name, kept in buffers.items()})
        for each, thing in self.things:
            each.thing = thing

    def __exit__(self, *_: object) -> None:
        for module, training, buffers in self.now:
            module.training = training
            module._buffers.update(buffers)
        for each, thing in self.held:
            each.thing = thing


def _copies(module: nn.Module) -> dict[str, Tensor | None]:
    """A module's own buffers as they are now; those of evaluation do not change."""
    return {name: _copy(kept) if module.training else kept for name, kept in module._buffers.items()}


def _copy(kept: Tensor | None) -> Tensor | None:
    return kept if kept is None else kept.clone()
