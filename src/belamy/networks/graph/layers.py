"""Layers that are given only what they put out, and functions that join nodes."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

import torch
from torch import nn

from belamy.errors import UsageError
from belamy.networks.graph.node import Function, Node, apply, shape_text
from belamy.networks.layers import (
    BatchNorm,
    Initializer,
    KerasConv2d,
    KerasConvTranspose2d,
    Reshape,
    dense,
    glorot_uniform,
)
from belamy.networks.sizes import check_choice, check_positive

_ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "relu": nn.ReLU,
    "selu": nn.SELU,
    "sigmoid": nn.Sigmoid,
    "silu": nn.SiLU,
    "softplus": nn.Softplus,
    "tanh": nn.Tanh,
}


class Layer:
    """Something to apply to nodes; applied again, it is the same layer with the same weights.

    Args:
        make: Makes the module from the node it is first applied to.
        hint: What the layer is called where it has no name.
        name: A name for messages, tables and the state dict.
        activation: Applied to the result.
    """

    def __init__(
        self, make: Callable[[Node], nn.Module], hint: str, name: str | None = None, activation: nn.Module | None = None
    ) -> None:
        self._make, self.hint, self.name, self._activation = make, hint, name, activation
        self.module: nn.Module | None = None

    def __call__(self, node: Node, *more: Any, **kwargs: Any) -> Any:
        """The result as a node, or as the module's own structure of nodes."""
        if not isinstance(node, Node):
            raise UsageError(
                f"Layer '{self.name or self.hint}' was applied to {type(node).__name__}, not to a symbolic "
                "tensor. Start from Input(...)."
            )
        if self.module is None:
            self.module = self._make(node)
        result = apply(self.module, node, *more, name=self.name, hint=self.hint, **kwargs)
        return result if self._activation is None else apply(self._activation, result)


def layer(module: nn.Module, name: str | None = None) -> Layer:
    """Any module as a layer.

    Example:
        >>> from belamy.networks.graph import Input
        >>> layer(nn.Conv2d(1, 8, 3))(Input(1, 28, 28)).shape
        (8, 26, 26)
    """
    return Layer(lambda _node: module, type(module).__name__.lower(), name)


def Dense(  # noqa: N802 (Keras' name)
    units: int,
    activation: str | nn.Module | None = None,
    *,
    bias: bool = True,
    init: Initializer = glorot_uniform,
    name: str | None = None,
) -> Layer:
    """A fully connected layer of the last axis.

    Args:
        units: Size of the output.
        activation: A module, or ``elu``, ``gelu``, ``relu``, ``selu``, ``sigmoid``, ``silu``, ``softmax``,
            ``softplus``, ``tanh``. (Leaky rectifiers need their slope: ``nn.LeakyReLU(0.2)``.)
        bias: Whether each output has an offset.
        init: Sets the weights.
        name: A name for the layer.

    Raises:
        UsageError: An unknown activation or ``units`` below 1.
    """
    check_positive(units, "units")
    return Layer(
        lambda node: dense(node.value.shape[-1], units, bias=bias, init=init), "dense", name, _named(activation, -1)
    )


def Conv2D(  # noqa: N802 (Keras' name)
    filters: int,
    kernel: int,
    stride: int = 1,
    activation: str | nn.Module | None = None,
    *,
    padding: str = "same",
    bias: bool = True,
    init: Initializer = glorot_uniform,
    name: str | None = None,
) -> Layer:
    """A convolution of images; see `KerasConv2d` for the arguments.

    *Departs from Keras*, whose default padding is ``valid``.
    """
    check_positive(filters, "filters")
    return Layer(
        lambda node: KerasConv2d(
            _channels(node, "Conv2D"), filters, kernel, stride, padding=padding, bias=bias, init=init
        ),
        "conv2d",
        name,
        _named(activation, 1),
    )


def Conv2DTranspose(  # noqa: N802 (Keras' name)
    filters: int,
    kernel: int,
    stride: int = 1,
    activation: str | nn.Module | None = None,
    *,
    padding: str = "same",
    bias: bool = True,
    init: Initializer = glorot_uniform,
    name: str | None = None,
) -> Layer:
    """A transposed convolution of images; see `KerasConvTranspose2d` for the arguments.

    *Departs from Keras*, whose default padding is ``valid``.
    """
    check_positive(filters, "filters")
    return Layer(
        lambda node: KerasConvTranspose2d(
            _channels(node, "Conv2DTranspose"), filters, kernel, stride, padding=padding, bias=bias, init=init
        ),
        "conv2d_transpose",
        name,
        _named(activation, 1),
    )


def BatchNormalization(*, eps: float = 1e-3, momentum: float = 0.01, name: str | None = None) -> Layer:  # noqa: N802
    """Batch normalisation; see `BatchNorm` for the arguments."""
    return Layer(lambda node: BatchNorm(node.value.shape[1], eps=eps, momentum=momentum), "batch_normalization", name)


def concatenate(*nodes: Node, axis: int = 1) -> Node:
    """Nodes side by side, by default along the channels."""
    joined: Node = apply(Function(torch.cat), list(nodes), axis, hint="concatenate")
    return joined


def add(*nodes: Node) -> Node:
    """The sum of nodes."""
    return reduce(lambda left, right: left + right, nodes)


def multiply(*nodes: Node) -> Node:
    """The elementwise product of nodes."""
    return reduce(lambda left, right: left * right, nodes)


def flatten(node: Node) -> Node:
    """All axes but the batch's as one."""
    flat: Node = apply(nn.Flatten(), node)
    return flat


def reshape(node: Node, *shape: int) -> Node:
    """Another shape for each sample; ``reshape(scores)`` makes ``[N]`` of ``[N, 1]``."""
    shaped: Node = apply(Reshape(*shape), node)
    return shaped


def _channels(node: Node, kind: str) -> int:
    if node.value.dim() != 4:
        raise UsageError(f"{kind} needs images [N, C, H, W], but got {shape_text(node.value)}. Reshape them first.")
    return int(node.value.shape[1])


def _named(activation: str | nn.Module | None, axis: int) -> nn.Module | None:
    if activation is None or isinstance(activation, nn.Module):
        return activation
    choices: dict[str, Callable[[], nn.Module]] = _ACTIVATIONS | {"softmax": lambda: nn.Softmax(axis)}
    return choices[check_choice(activation, sorted(choices), "activation")]()
