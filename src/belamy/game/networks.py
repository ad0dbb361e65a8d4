"""The two players' networks: a few dense layers."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU, "leaky-relu": nn.LeakyReLU, "silu": nn.SiLU, "tanh": nn.Tanh,
}  # fmt: skip


def layers(sizes: Sequence[int], activation: str) -> nn.Sequential:
    """Dense layers of these sizes, each followed by the activation; weights orthogonal, biases 0."""
    made: list[nn.Module] = []
    for incoming, outgoing in zip(sizes[:-1], sizes[1:], strict=True):
        layer = nn.Linear(incoming, outgoing)
        nn.init.orthogonal_(layer.weight, nn.init.calculate_gain(_like(activation)))
        nn.init.zeros_(layer.bias)
        made += [layer, ACTIVATIONS[activation]()]
    return nn.Sequential(*made)


def _like(activation: str) -> str:
    return {"leaky-relu": "leaky_relu", "silu": "relu"}.get(activation, activation)


class Generator(nn.Module):
    """Latents ``[N, latent]`` → points ``[N, d]``.

    References:
        Srivastava et al. 2017, arXiv 1705.07761, section 4.1: two hidden layers of 128 units on rings and grids.

    Args:
        latent: Size of the latents.
        dimensions: Of the points, d.
        width: Units of a hidden layer.
        depth: Hidden layers.
        activation: Of the hidden layers.
    """

    def __init__(self, latent: int, dimensions: int, width: int, depth: int, activation: str) -> None:
        super().__init__()
        self.hidden = layers([latent, *[width] * depth], activation)
        self.last = nn.Linear(width, dimensions)
        nn.init.orthogonal_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def forward(self, latents: Tensor) -> Tensor:
        """Points ``[N, d]``."""
        points: Tensor = self.last(self.hidden(latents))
        return points


class Discriminator(nn.Module):
    """Points ``[N, d]`` → scores ``[N]``.

    Args:
        dimensions: Of the points, d.
        width: Units of a hidden layer, and so the number of features.
        depth: Hidden layers.
        activation: Of the hidden layers.
    """

    def __init__(self, dimensions: int, width: int, depth: int, activation: str) -> None:
        super().__init__()
        self.hidden = layers([dimensions, *[width] * depth], activation)
        self.last = nn.Linear(width, 1)
        nn.init.orthogonal_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def look(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Scores ``[N]`` and the features ``[N, width]`` that they are read from."""
        features = self.hidden(points)
        return self.last(features)[:, 0], features

    def forward(self, points: Tensor) -> Tensor:
        """Scores ``[N]``."""
        return self.look(points)[0]


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
    """

    def __init__(self, dimensions: int, width: int, depth: int, activation: str) -> None:
        super().__init__()
        self.encoder = layers([dimensions, *[width] * depth], activation)
        self.last = nn.Linear(width, dimensions)

    def look(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Scores ``[N]`` and codes ``[N, F]``."""
        code = self.encoder(points)
        return -(self.last(code) - points).square().sum(1), code

    def forward(self, points: Tensor) -> Tensor:
        """Scores ``[N]``."""
        return self.look(points)[0]
