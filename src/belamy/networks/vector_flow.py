"""Flows of numbers in a row: points, vectors, and the values of small pictures.

What maps a number is told by others: by those before it in an order (autoregressive), or by the first half of them
(coupling).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from belamy.errors import UsageError
from belamy.networks.invertible import ActNorm, InvertibleBatchNorm, Standardisation
from belamy.networks.made import MaskedDense
from belamy.ranges import Within

MOST_VALUES = 65_536


class NumberMap(Protocol):
    """How one number is mapped by ``numbers`` that it is told; see :mod:`belamy.networks.splines`."""

    numbers: int

    def there(self, x: Tensor, told: Tensor) -> tuple[Tensor, Tensor]:
        """Mapped, and the logarithm of the slope.  # [N, n], [N, n, numbers] to [N, n], [N, n]"""
        ...

    def back(self, y: Tensor, told: Tensor) -> Tensor:
        """What it was made of.  # [N, n], [N, n, numbers] to [N, n]"""
        ...


class ToldLayer(nn.Module):
    """An invertible layer of rows of numbers that may be told their classes."""

    def there(self, x: Tensor, labels: Tensor | None) -> tuple[Tensor, Tensor]:
        """What is made of values, and ln |det J| of each sample.  # [N, n] to [N, n], [N]"""
        raise AssertionError(f"{type(self).__name__} maps nothing")

    def back(self, y: Tensor, labels: Tensor | None) -> Tensor:
        """The values that it was made of.  # [N, n]"""
        raise AssertionError(f"{type(self).__name__} maps nothing")


class Reversal(ToldLayer):
    """The values in reversed order, so that the last is told nothing by turns."""

    def there(self, x: Tensor, labels: Tensor | None) -> tuple[Tensor, Tensor]:
        """Reversed."""
        return x.flip(1), x.new_zeros(len(x))

    def back(self, y: Tensor, labels: Tensor | None) -> Tensor:
        """Reversed."""
        return y.flip(1)


class AutoregressiveLayer(ToldLayer):
    r"""Each value is mapped by what a masked dense network tells of those before it.

    .. math:: y_i = T(x_i; \theta(x_1 \dots x_{i-1})), \qquad \ln|\det J| = \sum_i \ln T'(x_i)

    So the way there is one pass and the way back goes value by value. With ``drawing`` it is the other way round,
    :math:`x_i = T(y_i; \theta(y_1 \dots y_{i-1}))`: samples come in one pass, densities value by value.

    References:
        Papamakarios, Pavlakou & Murray 2017, arXiv 1705.07057; Kingma et al. 2016, arXiv 1606.04934.

    Args:
        size: How many values.
        hidden: Units of each hidden layer.
        kind: T.
        classes: How many it is told; 0 for none.
        drawing: Whether samples are what comes in one pass.
    """

    def __init__(self, size: int, hidden: tuple[int, ...], kind: NumberMap, classes: int, drawing: bool) -> None:
        super().__init__()
        self.kind, self.drawing = kind, drawing
        self.network = MaskedDense(size, kind.numbers, hidden, classes=classes)
        nn.init.zeros_(self.network.out.weight)
        nn.init.zeros_(self.network.out.bias)
        if self.network.classes is not None:
            nn.init.zeros_(self.network.classes.weight)

    def there(self, x: Tensor, labels: Tensor | None) -> tuple[Tensor, Tensor]:
        """Mapped; value by value where it is for drawing."""
        if not self.drawing:
            y, told = self.kind.there(x, self.network(x, 0, labels))
            return y, told.sum(1)
        y = self.one_by_one(x, labels)
        return y, -self.kind.there(y, self.network(y, 0, labels))[1].sum(1)

    def back(self, y: Tensor, labels: Tensor | None) -> Tensor:
        """Mapped back; value by value where it is for densities."""
        return self.kind.there(y, self.network(y, 0, labels))[0] if self.drawing else self.one_by_one(y, labels)

    def one_by_one(self, y: Tensor, labels: Tensor | None) -> Tensor:
        """The values of which T makes ``y``, each told by those found before; the first layer's sums are kept."""
        network = self.network
        first, told = network.heard(labels)
        weight = network.layers[0].weight * network.mask(0, 0)
        out = (network.out.weight * network.last_mask(0).repeat_interleave(network.outputs, 0)).unflatten(
            0, (network.inputs, network.outputs)
        )
        bias = (network.out.bias + told).unflatten(-1, (network.inputs, network.outputs))
        units, found = (network.layers[0].bias + first).expand(len(y), -1), []
        for number in range(network.inputs):
            own = linear(network.later(units, 0), out[number]) + bias[..., number, :]
            found.append(self.kind.back(y[:, number, None], own[:, None]))
            units = units + found[-1] * weight[:, number]
        return torch.cat(found, 1)


