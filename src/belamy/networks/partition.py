"""The normaliser of a restricted Boltzmann machine: summed where it is small, otherwise by annealed sampling."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import softplus

from belamy.networks.boltzmann import BoltzmannLayer, logit_of
from belamy.seeds import generator

SUMMED = 16
"""With no more units than these on one side, all their states are summed."""
CHUNK = 1 << 12


class Normaliser(NamedTuple):
    """The logarithm of a normaliser.

    Args:
        value: It, in nats.
        low: Three standard errors below; minus infinity where chains are too few to tell.
        high: Three standard errors above.
        how: By what it was found, in words.
    """

    value: float
    low: float
    high: float
    how: str

    @property
    def exact(self) -> bool:
        """Whether it was summed."""
        return self.low == self.high


def log_normaliser(layer: BoltzmannLayer, mean: Tensor, chains: int, steps: int, seed: int = 0) -> Normaliser:
    """ln Z of a machine: exact if one side has at most 16 units, else by annealed importance sampling.

    Args:
        layer: The machine.
        mean: Of the visible units over the data, which the chains start from.  # [V]
        chains: Of the annealing.
        steps: Temperatures in between.
        seed: Of the chains.
    """
    if min(layer.visible, layer.hidden) <= SUMMED:
        value = summed(layer)
        return Normaliser(value, value, value, "summed over all states")
    return annealed(layer, mean, chains, steps, seed)


@torch.no_grad()
def summed(layer: BoltzmannLayer) -> float:
    """ln Z, summed over all states of the smaller side, in float64.

    The other side sums to a product: over hidden units it is what the free energy has done, over visible ones alike.
    """
    weight, a, b = (each.double() for each in (layer.weight, layer.seen_bias, layer.hidden_bias))
    own, other = layer.seen_mean.double(), layer.hidden_mean.double()
    if layer.hidden < layer.visible:  # the machine with its sides exchanged
        weight, a, b, own, other = weight.T, b, a, other, own
    total, size = [], len(a)
    for first in range(0, 1 << size, CHUNK):
        numbers = torch.arange(first, min(first + CHUNK, 1 << size), device=a.device)
        states = (numbers[:, None] >> torch.arange(size, device=a.device) & 1).double() - own
        logits = states @ weight.T + b
        total.append((states @ a + (softplus(logits) - other * logits).sum(1)).logsumexp(0))
    return float(torch.stack(total).logsumexp(0))


def temperatures(steps: int) -> Tensor:
    """Inverse temperatures from 0 to 1, dense where they matter: of 14,500 steps 500 to 0.5, 4,000 more to 0.9.

    Example:
        >>> temperatures(29)[[0, 1, 9, -1]]
        tensor([0.0000, 0.5000, 0.9000, 1.0000], dtype=torch.float64)
    """
    parts = torch.tensor([0, 500, 4500, 14_500], dtype=torch.float64) / 14_500 * steps
    known = torch.tensor([0.0, 0.5, 0.9, 1.0], dtype=torch.float64)
    places = torch.arange(steps + 1, dtype=torch.float64)
    part = (torch.bucketize(places, parts, right=True) - 1).clamp(max=2)
    return known[part] + (places - parts[part]) / (parts[part + 1] - parts[part]) * (known[part + 1] - known[part])


@torch.no_grad()
def annealed(layer: BoltzmannLayer, mean: Tensor, chains: int, steps: int, seed: int = 0) -> Normaliser:
    r"""ln Z by annealed importance sampling, with three standard errors.

    .. math:: p_\beta^*(v) = e^{(1-\beta)\,m^\top v}\,e^{\beta\,a^\top(v-\mu)}
              \prod_j \left(1 + e^{\beta x_j}\right) e^{-\beta\lambda_j x_j}, \qquad x = b + W(v - \mu)

    Chains start from independent units with the logits m, whose normaliser is known. The mean of their weights is
    right on average; its logarithm is therefore on average a little too small, and likelihoods by it too large.

    References:
        Salakhutdinov & Murray 2008, "On the quantitative analysis of deep belief networks", section 4.1.

    Args:
        layer: The machine; random numbers and sums of weights are in its type and in float64.
        mean: Of the visible units over the data.  # [V]
        chains: How many weights are averaged.
        steps: Temperatures in between.
        seed: Of the random numbers.
    """
    random, kind, device = generator(seed, "annealing"), layer.weight.dtype, layer.weight.device
    start, betas = logit_of(mean).to(layer.weight), temperatures(steps).tolist()

    def chance(size: int) -> Tensor:
        return torch.rand(chains, size, generator=random).to(device, kind)

    values = (chance(layer.visible) < start.sigmoid()).to(kind)
    weights = torch.zeros(chains, dtype=torch.float64, device=device)
    for before, beta in pairwise(betas):
        logits = layer(values)
        told = softplus(beta * logits) - softplus(before * logits) - (beta - before) * layer.hidden_mean * logits
        linear = (values - layer.seen_mean) @ layer.seen_bias - values @ start
        weights += (beta - before) * linear + told.sum(1)
        hidden = (chance(layer.hidden) < (beta * logits).sigmoid()).to(kind)
        logits = (1 - beta) * start + beta * layer.shown(hidden)
        values = (chance(layer.visible) < logits.sigmoid()).to(kind)
    first = float(softplus(start.double()).sum()) + layer.hidden * math.log(2)
    most = float(weights.max())
    shares = (weights - most).exp()
    error = 3 * float(shares.std()) / math.sqrt(chains)
    middle = float(shares.mean())
    low = math.log(middle - error) if middle > error else -math.inf
    how = f"by annealed importance sampling, {chains:,} chains of {steps:,} temperatures"
    return Normaliser(first + most + math.log(middle), first + most + low, first + most + math.log(middle + error), how)
