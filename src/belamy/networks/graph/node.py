"""Symbolic tensors and the calls that make them."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from belamy.errors import UsageError
from belamy.networks.tracing import placeholder, trace


@dataclass(frozen=True, eq=False)
class Call:
    """One application of a module, to arguments among which are nodes."""

    module: nn.Module
    hint: str
    """What the layer is called where the user gave no name."""
    name: str | None
    args: tuple[Any, ...]
    kwargs: dict[str, Any]

    def nodes(self) -> Iterator[Node]:
        """The nodes among the arguments."""
        return nodes_in((*self.args, *self.kwargs.values()))


class Node:
    """A tensor that a network will compute: its shape is known, its values are not.

    Nodes add, subtract and multiply like tensors, and the functions of torch take them.

    Attributes:
        value: A meta tensor, with a batch axis.
        origin: The call that makes it, or None for an input.
        key: Where it is in the result of that call.
        name: The name given to an input.
    """

    def __init__(self, value: Tensor, origin: Call | None, key: tuple[Any, ...] = (), name: str | None = None) -> None:
        self.value, self.origin, self.key, self.name = value, origin, key, name

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one sample."""
        return tuple(self.value.shape[1:])

    def __repr__(self) -> str:
        return f"Node({shape_text(self.value)}, {self.name or (self.origin.hint if self.origin else 'input')})"

    def __add__(self, other: Any) -> Any:
        return apply(Function(operator.add), self, other)

    def __radd__(self, other: Any) -> Any:
        return apply(Function(operator.add), other, self)

    def __sub__(self, other: Any) -> Any:
        return apply(Function(operator.sub), self, other)

    def __rsub__(self, other: Any) -> Any:
        return apply(Function(operator.sub), other, self)

    def __mul__(self, other: Any) -> Any:
        return apply(Function(operator.mul), self, other)

    def __rmul__(self, other: Any) -> Any:
        return apply(Function(operator.mul), other, self)

    @classmethod
    def __torch_function__(
        cls, function: Callable[..., Any], _types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Any function of torch, applied symbolically."""
        kwargs = kwargs or {}
        if any(isinstance(value, Tensor) for value in (*args, *kwargs.values())):
            raise UsageError(
                f"{function.__name__} got a symbolic tensor together with a real one, such as a layer's weight. "
                "Wrap the layer that holds it: layer(module)(x) in place of module(x)."
            )
        return apply(Function(function), *args, **kwargs)


class Function(nn.Module):
    """A function as a layer without weights."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """The function applied to its arguments."""
        return self.function(*args, **kwargs)

    def extra_repr(self) -> str:
        """The function's name, as ``print`` shows it."""
        return self.function.__name__


def Input(  # noqa: N802 (Keras' name)
    *shape: int, name: str | None = None, dtype: torch.dtype | None = None
) -> Node:
    """A symbolic input.

    Args:
        shape: Shape of one sample: ``Input(64)``, ``Input(1, 28, 28)``.
        name: For messages and for calling the network by keyword.
        dtype: By default torch's default; ``torch.long`` for labels and tokens.

    Raises:
        UsageError: A size that is not a positive whole number.

    Example:
        >>> Input(1, 28, 28).shape
        (1, 28, 28)
    """
    if not all(isinstance(size, int) and size > 0 for size in shape):
        raise UsageError(f"Input{shape} is not a shape of positive whole numbers. Write it as Input(1, 28, 28).")
    return Node(placeholder(shape, dtype), None, name=name)


def apply(module: nn.Module, *args: Any, name: str | None = None, hint: str = "", **kwargs: Any) -> Any:
    """Apply any module to nodes, among which may stand plain values; the result has the module's own structure.

    Args:
        module: What to apply.
        args: Its arguments.
        name: A name for the layer.
        hint: What to call it where there is no name.
        kwargs: Its keyword arguments.

    Raises:
        UsageError: The module cannot take arguments of these shapes.

    Example:
        >>> apply(nn.Linear(64, 10), Input(64)).shape
        (10,)
    """
    kind = module.function.__name__ if isinstance(module, Function) else type(module).__name__
    call = Call(module, hint or kind.lower(), name, args, kwargs)
    if not any(True for _ in call.nodes()):
        raise UsageError(f"{_title(call)} was applied to no symbolic tensor. Start from Input(...).")
    values = replace(args, lambda node: node.value)
    named = replace(kwargs, lambda node: node.value)
    try:
        result = trace(module, *values, **named)
    except (RuntimeError, TypeError, ValueError, IndexError) as error:
        shapes = ", ".join(shape_text(node.value) for node in call.nodes())
        raise UsageError(f"{_title(call)} cannot take {shapes}: {_expectation(call) or _first_line(error)}.") from error
    return _as_nodes(result, call)


def replace(value: Any, change: Callable[[Node], Any]) -> Any:
    """``value`` with each node in it, also within tuples, lists and dicts, changed."""
    if isinstance(value, Node):
        return change(value)
    if isinstance(value, tuple | list):
        return type(value)(replace(item, change) for item in value)
    if isinstance(value, dict):
        return {key: replace(item, change) for key, item in value.items()}
    return value


def nodes_in(value: Any) -> Iterator[Node]:
    """Each node in ``value``, also within tuples, lists and dicts."""
    if isinstance(value, Node):
        yield value
    elif isinstance(value, tuple | list | dict):
        for item in value.values() if isinstance(value, dict) else value:
            yield from nodes_in(item)


def shape_text(value: Tensor) -> str:
    """A shape with its batch axis, as messages show it.

    Example:
        >>> shape_text(torch.empty(2, 1, 28, 28))
        '[N, 1, 28, 28]'
    """
    return "[" + ", ".join(["N", *map(str, value.shape[1:])]) + "]"


def _as_nodes(result: Any, call: Call, key: tuple[Any, ...] = ()) -> Any:
    if isinstance(result, Tensor):
        return Node(result, call, key)
    if isinstance(result, dict):
        return {name: _as_nodes(item, call, (*key, name)) for name, item in result.items()}
    if isinstance(result, tuple | list):
        return tuple(_as_nodes(item, call, (*key, index)) for index, item in enumerate(result))
    return result


def _title(call: Call) -> str:
    return f"Layer '{call.name or call.hint}' ({call.module})".replace("\n", " ")


def _expectation(call: Call) -> str:
    """What a layer of known sizes expected, where that is what went wrong."""
    got = next(call.nodes()).value
    for attribute, axis, what in [
        ("in_features", -1, "values"),
        ("in_channels", 1, "channels"),
        ("num_features", 1, "features"),
    ]:
        expected = getattr(call.module, attribute, None)
        if isinstance(expected, int) and got.dim() > 1 and got.shape[axis] != expected:
            return f"expected {expected} {what}, got {got.shape[axis]}"
    return ""


def _first_line(error: Exception) -> str:
    return str(error).split("\n")[0].rstrip(".")