class DenseCoupling(ToldLayer):
    """The first half of the values passes, and tells by a dense network how the others are mapped.

    Args:
        size: How many values, at least 2.
        hidden: Units of each hidden layer.
        kind: How a number is mapped.
        classes: How many it is told; 0 for none.
    """

    def __init__(self, size: int, hidden: tuple[int, ...], kind: NumberMap, classes: int) -> None:
        super().__init__()
        self.kind, self.passing = kind, size // 2
        sizes = (self.passing, *hidden)
        dense = [nn.Linear(before, after) for before, after in zip(sizes, hidden, strict=False)]
        self.layers: Any = nn.ModuleList(dense)
        self.out = nn.Linear(hidden[-1], (size - self.passing) * kind.numbers)
        self.classes = nn.Embedding(classes, hidden[0]) if classes else None
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def told(self, passed: Tensor, labels: Tensor | None) -> Tensor:
        """What the second half is told.  # [N, n / 2] to [N, n - n / 2, numbers]"""
        units = self.layers[0](passed)
        if self.classes is not None and labels is not None:
            units = units + self.classes(labels)
        for layer in self.layers[1:]:
            units = layer(torch.relu(units))
        told: Tensor = self.out(torch.relu(units)).unflatten(1, (-1, self.kind.numbers))
        return told

    def there(self, x: Tensor, labels: Tensor | None) -> tuple[Tensor, Tensor]:
        """The second half mapped."""
        passed, other = x.tensor_split([self.passing], 1)
        other, told = self.kind.there(other, self.told(passed, labels))
        return torch.cat([passed, other], 1), told.sum(1)

    def back(self, y: Tensor, labels: Tensor | None) -> Tensor:
        """The second half mapped back: what passed tells how."""
        passed, other = y.tensor_split([self.passing], 1)
        return torch.cat([passed, self.kind.back(other, self.told(passed, labels))], 1)


class VectorFlow(nn.Module):
    """Invertible layers of rows of numbers, to independent standard normal numbers.

    Args:
        shape: Of a sample; its numbers are taken in a row.
        layers: Those that are told classes, and of :mod:`belamy.networks.invertible` those of channels.
        classes: Of which the last mean and spread are told; 0 for none.
    """

    def __init__(self, shape: Sequence[int], layers: Sequence[nn.Module], classes: int) -> None:
        super().__init__()
        self.shape = tuple(shape)
        self.layers: Any = nn.ModuleList(layers)
        self.top = Standardisation((math.prod(shape), 1, 1), classes=classes)

    def forward(self, values: Tensor, labels: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Standard normal numbers and ln |det J|.  # [N, *shape] to [N, n], [N]"""
        return self._through(values, labels, begins=False)

    def begin(self, values: Tensor) -> None:
        """Set what is first set by a batch.  # [N, *shape]"""
        with torch.no_grad():
            self._through(values, None, begins=True)

    def _through(self, values: Tensor, labels: Tensor | None, begins: bool) -> tuple[Tensor, Tensor]:
        x, total = values.flatten(1), values.new_zeros(len(values))
        for layer in self.layers:
            if isinstance(layer, ToldLayer):
                x, told = layer.there(x, labels)
            else:
                if begins and isinstance(layer, ActNorm | InvertibleBatchNorm):
                    layer.begin(x[:, :, None, None])
                x, told = layer.there(x[:, :, None, None])
                x = x.flatten(1)
            total = total + told
        x = x[:, :, None, None]
        x, told = self.top.there(x, x, labels)
        return x.flatten(1), total + told

    def inverse(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """Samples of standard normal numbers.  # [N, n] to [N, *shape]"""
        z = latents[:, :, None, None]
        x = self.top.back(z, z, labels).flatten(1)
        for layer in reversed(self.layers):
            back: Callable[..., Tensor] = layer.back
            x = back(x, labels) if isinstance(layer, ToldLayer) else back(x[:, :, None, None]).flatten(1)
        return x.unflatten(1, self.shape)


def check_vector_flow(shape: Sequence[int], layers: int, hidden: tuple[int, ...]) -> None:
    """Refuse numbers of layers, units or values that are out of range.

    Raises:
        UsageError: So they are.
    """
    Within(1, 64).check("layers", layers)
    if not hidden:
        raise UsageError("hidden names no layer. Type the units of one or more, e.g. hidden=64x64.")
    for units in hidden:
        Within(1, 65_536).check("hidden", units)
    if math.prod(shape) > MOST_VALUES:
        raise UsageError(
            f"A sample has {math.prod(shape):,} values, and a flow of numbers in a row takes at most "
            f"{MOST_VALUES:,}. Choose a smaller --size, or --network glow."
        )
