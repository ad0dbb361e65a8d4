r"""Dense networks of models with hidden variables, and the inverse autoregressive flow of a posterior.

.. math:: z \leftarrow \sigma(s) \odot z + (1 - \sigma(s)) \odot m, \qquad
          \ln q \leftarrow \ln q - \textstyle\sum_i \ln \sigma(s_i)

where m and s of each number are told from the numbers before it, and from what the encoder saw. All are computed at
once, for the numbers that they are told from are there already; inverting it would take a pass for each.

References:
    Kingma et al. 2016, "Improving variational inference with inverse autoregressive flow", arXiv:1606.04934,
    equations 11 to 15.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from belamy.networks.layers import dense
from belamy.networks.made import MaskedDense

ACTIVE = 0.01
"""Variance over pictures of a posterior mean above which it is active (Burda et al. 2015, section 5)."""
GATE = 1.5
"""What is added to s, so that a step begins near the identity."""


class Tower(nn.Sequential):
    """Dense layers, each with a rectifier: ``hidden`` features of ``inputs`` numbers."""

    def __init__(self, inputs: int, hidden: tuple[int, ...]) -> None:
        sizes = (inputs, *hidden)
        layers: list[nn.Module] = []
        for before, after in pairwise(sizes):
            layers += [dense(before, after), nn.ReLU()]
        super().__init__(*layers)


class Gaussian(nn.Module):
    """Independent normal distributions, told by a tower.

    Args:
        inputs: Numbers that they are told from.
        hidden: Features of each layer.
        outputs: How many distributions.

    Example:
        >>> features, mean, log_variance = Gaussian(9, (16,), 4)(torch.zeros(2, 9))
        >>> features.shape, mean.shape, log_variance.shape
        (torch.Size([2, 16]), torch.Size([2, 4]), torch.Size([2, 4]))
    """

    def __init__(self, inputs: int, hidden: tuple[int, ...], outputs: int) -> None:
        super().__init__()
        self.tower = Tower(inputs, hidden)
        self.mean, self.log_variance = dense(hidden[-1], outputs), dense(hidden[-1], outputs)

    def forward(self, values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The features, and a mean and a log-variance of each distribution."""
        features = self.tower(values)
        return features, self.mean(features), self.log_variance(features)


def sampled(mean: Tensor, log_variance: Tensor, noise: Tensor) -> Tensor:
    """Normal numbers of a mean and a log-variance, of standard normal ones.

    Example:
        >>> sampled(torch.ones(1), torch.zeros(1), torch.full((1,), 0.5))
        tensor([1.5000])
    """
    return mean + (0.5 * log_variance).exp() * noise


def log_normal(values: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """Log-density of independent normal numbers, summed over the last axis, in nats.

    Example:
        >>> log_normal(torch.zeros(2, 3), torch.zeros(3), torch.zeros(3))
        tensor([-2.7568, -2.7568])
    """
    squares = (values - mean).square() * (-log_variance).exp()
    return -0.5 * (squares + log_variance + math.log(2 * math.pi)).sum(-1)


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Nats from independent normal numbers to standard normal ones, summed over the last axis.

    Example:
        >>> divergence(torch.tensor([[1.0, 0.0]]), torch.zeros(1, 2))
        tensor([0.5000])
    """
    return 0.5 * (mean.square() + log_variance.exp() - log_variance - 1).sum(-1)


def active_units(mean: Tensor) -> Tensor:
    """Share of a code's numbers whose posterior mean moves from picture to picture.  # [N, latent] to a scalar

    Example:
        >>> active_units(torch.tensor([[0.0, 1.0], [0.1, -1.0]]))
        tensor(0.5000)
    """
    variances = mean.detach().var(0, unbiased=False)
    return (variances > ACTIVE).to(mean).mean()


class InverseFlow(nn.Module):
    """Steps of an inverse autoregressive flow; the order of the numbers turns around from one to the next.

    Args:
        size: How many numbers.
        context: Features that each step is told.
        steps: How many steps.
        hidden: Units of each step's hidden layer.

    Example:
        >>> values, log_det = InverseFlow(4, 16, 2, 24)(torch.zeros(3, 4), torch.zeros(3, 16))
        >>> values.shape, log_det.shape
        (torch.Size([3, 4]), torch.Size([3]))
    """

    def __init__(self, size: int, context: int, steps: int, hidden: int) -> None:
        super().__init__()
        self.steps = nn.ModuleList(MaskedDense(size, 2, (hidden,), context=context) for _ in range(steps))

    def forward(self, values: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """Values after all steps, and the logarithm of the Jacobian's determinant.  # [M, size] and [M]"""
        total = values.new_zeros(len(values))
        for step in self.steps:
            shift, scale = step(values, labels=context).unbind(-1)
            gate = scale + GATE
            values = (torch.sigmoid(gate) * values + torch.sigmoid(-gate) * shift).flip(1)
            total = total + logsigmoid(gate).sum(1)
        return values, total
