"""Labels that enter nowhere."""

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn


class GeneratorCondition(nn.Module):
    """The generator as it is; labels are ignored.

    Args:
        build: Makes a generator for a size of latents.
        latent: Size of the latents.
        classes: How many classes there are; it does not matter.
    """

    def __init__(self, build: Callable[[int], nn.Module], latent: int, classes: int) -> None:
        super().__init__()
        self.network: Any = build(latent)
        self.value_range = self.network.value_range

    def joined(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """The latents."""
        return latents

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images ``[N, C, H, W]`` from latents ``[N, latent]``."""
        return self.network(latents)


class DiscriminatorCondition(nn.Module):
    """The discriminator as it is; labels are ignored.

    Args:
        build: Makes a discriminator for a shape of images.
        shape: (channels, height, width) of the images.
        classes: How many classes there are; it does not matter.
    """

    def __init__(
        self, build: Callable[[tuple[int, int, int]], nn.Module], shape: tuple[int, int, int], classes: int
    ) -> None:
        super().__init__()
        self.network: Any = build(shape)

    def scores_and_features(self, images: Tensor, labels: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Scores ``[N]`` and features ``[N, F]`` of images ``[N, C, H, W]``."""
        return self.network.scores_and_features(images)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Scores ``[N]``."""
        return self.scores_and_features(images, labels)[0]
