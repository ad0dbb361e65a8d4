"""A dense network whose masks let each output see the inputs before it, in one of several orders.

References:
    Germain, Gregor, Murray & Larochelle 2015, "MADE: masked autoencoder for distribution estimation", arXiv:1502.03509.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from belamy.seeds import generator


class MaskedDense(nn.Module):
    """Numbers for each of ``inputs`` values, a function of the values before it in an order.

    A hidden unit has a degree, and sees values whose place in the order is no later; a value is told by units whose
    degree lies below its place. The first order is that of the values; the others, and all degrees, are drawn once.

    Args:
        inputs: How many values.
        outputs: Numbers for each.
        hidden: Units of each hidden layer.
        orders: How many orders there are, each with its own masks over the same weights.
        classes: How many a conditional model is told; 0 for none.
        context: How many numbers a model is told in place of a class; 0 for none.

    Example:
        >>> MaskedDense(6, 2, (8,), 3)(torch.zeros(4, 6), 1).shape
        torch.Size([4, 6, 2])
    """

    places: Tensor

    def __init__(
        self, inputs: int, outputs: int, hidden: tuple[int, ...], orders: int = 1, classes: int = 0, context: int = 0
    ) -> None:
        super().__init__()
        self.inputs, self.outputs, self.orders = inputs, outputs, orders
        self.layers: Any = nn.ModuleList(
            nn.Linear(before, after) for before, after in zip((inputs, *hidden[:-1]), hidden, strict=True)
        )
        self.out = nn.Linear(hidden[-1], inputs * outputs)
        told = hidden[0] + inputs * outputs
        self.classes: Any = nn.Embedding(classes, told) if classes else nn.Linear(context, told) if context else None
        shuffled = [torch.randperm(inputs, generator=generator(0, "made", order)) for order in range(1, orders)]
        self.register_buffer("places", torch.stack([torch.arange(inputs), *shuffled]))
        for number, size in enumerate(hidden):
            drawn = []
            for order in range(orders):
                least = int(self.degrees(number - 1)[order].min()) if number else 0
                stream = generator(0, "made", order, number)
                drawn.append(torch.randint(least, max(inputs - 1, least + 1), (size,), generator=stream))
            self.register_buffer(f"degrees_{number}", torch.stack(drawn))

    def degrees(self, number: int) -> Tensor:
        """The degrees of a hidden layer's units: the last place that each sees.  # long [orders, units]"""
        found: Tensor = getattr(self, f"degrees_{number}")
        return found

    def mask(self, number: int, order: int) -> Tensor:
        """Which of what is before it a hidden layer's units see.  # bool [after, before]"""
        before = self.degrees(number - 1)[order] if number else self.places[order]
        return self.degrees(number)[order][:, None] >= before

    def last_mask(self, order: int) -> Tensor:
        """Which units of the last hidden layer tell each value.  # bool [inputs, units]"""
        return self.places[order][:, None] > self.degrees(len(self.layers) - 1)[order]

    def forward(self, values: Tensor, order: int = 0, labels: Tensor | None = None) -> Tensor:
        """Numbers for all values, given classes or a context.  # [N, inputs] to [N, inputs, outputs]"""
        first, told = self.heard(labels)
        units = linear(values, self.layers[0].weight * self.mask(0, order), self.layers[0].bias) + first
        units = self.later(units, order)
        weight = self.out.weight * self.last_mask(order).repeat_interleave(self.outputs, 0)
        return (linear(units, weight, self.out.bias) + told).unflatten(1, (self.inputs, self.outputs))

    def heard(self, labels: Tensor | None) -> tuple[Tensor, Tensor]:
        """What classes ``[N]``, or a context ``[N, context]``, add to the first hidden layer and to what is told."""
        if self.classes is None or labels is None:
            nothing = self.out.bias.new_zeros(1)
            return nothing, nothing
        both: Tensor = self.classes(labels)
        units = self.layers[0].out_features
        return both[:, :units], both[:, units:]

    def later(self, units: Tensor, order: int) -> Tensor:
        """The last hidden layer from sums of the first.  # [N, units]"""
        units = torch.relu(units)
        for number, layer in enumerate(self.layers[1:], start=1):
            units = torch.relu(linear(units, layer.weight * self.mask(number, order), layer.bias))
        return units
