"""The module that a graph of layers becomes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from belamy.errors import UsageError, nearest
from belamy.networks.graph.node import Call, Node, apply, nodes_in, replace, shape_text
from belamy.networks.summary import Table, summarize
from belamy.networks.tracing import placeholder

Nodes = Node | Sequence[Node] | Mapping[str, Node]


@dataclass(frozen=True)
class _Place:
    """Where a value is found while the network runs: which input or step made it, and where in that result."""

    maker: int
    key: tuple[Any, ...]


@dataclass(frozen=True)
class _Step:
    """One call; places stand in its arguments where the symbolic call had nodes."""

    layer: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


class Graph(nn.Module):
    """A network from symbolic inputs to symbolic outputs.

    It is an ordinary module: it trains, copies, pickles, saves and loads like any other, and it can be applied to nodes
    as a layer of another graph. Its layers are in ``layers``, each once, under the names given or ``dense``,
    ``dense_1`` and so on.

    Args:
        inputs: A node, several, or several by name; mostly from `Input`, but any node may be where a graph begins.
        outputs: A node, several, or several by name: ``forward`` returns a tensor, a tuple or a dict accordingly.

    Raises:
        UsageError: An output needs an input not given, no output needs an input, or two layers have one name.

    Example:
        >>> from belamy.networks.graph import Dense, Graph, Input
        >>> x = Input(64)
        >>> network = Graph(x, Dense(10)(Dense(32, activation="relu")(x)))
        >>> network(torch.zeros(5, 64)).shape
        torch.Size([5, 10])
    """

    def __init__(self, inputs: Nodes, outputs: Nodes) -> None:
        super().__init__()
        given, wanted = _by_name(inputs, "input"), _by_name(outputs, "output")
        for output in wanted:
            _check_connected(output, wanted[output], given)
        calls, reached = _order(wanted.values(), set(given.values()))
        unused = [name for name, node in given.items() if node not in reached]
        if unused:
            raise UsageError(
                f"Unused input '{unused[0]}' {shape_text(given[unused[0]].value)}: no output of the graph depends on "
                "it. Connect it to an output or leave it out of the inputs."
            )
        self.layers = nn.ModuleDict()
        names = self._register(calls)
        places = {node: _Place(position, ()) for position, node in enumerate(given.values())}
        makers = {call: position for position, call in enumerate(calls, len(given))}

        def place(node: Node) -> _Place:
            return places[node] if node in places else _Place(makers[node.origin], node.key)  # type: ignore[index]

        self._plan = [
            _Step(names[call.module], replace(call.args, place), replace(call.kwargs, place)) for call in calls
        ]
        self._inputs = {name: (node.shape, node.value.dtype) for name, node in given.items()}
        self._outputs = {name: place(node) for name, node in wanted.items()}
        self._returns = dict if isinstance(outputs, Mapping) else Tensor if isinstance(outputs, Node) else tuple

    def forward(self, *args: Any, **named: Any) -> Any:
        """The outputs, as the structure that the graph was built with, from inputs by order or by name."""
        if any(True for _ in nodes_in((*args, *named.values()))):
            return apply(self, *args, **named)
        values: list[Any] = self._arguments(args, named)
        for step in self._plan:
            taken = _fill(step.args, values)
            values.append(self.layers[step.layer](*taken, **_fill(step.kwargs, values)))
        results = {name: _at(place, values) for name, place in self._outputs.items()}
        if self._returns is dict:
            return results
        return tuple(results.values()) if self._returns is tuple else next(iter(results.values()))

    def summary(self) -> Table:
        """The table of layers."""
        return summarize(self, *(placeholder(shape, dtype) for shape, dtype in self._inputs.values()))

    def _arguments(self, args: tuple[Any, ...], named: dict[str, Any]) -> list[Any]:
        known = list(self._inputs)
        if len(args) > len(known):
            raise UsageError(f"The graph has {len(known)} inputs ({', '.join(known)}), but got {len(args)} arguments.")
        values = dict(zip(known, args, strict=False))
        for name, value in named.items():
            if name not in self._inputs:
                raise UsageError(f"The graph has no input '{name}'. {nearest(name, known)}")
            if name in values:
                raise UsageError(f"The graph's input '{name}' was given twice: by order and by name.")
            values[name] = value
        for name, (shape, _) in self._inputs.items():
            if name not in values:
                raise UsageError(f"The graph's input '{name}' is missing: give it a tensor {_text(shape)}.")
            if tuple(values[name].shape[1:]) != shape:
                raise UsageError(
                    f"The graph's input '{name}' must be {_text(shape)}, but got {shape_text(values[name])}."
                )
        return [values[name] for name in known]

    def _register(self, calls: list[Call]) -> dict[nn.Module, str]:
        """Give each module one name and register it once; shared ones are named at their first call."""
        names: dict[nn.Module, str] = {}
        for call in calls:
            if call.name is not None and call.module not in names:
                self._claim(call.name, call.module)
                names[call.module] = call.name
        for call in calls:
            if call.module not in names:
                names[call.module] = name = self._free(call.hint)
                self._claim(name, call.module)
        return names

    def _claim(self, name: str, module: nn.Module) -> None:
        if name in self.layers:
            raise UsageError(
                f"Two layers are called '{name}'. Give one of them another name, or apply one layer twice."
            )
        try:
            self.layers.add_module(name, module)
        except KeyError as error:
            raise UsageError(f"'{name}' cannot be the name of a layer: {error.args[0]}. Choose another.") from None

    def _free(self, hint: str) -> str:
        """``hint``, or with the first number that makes it free."""
        taken = set(dir(self.layers)) | set(self.layers)
        number = 0
        while (name := f"{hint}_{number}" if number else hint) in taken:
            number += 1
        return name


def _by_name(nodes: Nodes, kind: str) -> dict[str, Node]:
    if isinstance(nodes, Mapping):
        named = dict(nodes)
    else:
        several = [nodes] if isinstance(nodes, Node) else list(nodes)
        named = {}
        for position, node in enumerate(several):
            name = getattr(node, "name", None) or f"{kind}_{position}"
            if name in named:
                raise UsageError(f"Two {kind}s are called '{name}', or one is given twice. Name each once.")
            named[name] = node
    if not named:
        raise UsageError(f"A graph needs at least one {kind}.")
    for name, node in named.items():
        if not isinstance(node, Node):
            raise UsageError(
                f"The {kind} '{name}' is {type(node).__name__}, not a symbolic tensor made from Input(...)."
            )
    return named


def _order(outputs: Iterable[Node], boundary: set[Node]) -> tuple[list[Call], set[Node]]:
    """Calls in an order in which each comes after those it needs, and the inputs they lead back to.

    An input outside the ``boundary`` is among those reached; a stack, not recursion, since networks are deep.
    """
    calls: list[Call] = []
    seen: set[Call] = set()
    reached: set[Node] = set()
    pending: list[tuple[Node, bool]] = [(node, False) for node in reversed(list(outputs))]
    while pending:
        node, done = pending.pop()
        call = node.origin
        if node in boundary or call is None:
            reached.add(node)
        elif done:
            calls.append(call)
        elif call not in seen:
            seen.add(call)
            pending.append((node, True))
            pending += [(needed, False) for needed in reversed(list(call.nodes()))]
    return calls, reached


def _check_connected(name: str, output: Node, given: dict[str, Node]) -> None:
    boundary = set(given.values())
    _, reached = _order([output], boundary)
    missing = [node for node in reached if node not in boundary]
    if missing:
        maker = output.origin.name or output.origin.hint if output.origin else "an input"
        lost = f"'{missing[0].name}'" if missing[0].name else "without a name"
        raise UsageError(
            f"Graph disconnected: output '{name}' {shape_text(output.value)} (from {maker}) needs the input {lost} "
            f"{shape_text(missing[0].value)}, which is not among the given inputs ({', '.join(given)}). "
            "Add it to the inputs, or make the output from the given ones."
        )


def _fill(value: Any, values: list[Any]) -> Any:
    """``value`` with each place in it replaced by what is there."""
    if isinstance(value, _Place):
        return _at(value, values)
    if isinstance(value, tuple | list):
        return type(value)(_fill(item, values) for item in value)
    if isinstance(value, dict):
        return {key: _fill(item, values) for key, item in value.items()}
    return value


def _at(place: _Place, values: list[Any]) -> Any:
    found = values[place.maker]
    for key in place.key:
        found = found[key]
    return found


def _text(shape: tuple[int, ...]) -> str:
    return shape_text(torch.empty((0, *shape), device="meta"))
