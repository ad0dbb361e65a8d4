"""Labels as learned vectors beside, or multiplied with, the input."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from belamy.networks.conditions import check_classes, check_labels, entered
from belamy.networks.layers import dense
from belamy.networks.sizes import check_choice, check_positive

_NAME = "embedding"
_MODES = ("concatenate", "multiply")


class GeneratorCondition(nn.Module):
    """A learned vector for each class follows the latent, or is multiplied with it element by element.

    References:
        Multiplied: Odena et al. 2016, arXiv 1610.09585, in the form of Keras' AC-GAN example; beside the latent: Mirza
        & Osindero 2014, arXiv 1411.1784, with a learned code in place of the one-hot one.

    Args:
        build: Makes a generator for a size of latents.
        latent: Size of the latents.
        classes: How many classes there are.
        size: Size of a class's vector; when it is multiplied, that of the latent in its place.
        mode: ``concatenate`` or ``multiply``.

    Raises:
        UsageError: No classes, an unknown mode, or a call without labels.
    """

    def __init__(
        self,
        build: Callable[[int], nn.Module],
        latent: int,
        classes: int,
        *,
        size: int = 32,
        mode: str = "concatenate",
    ) -> None:
        super().__init__()
        check_positive(size, "embedding.size")
        self.multiplies = check_choice(mode, _MODES, "embedding.mode") == "multiply"
        self.classes = nn.Embedding(check_classes(classes, _NAME), latent if self.multiplies else size)
        self.network: Any = build(latent if self.multiplies else latent + size)
        self.value_range = self.network.value_range

    def joined(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """Latents with their classes' vectors ``[N, latent + size]``, or multiplied with them ``[N, latent]``."""
        code = self.classes(check_labels(labels, _NAME))
        return latents * code if self.multiplies else torch.cat([latents, code], 1)

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images ``[N, C, H, W]`` from latents ``[N, latent]`` and labels ``[N]``."""
        return entered(self, self.network, latents, labels)


class DiscriminatorCondition(nn.Module):
    """One more channel follows the image's: a learned vector of the class, mapped to the image's size.

    References:
        Denton et al. 2015, arXiv 1506.05751, section 3.2: the class enters through a linear layer that outputs a
        plane, which is appended to the image.

    Args:
        build: Makes a discriminator for a shape of images.
        shape: (channels, height, width) of the images.
        classes: How many classes there are.
        size: Size of a class's vector.

    Raises:
        UsageError: No classes, or a call without labels.
    """

    def __init__(
        self,
        build: Callable[[tuple[int, int, int]], nn.Module],
        shape: tuple[int, int, int],
        classes: int,
        *,
        size: int = 32,
    ) -> None:
        super().__init__()
        check_positive(size, "embedding.size")
        channels, height, width = shape
        self.classes = nn.Embedding(check_classes(classes, _NAME), size)
        self.plane = dense(size, height * width)
        self.network: Any = build((channels + 1, height, width))

    def scores_and_features(self, images: Tensor, labels: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Scores ``[N]`` and features ``[N, F]`` of images ``[N, C, H, W]`` with labels ``[N]``."""
        plane = self.plane(self.classes(check_labels(labels, _NAME)))
        return self.network.scores_and_features(torch.cat([images, plane.view(-1, 1, *images.shape[2:])], 1))

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Scores ``[N]``."""
        return self.scores_and_features(images, labels)[0]
