"""Changing a network that is already built: finding layers in it, exchanging them, handing them things."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

from torch import Tensor, nn

from belamy.networks.layers import PReLU
from belamy.networks.tracing import trace

Thing = TypeVar("Thing")

_ACTIVATIONS = (
    nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.PReLU, PReLU, nn.ELU, nn.CELU, nn.SELU, nn.GELU, nn.SiLU, nn.Mish,
    nn.Softplus, nn.Softsign, nn.Tanh, nn.Hardtanh, nn.Sigmoid, nn.Hardsigmoid, nn.Hardswish,
)  # fmt: skip


class Handed(Generic[Thing]):
    """What a network hands to layers deep inside it for the time of one call.

    The network and those layers share one such object. It is empty between calls, so nothing leaks from one to the
    next, and a copy of the network has its own.

    Example:
        >>> labels = Handed()
        >>> with labels.during([3, 8]):
        ...     labels.thing
        [3, 8]
        >>> labels.thing is None
        True
    """

    def __init__(self) -> None:
        self.thing: Thing | None = None

    @contextmanager
    def during(self, thing: Thing) -> Iterator[None]:
        """Within this context the layers find ``thing``."""
        self.thing = thing
        try:
            yield
        finally:
            self.thing = None

    def get(self) -> Thing:
        """What was handed; only layers within a call ask."""
        assert self.thing is not None, "a layer was called outside of the network that hands it what it needs"
        return self.thing


def weighted_layers(network: nn.Module) -> list[Any]:
    """Every dense or convolutional layer, also of own kinds, in the order of registration.

    Example:
        >>> weighted_layers(nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Embedding(2, 3)))
        [Linear(in_features=2, out_features=3, bias=True)]
    """
    return [part for part in network.modules() if _is_weighted(part)]


def hidden_activations(network: nn.Module) -> list[nn.Module]:
    """Every activation that is a module, but those after the last dense or convolutional layer.

    Layers are taken in the order of their registration.

    Example:
        >>> hidden_activations(nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 3), nn.Tanh()))
        [ReLU()]
    """
    found: list[nn.Module] = []
    pending: list[nn.Module] = []
    for part in network.modules():
        if isinstance(part, _ACTIVATIONS):
            pending.append(part)
        elif pending and _is_weighted(part):
            found, pending = found + pending, []
    return found


def exchange(network: nn.Module, replacements: Mapping[nn.Module, nn.Module]) -> nn.Module:
    """The network with each of some of its parts replaced, wherever it is used.

    Example:
        >>> relu = nn.ReLU()
        >>> exchange(nn.Sequential(nn.Linear(2, 2), relu), {relu: nn.Tanh()})[1]
        Tanh()
    """
    for parent in list(network.modules()):
        for name, child in list(parent._modules.items()):
            if child is not None and child in replacements:
                setattr(parent, name, replacements[child])
    return replacements.get(network, network)


def widths(network: nn.Module, parts: list[nn.Module], *inputs: Tensor) -> dict[nn.Module, int]:
    """Size of the second axis of what each part takes when the network takes meta tensors; nothing is computed.

    Example:
        >>> relu = nn.ReLU()
        >>> list(widths(nn.Sequential(nn.Linear(2, 3), relu), [relu], torch.empty(2, 2, device="meta")).values())
        [3]
    """
    found: dict[nn.Module, int] = {}

    def note(part: nn.Module, arguments: tuple[Tensor, ...]) -> None:
        width = arguments[0].shape[1]
        assert found.setdefault(part, width) == width, f"{part} is used for {found[part]} and for {width} channels"

    handles = [part.register_forward_pre_hook(note) for part in parts]
    try:
        trace(network, *inputs)
    finally:
        for handle in handles:
            handle.remove()
    return found


def _is_weighted(part: nn.Module) -> bool:
    frozen = "weight" in part._buffers
    weight = None if frozen or isinstance(part, nn.Embedding | PReLU) else getattr(part, "weight", None)
    return isinstance(weight, Tensor) and weight.dim() >= 2
