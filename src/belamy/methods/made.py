r"""MADE: a masked autoencoder that tells each value from those before it, in one order or several.

.. math:: p(x) = \frac1K \sum_{k=1}^{K} \prod_i p(x_{o_k(i)} \mid x_{o_k(1)} \dots x_{o_k(i-1)})

Of several orders the *probabilities* of whole pictures are averaged, so that they sum to 1. An average of what
the orders say of each value is no probability of the picture: some of them have seen the value's own future.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from copy import deepcopy
from typing import Any, Self

import torch
from pydantic import Field
from torch import Tensor

from belamy.errors import UsageError
from belamy.methods.base import DataSpec, Player, Sampling
from belamy.methods.levels import LevelsMethod, LevelsRecipe, check_steps, precise, temperature_of
from belamy.networks.made import MaskedDense
from belamy.registry import Part
from belamy.seeds import Draws, generator

MOST_UNITS = 1 << 16


class Recipe(LevelsRecipe):
    """MADE: a dense network, masked so that each value is told from those before it."""

    hidden: tuple[int, ...] = (1000,)
    """Units of each hidden layer."""
    orders: int = Field(default=1, ge=1, le=1024)
    """Orders of the values, taken in turn from step to step; likelihoods average over all of them."""

    @classmethod
    def tiny(cls) -> Self:
        """Two orders of few pixels, in 16 levels."""
        sizes: dict[str, Any] = {"size": 8, "hidden": (24, 20), "orders": 2}
        likelihood = Part(name="categorical", levels=16)
        return cls(train_samples=96, batch=8, ema_half_life=16, likelihood=likelihood, **sizes)


class Method(LevelsMethod):
    """One player, the masked network.

    *Departs from the paper:* the masks of an order are drawn once, also those of hidden layers, where the paper may
    draw the latter anew at each step. A picture goes on (``belamy continue``) by the first order alone, row by row.

    References:
        Germain et al. 2015, arXiv:1502.03509.

    Raises:
        UsageError: A hidden layer has no units.
    """

    def __init__(self, recipe: Recipe, spec: DataSpec) -> None:
        super().__init__(recipe, spec)
        if not recipe.hidden or not all(1 <= size <= MOST_UNITS for size in recipe.hidden):
            raise UsageError(
                f"hidden is {'x'.join(map(str, recipe.hidden)) or 'empty'}, but it must name layers of 1 to "
                f"{MOST_UNITS:,} units, e.g. --hidden 1000."
            )
        self.orders: int = recipe.orders
        self.network = MaskedDense(self.values, self.law.parameters, recipe.hidden, self.orders, self.classes)

    @property
    def players(self) -> dict[str, Player]:
        """One player, the network."""
        return {"model": Player(self.network, self.recipe.optimizer)}

    def inputs(self) -> dict[str, tuple[tuple[int, ...] | Tensor, ...]]:
        """Values in their order."""
        return {"network": ((self.values,),)}

    def told(self, levels: Tensor, order: int, labels: Tensor | None) -> Tensor:
        """Nats of each picture by one order.  # [N, C, H, W] to [N]"""
        flat = levels.flatten(2).transpose(1, 2).flatten(1)  # pixel by pixel, the channels of each together
        values = self.shown(flat, self.network.out.weight.dtype)
        return -self.law.log_prob(self.network(values, order, labels), flat).sum(1)

    def nats(self, levels: Tensor, labels: Tensor | None = None) -> Tensor:
        """Minus the logarithm of the mean probability over the orders.  # [N, C, H, W] to [N]"""
        labels = self.given(labels, len(levels))
        each = torch.stack([-self.told(levels, order, labels) for order in range(self.orders)])
        return math.log(self.orders) - each.logsumexp(0)

    def learned(self, levels: Tensor, labels: Tensor | None, draw: Draws) -> Tensor:
        """The nats by the order whose turn it is.  # [N]"""
        return self.told(levels, draw.step % self.orders, self.given(labels, len(levels)))

    def latents(self, seed: int, indices: Iterable[int]) -> Tensor:
        """Uniform numbers, one of which chooses the order.  # [n, values x chances + 1]"""
        size = self.values * self.law.chances + 1
        return torch.stack([torch.rand(size, generator=generator(seed, "sample", index)) for index in indices])

    def generate(self, latents: Tensor, labels: Tensor | None = None, *, sampling: Sampling | None = None) -> Tensor:
        """Pictures, each value after value in an order of its own, in [-1, 1].  # [n, C, H, W]"""
        check_steps(sampling)
        labels = self.given(labels, len(latents))
        orders = (latents[:, -1] * self.orders).long().clamp(max=self.orders - 1)
        chance = latents[:, :-1].unflatten(1, (self.values, self.law.chances))
        drawn = torch.zeros(len(latents), self.values, dtype=torch.long, device=latents.device)
        for order in orders.unique().tolist():
            rows = (orders == order).nonzero()[:, 0]
            some = None if labels is None else labels[rows]
            drawn[rows] = self._by_order(order, drawn[rows, :0], chance[rows], some, temperature_of(sampling))
            if sampling:
                sampling.report(order + 1, self.orders)
        return self.shown(self.picture(drawn.unflatten(1, (-1, self.channels))), latents.dtype)

    def drawn(self, begun: Tensor, chance: Tensor, labels: Tensor | None, sampling: Sampling | None) -> Tensor:
        """Pixels after those that are there, by the first order, which is row by row."""
        values = self._by_order(0, begun.flatten(1), chance.flatten(1, 2), labels, temperature_of(sampling))
        if sampling:
            sampling.report(1, 1)
        return values.unflatten(1, (-1, self.channels))

    def _by_order(self, order: int, begun: Tensor, chance: Tensor, labels: Tensor | None, temperature: float) -> Tensor:
        """Values, the i-th of an order by the i-th of ``chance``; the first layer's sums are kept.

        Args:
            order: Its number.
            begun: The first values of the first order; none of another.  # long [n, t]
            chance: Of each value after them.  # [n, values - t, chances]
            labels: The classes that are told.  # [n]
            temperature: See the likelihood.
        """
        kind = precise(chance.device)
        network: Any = deepcopy(self.network).to(kind).eval()
        weight = network.layers[0].weight * network.mask(0, order)
        last = network.last_mask(order)
        first, told = network.heard(labels)
        units = (network.layers[0].bias + first).expand(len(chance), -1)
        values = torch.zeros(len(chance), self.values, dtype=torch.long, device=chance.device)
        values[:, : begun.shape[1]] = begun
        for number, place in enumerate(network.places[order].argsort().tolist()):
            if number >= begun.shape[1]:
                numbers = slice(place * network.outputs, (place + 1) * network.outputs)
                seen = network.later(units, order) * last[place]
                parameters = seen @ network.out.weight[numbers].T + network.out.bias[numbers]
                parameters = parameters + (told[:, numbers] if labels is not None else told)
                values[:, place] = self.law.pick(parameters, chance[:, number - begun.shape[1]], temperature)
            units = units + self.shown(values[:, place], kind)[:, None] * weight[:, place]
        return values
