"""Weights scaled while the network runs."""

from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from belamy.errors import UsageError
from belamy.networks.surgery import weighted_layers
from belamy.networks.weights import outputs_axis


class Weights:
    r"""Equalised learning rate: standard normal weights, scaled by He's constant whenever they are used.

    .. math:: \hat w_i = c\,w_i, \qquad c = g / \sqrt{n_{in}}, \qquad w_i \sim N(0, 1)

    Initial weights are drawn anew. An optimiser that is blind to the scale of gradients, such as Adam, moves each
    learned weight by about its rate, so each effective weight by c times that: with :math:`n_{in}` = 1000 a 22nd of
    what it did before. Raise the learning rates accordingly (the paper has 1e-3, and normalises generators' pixels).

    For a transposed convolution of stride s, :math:`n_{in}` counts the taps that meet in one output pixel.

    *Departs from the paper*, where the gain of the last layer is 1.

    References:
        Karras et al. 2017, arXiv 1710.10196, section 4.1; the constant: He et al. 2015, arXiv 1502.01852, equation 10.

    Args:
        gain: g, √2 for rectifiers.
    """

    def __init__(self, *, gain: float = 2**0.5) -> None:
        if gain <= 0:
            raise UsageError(f"equalised.gain is {gain}, but it must be above 0.")
        self.gain = gain

    @torch.no_grad()
    def apply(self, network: nn.Module) -> None:
        """Scale every dense and convolutional layer."""
        for layer in weighted_layers(network):
            factor = self.gain * _incoming(layer) ** -0.5
            layer.weight.normal_(0, factor)
            parametrize.register_parametrization(layer, "weight", _Scale(factor))


class _Scale(nn.Module):
    """Multiplies a weight by a constant."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, weight: Tensor) -> Tensor:
        """The effective weight."""
        return weight * self.factor

    def right_inverse(self, weight: Tensor) -> Tensor:
        """What is learned for an effective weight."""
        return weight / self.factor


def _incoming(layer: Any) -> float:
    """How many products are summed for one output."""
    axis = outputs_axis(layer)
    taps: float = layer.weight.numel() / layer.weight.shape[axis]
    if axis == 0:
        return taps
    sides = layer.weight.dim() - 2
    return taps / prod(layer.stride if isinstance(layer.stride, tuple) else [layer.stride] * sides)
