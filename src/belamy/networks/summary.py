"""Layer tables as Keras' ``summary()`` prints them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from belamy.networks.tracing import placeholder, trace

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Count:
    """Numbers of weights the Keras way.

    A batch normalisation of C features has 4C, of which the 2C moving statistics are not trainable; so has every
    other stored floating-point buffer its place among the non-trainable ones.
    """

    total: int
    trainable: int

    @property
    def non_trainable(self) -> int:
        """Weights that no gradient changes."""
        return self.total - self.trainable


@dataclass(frozen=True)
class Row:
    """One call of one layer; a layer called again counts no weights the second time."""

    name: str
    kind: str
    output: tuple[Shape, ...]
    """Shapes of the outputs without the batch axis; () for a layer that was not called."""
    total: int
    trainable: int


@dataclass(frozen=True)
class Table:
    """The layers of a network in the order of their calls; ``str()`` is the table to show."""

    title: str
    rows: tuple[Row, ...]
    total: int
    trainable: int

    @property
    def non_trainable(self) -> int:
        """Weights that no gradient changes."""
        return self.total - self.trainable

    def as_dict(self) -> dict[str, Any]:
        """The table as plain data for JSON."""
        return {**asdict(self), "non_trainable": self.non_trainable}

    def __str__(self) -> str:
        head = ("Layer (type)", "Output shape", "Weights")
        cells = [(f"{row.name} ({row.kind})", _shapes(row.output), f"{row.total:,}") for row in self.rows]
        widths = [max(len(line[column]) for line in [head, *cells]) for column in range(3)]
        lines = [f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c:>{widths[2]}}" for a, b, c in [head, *cells]]
        rule = "─" * len(lines[0])
        sums = [f"{name}: {value:,}" for name, value in self._sums()]
        return "\n".join([self.title, rule, lines[0], rule, *lines[1:], rule, *sums])

    def _sums(self) -> list[tuple[str, int]]:
        return [
            ("Total weights", self.total),
            ("Trainable", self.trainable),
            ("Not trainable", self.non_trainable),
        ]


def count(module: nn.Module) -> Count:
    """The weights of a network, each shared one once.

    Example:
        >>> count(nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4)))
        Count(total=32, trainable=24)
    """
    return _count(list(module.modules()))


def summarize(module: nn.Module, *inputs: Shape | Tensor) -> Table:
    """The layer table of a network, found without computing anything or changing the network.

    Args:
        module: Any network.
        inputs: For each argument of ``forward`` the shape of one sample, or a tensor where a batch of floating-point
            numbers would not do.

    Example:
        >>> table = summarize(nn.Sequential(nn.Linear(64, 32), nn.ReLU()), (64,))
        >>> table.total, table.rows[0].output
        (2080, ((32,),))
    """
    dtype = next((p.dtype for p in module.parameters() if p.is_floating_point()), None)
    arguments = [
        each.detach().to("meta") if isinstance(each, Tensor) else placeholder(tuple(each), dtype) for each in inputs
    ]
    calls: list[tuple[nn.Module, tuple[Shape, ...]]] = []
    with _recording(module, calls):
        trace(module, *arguments)
    names = {part: name or type(module).__name__.lower() for name, part in module.named_modules()}
    called = {part for part, _ in calls}
    calls += [(part, ()) for part in names if _is_layer(part) and part not in called]
    rows, seen = [], set[nn.Module]()
    for part, output in calls:
        own = Count(0, 0) if part in seen else _count([part])
        seen.add(part)
        rows.append(Row(names[part], type(part).__name__, output, own.total, own.trainable))
    whole = count(module)
    return Table(type(module).__name__, tuple(rows), whole.total, whole.trainable)


def _is_layer(part: nn.Module) -> bool:
    """A row of the table: it has no parts of its own, or weights beside its parts."""
    has_weights = any(True for _ in part.parameters(recurse=False))
    return has_weights or not any(True for _ in part.children())


def _count(parts: list[nn.Module]) -> Count:
    weights = {p for part in parts for p in part.parameters(recurse=False)}
    trainable = sum(p.numel() for p in weights if p.requires_grad)
    buffers: set[Tensor] = set()
    for part in parts:
        stored = part.state_dict(keep_vars=True)
        buffers |= {buffer for name, buffer in part.named_buffers(recurse=False) if name in stored}
    kept = sum(buffer.numel() for buffer in buffers if buffer.is_floating_point())
    return Count(kept + sum(p.numel() for p in weights), trainable)


@contextmanager
def _recording(module: nn.Module, calls: list[tuple[nn.Module, tuple[Shape, ...]]]) -> Iterator[None]:
    def record(part: nn.Module, _arguments: Any, output: Any) -> None:
        calls.append((part, tuple(tuple(tensor.shape[1:]) for tensor in _tensors(output))))

    handles = [part.register_forward_hook(record) for part in module.modules() if _is_layer(part)]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _tensors(output: Any) -> list[Tensor]:
    if isinstance(output, torch.Tensor):
        return [output]
    items = output.values() if isinstance(output, dict) else output if isinstance(output, list | tuple) else ()
    return [tensor for item in items for tensor in _tensors(item)]


def _shapes(output: tuple[Shape, ...]) -> str:
    texts = ["(" + ", ".join(["N", *map(str, shape)]) + ")" for shape in output]
    return ", ".join(texts) or "not called"
