r"""Restricted Boltzmann machines, centred, alone or in a stack.

.. math:: -E(v, h) = a^\top(v - \mu) + (h - \lambda)^\top b + (h - \lambda)^\top W (v - \mu)

The offsets μ and λ change what a gradient is, and no distribution: units that are mostly on no longer drown the
others. With both at 0 it is the machine of the textbooks.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

EDGE = 0.01
"""Means are kept away from 0 and 1 by this much before their logit is taken."""


class BoltzmannLayer(nn.Module):
    """A restricted Boltzmann machine of binary units.

    References:
        Smolensky 1986; Hinton 2002, "Training products of experts by minimizing contrastive divergence"; Melchior,
        Fischer & Wiskott 2016, "How to center deep Boltzmann machines", arXiv 1311.1354.

    Args:
        visible: Units that are seen.
        hidden: Units that are not.
    """

    seen_mean: Tensor
    hidden_mean: Tensor

    def __init__(self, visible: int, hidden: int) -> None:
        super().__init__()
        self.visible, self.hidden = visible, hidden
        self.weight = nn.Parameter(0.01 * torch.randn(hidden, visible))
        self.seen_bias = nn.Parameter(torch.zeros(visible))
        self.hidden_bias = nn.Parameter(torch.zeros(hidden))
        self.register_buffer("seen_mean", torch.full((visible,), 0.5))
        self.register_buffer("hidden_mean", torch.full((hidden,), 0.5))

    def forward(self, values: Tensor) -> Tensor:
        """Logits of the hidden units, given the visible.  # [N, V] in 0..1 to [N, H]"""
        return nn.functional.linear(values - self.seen_mean, self.weight, self.hidden_bias)

    def shown(self, hidden: Tensor) -> Tensor:
        """Logits of the visible units, given the hidden.  # [N, H] in 0..1 to [N, V]"""
        return nn.functional.linear(hidden - self.hidden_mean, self.weight.T, self.seen_bias)

    def free_energy(self, values: Tensor) -> Tensor:
        """Minus the logarithm of the sum of exp(-E) over all hidden units.  # [N, V] to [N]"""
        logits = self(values)
        told = (softplus(logits) - self.hidden_mean * logits).sum(1)
        return -(values - self.seen_mean) @ self.seen_bias - told

    @torch.no_grad()
    def begin(self, mean: Tensor) -> None:
        """Centre the visible units at their mean, and let their biases give it.  # [V] in 0..1"""
        self.seen_mean.copy_(mean)
        self.seen_bias.copy_(logit_of(mean))

    @torch.no_grad()
    def recentre(self, mean: Tensor, share: float) -> None:
        """Move the hidden units' offsets by a share of the way to a mean; the distribution stays as it is.  # [H]"""
        step = share * (mean - self.hidden_mean)
        self.seen_bias.add_(step @ self.weight)
        self.hidden_mean.add_(step)

    def extra_repr(self) -> str:
        """How many units, as ``print`` shows it."""
        return f"{self.visible}, {self.hidden}"


class BoltzmannStack(nn.Module):
    """Machines on top of each other: the hidden units of one are the visible units of the next.

    Args:
        sizes: Units of each storey, the seen ones first.
    """

    def __init__(self, sizes: tuple[int, ...]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(BoltzmannLayer(*pair) for pair in pairwise(sizes))

    def forward(self, values: Tensor) -> Tensor:
        """Logits of the topmost units, by the chances of those between.  # [N, V] to [N, H]"""
        for layer in self.layers[:-1]:
            values = layer(values).sigmoid()
        logits: Tensor = self.layers[-1](values)
        return logits


def logit_of(mean: Tensor) -> Tensor:
    """The logits of means, which are kept a little away from 0 and 1."""
    return mean.clamp(EDGE, 1 - EDGE).logit()
