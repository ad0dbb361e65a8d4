"""Labels as ones and zeros beside the input."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from belamy.networks.conditions import check_classes, check_labels, entered, indicators

_NAME = "one-hot"


class GeneratorCondition(nn.Module):
    """The label's one-hot vector follows the latent.

    References:
        Mirza & Osindero 2014, arXiv 1411.1784, figure 1.

    Args:
        build: Makes a generator for a size of latents.
        latent: Size of the latents.
        classes: How many classes there are.

    Raises:
        UsageError: No classes, or a call without labels.
    """

    def __init__(self, build: Callable[[int], nn.Module], latent: int, classes: int) -> None:
        super().__init__()
        self.classes = check_classes(classes, _NAME)
        self.network: Any = build(latent + classes)
        self.value_range = self.network.value_range

    def joined(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """Latents and one-hot labels ``[N, latent + classes]``."""
        return torch.cat([latents, indicators(check_labels(labels, _NAME), self.classes, latents)], 1)

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images ``[N, C, H, W]`` from latents ``[N, latent]`` and labels ``[N]``."""
        return entered(self, self.network, latents, labels)


class DiscriminatorCondition(nn.Module):
    """One more channel for each class follows the image's: all ones for the label's, else zeros.

    References:
        Mirza & Osindero 2014, arXiv 1411.1784, figure 1, where the image is a vector; as channels: Perarnau et al.
        2016, arXiv 1611.06355, section 3.2.

    Args:
        build: Makes a discriminator for a shape of images.
        shape: (channels, height, width) of the images.
        classes: How many classes there are.

    Raises:
        UsageError: No classes, or a call without labels.
    """

    def __init__(
        self, build: Callable[[tuple[int, int, int]], nn.Module], shape: tuple[int, int, int], classes: int
    ) -> None:
        super().__init__()
        self.classes = check_classes(classes, _NAME)
        self.network: Any = build((shape[0] + classes, *shape[1:]))

    def scores_and_features(self, images: Tensor, labels: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Scores ``[N]`` and features ``[N, F]`` of images ``[N, C, H, W]`` with labels ``[N]``."""
        planes = indicators(check_labels(labels, _NAME), self.classes, images)[:, :, None, None]
        return self.network.scores_and_features(torch.cat([images, planes.expand(-1, -1, *images.shape[2:])], 1))

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Scores ``[N]``."""
        return self.scores_and_features(images, labels)[0]
