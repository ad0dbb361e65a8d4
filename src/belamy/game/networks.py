"""The two players' networks: a few dense layers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU, "leaky-relu": nn.LeakyReLU, "silu": nn.SiLU, "tanh": nn.Tanh,
}  # fmt: skip


def layers(sizes: Sequence[int], activation: str, reach: float) -> nn.Sequential:
    """Dense layers of these sizes, each followed by the activation.

    The first layer's units start with unit weights and bend at places spread over -reach..reach: inputs are as large as
    that, and with every bend at the origin small distant modes are learned late. The others are orthogonal.
    """
    made: list[nn.Module] = []
    for incoming, outgoing in pairwise(sizes):
        layer = nn.Linear(incoming, outgoing)
        with torch.no_grad():
            if made:
                nn.init.orthogonal_(layer.weight, math.sqrt(2))
                layer.bias.zero_()
            else:
                layer.weight.normal_()
                layer.weight /= layer.weight.norm(dim=1, keepdim=True)
                layer.bias.uniform_(-reach, reach)
        made += [layer, ACTIVATIONS[activation]()]
    return nn.Sequential(*made)


def last_layer(incoming: int, outgoing: int, size: float) -> nn.Linear:
    """A layer without activation, orthogonal times ``size``."""
    layer = nn.Linear(incoming, outgoing)
    nn.init.orthogonal_(layer.weight, size)
    nn.init.zeros_(layer.bias)
    return layer


class Generator(nn.Module):
    """Latents ``[N, latent]`` → points ``[N, d]``: the first d latents, moved by a network that is 0 at the start.

    So the first generated points are standard normal whatever the seed. Missing latents count as 0.

    *Departs from the paper* in starting from the latents themselves.

    References:
        Srivastava et al. 2017, arXiv 1705.07761, section 4.1: two hidden layers of 128 units on rings and grids.

    Args:
        latent: Size of the latents.
        dimensions: Of the points, d.
        width: Units of a hidden layer.
        depth: Hidden layers.
        activation: Of the hidden layers.
    """

    value_range = (-1.0, 1.0)
    start: Tensor

    def __init__(self, latent: int, dimensions: int, width: int, depth: int, activation: str) -> None:
        super().__init__()
        self.hidden = layers([latent, *[width] * depth], activation, reach=1.0)
        self.last = last_layer(width, dimensions, size=0.0)
        self.register_buffer("start", torch.eye(latent, dimensions))

    def forward(self, latents: Tensor) -> Tensor:
        """Points ``[N, d]``."""
        points: Tensor = latents @ self.start + self.last(self.hidden(latents))
        return points


class Discriminator(nn.Module):
    """Points ``[N, d]`` → scores ``[N]``.

    Args:
        dimensions: Of the points, d.
        width: Units of a hidden layer, and so the number of features.
        depth: Hidden layers.
        activation: Of the hidden layers.
        reach: How far from the origin points lie.
    """

    def __init__(self, dimensions: int, width: int, depth: int, activation: str, reach: float) -> None:
        super().__init__()
        self.hidden = layers([dimensions, *[width] * depth], activation, reach)
        self.last = last_layer(width, 1, size=0.1)

    def scores_and_features(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Scores ``[N]`` and the features ``[N, width]`` that they are read from."""
        features = self.hidden(points)
        return self.last(features)[:, 0], features

    def forward(self, points: Tensor) -> Tensor:
        """Scores ``[N]``."""
        return self.scores_and_features(points)[0]


class Autoencoder(nn.Module):
    """Points ``[N, d]`` → scores ``[N]``: minus the error of coding and restoring them; the codes are the features.

    The hidden layers are wider than the points, so that it is the loss alone that keeps errors high off the data.

    References:
        Zhao et al. 2017, arXiv 1609.03126, section 2.3.

    Args:
        dimensions: Of the points, d.
        width: Units of a hidden layer.
        depth: Hidden layers of encoder and of decoder.
        activation: Of the hidden layers.
        reach: How far from the origin points lie.
    """

    def __init__(self, dimensions: int, width: int, depth: int, activation: str, reach: float) -> None:
        super().__init__()
        self.encoder = layers([dimensions, *[width] * depth], activation, reach)
        self.last = last_layer(width, dimensions, size=0.1)

    def scores_and_features(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Scores ``[N]`` and codes ``[N, F]``."""
        code = self.encoder(points)
        return -(self.last(code) - points).square().sum(1), code

    def forward(self, points: Tensor) -> Tensor:
        """Scores ``[N]``."""
        return self.scores_and_features(points)[0]
