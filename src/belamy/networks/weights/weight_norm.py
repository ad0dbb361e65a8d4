"""Weights whose lengths and directions are learned apart."""

import torch
from torch import nn
from torch.nn.utils import parametrizations

from belamy.networks.surgery import weighted_layers
from belamy.networks.weights import outputs_axis


class Weights:
    r"""Weight normalisation: a length g and a direction v for each output.

    .. math:: w = g \frac{v}{\lVert v\rVert}

    At first g is the length of the initial weight, so the network computes what it did before; where that is 0, v is
    drawn from a standard normal distribution, since a weight of 0 has no direction.

    *Departs from the paper* in having no initialisation from a first batch of data.

    References:
        Salimans & Kingma 2016, arXiv 1602.07868, equation 2.
    """

    @torch.no_grad()
    def apply(self, network: nn.Module) -> None:
        """Normalise every dense and convolutional layer."""
        for layer in weighted_layers(network):
            parametrizations.weight_norm(layer, "weight", outputs_axis(layer))
            g, v = layer.parametrizations.weight.original0, layer.parametrizations.weight.original1
            v.copy_(torch.where(g == 0, torch.randn_like(v), v))
