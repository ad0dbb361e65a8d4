"""What methods with an encoder and a prior of its codes can do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch import Tensor, nn

from belamy.methods import base
from belamy.networks.stochastic import sampled
from belamy.seeds import Draws, SampleDraws


class Coding(base.BaseMethod):
    """Encodes by ``encoder``, draws codes from ``prior`` and reconstructs by its own ``generate``.

    An encoder that tells a mean and a log-variance draws codes while it learns, and encodes by the mean.
    """

    encoder: nn.Module
    prior: Any

    def told(self, images: Tensor) -> tuple[Tensor, Tensor | None]:
        """Mean and log-variance of the codes of images in [-1, 1]; None of an encoder that tells codes alone."""
        told = self.encoder(base.to_range(images, (0.0, 1.0)))
        return told if isinstance(told, tuple) else (told, None)

    def drawn(self, images: Tensor, draw: Draws) -> Tensor:
        """``[N, latent]``: codes of images in [-1, 1], as the encoder tells them."""
        mean, log_variance = self.told(images)
        return mean if log_variance is None else sampled(mean, log_variance, draw.normal("code", *mean.shape))

    def encode(self, images: Tensor) -> Tensor:
        """The code ``[n, latent]`` of images in [-1, 1]."""
        return self.told(images)[0]

    def latents(self, seed: int, indices: Iterable[int]) -> Tensor:
        """``[n, latent]``: the code of each sample index, from the prior."""
        numbers = SampleDraws(seed, indices)
        z: Tensor = self.prior.sample(len(numbers.indices), numbers)
        return z

    def generate(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images ``[n, C, H, W]`` in [-1, 1] from codes."""
        raise AssertionError(f"{type(self).__module__} makes no images")

    def reconstruct(self, images: Tensor) -> Tensor:
        """What is made of the codes of images in [-1, 1]."""
        return self.generate(self.encode(images))
