"""Restoration: images through an autoencoder and back, with noise taken out of them on the way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from belamy.data import to_float, to_uint8
from belamy.editing.inversion import psnr
from belamy.errors import UsageError
from belamy.methods.base import BaseMethod, Reconstructs
from belamy.modalities.grid import grid
from belamy.sampling.draw import placement
from belamy.sampling.picture import Picture, named
from belamy.seeds import SampleDraws

BATCH = 256


@dataclass(frozen=True, eq=False)
class Restoration:
    """Images, what the method saw of them, and what it made of that.

    Args:
        images: As given, uint8.  # [n, C, H, W]
        seen: With noise; the same where there is none.  # [n, C, H, W]
        restored: What came back.  # [n, C, H, W]
        noise: Standard deviation, on the scale [0, 1].
    """

    images: Tensor
    seen: Tensor
    restored: Tensor
    noise: float

    @property
    def before(self) -> Tensor:
        """Peak signal-to-noise ratio of what was seen, in decibels.  # [n] float64"""
        return psnr(self.seen, self.images)

    @property
    def after(self) -> Tensor:
        """The same of what came back."""
        return psnr(self.restored, self.images)

    def picture(self, count: int = 10) -> Picture:
        """The first images, above what was seen of them and what came back."""
        rows = {"given": self.images, "seen": self.seen, "restored": self.restored}
        if not self.noise:
            rows = {"given": self.images, "reconstructed": self.restored}
        shown = min(count, len(self.images))
        sheet = grid(torch.cat([row[:shown] for row in rows.values()]), columns=shown, scale=None)
        return Picture(named(sheet, list(rows)))

    def _repr_png_(self) -> bytes:
        return self.picture().png


@torch.no_grad()
def restore(method: BaseMethod, images: Tensor, noise: float = 0.0, seed: int = 0) -> Restoration:
    """Images through the encoder and the decoder; noise may be added first, to see it go.

    References:
        Vincent et al. 2008, "Extracting and composing robust features with denoising autoencoders".

    Args:
        method: It reconstructs; a denoising autoencoder (``--noise``) has learned to take noise out.
        images: uint8 of the method's shape.  # [n, C, H, W]
        noise: Standard deviation on the scale [0, 1].
        seed: Of the noise.

    Raises:
        UsageError: The method does not reconstruct, images of another shape, or noise that is not from 0 to 10.
    """
    if not isinstance(method, Reconstructs):
        raise UsageError(
            "This run's method reconstructs no images: it has no encoder. Take a run of an autoencoder, e.g. "
            "`belamy train autoencoder-mnist --noise 0.4`."
        )
    if tuple(images.shape[1:]) != tuple(method.spec.shape):
        raise UsageError(f"The images are {tuple(images.shape[1:])}, but this run's are {tuple(method.spec.shape)}.")
    model: Any = method.eval()
    device, dtype = placement(method)
    seen = noisy(images, noise, seed)
    made = [to_uint8(model.reconstruct(to_float(part).to(device, dtype))).cpu() for part in seen.split(BATCH)]
    return Restoration(images, seen, torch.cat(made), noise)


def noisy(images: Tensor, noise: float, seed: int = 0) -> Tensor:
    """Images with normal noise, cut to the range of pixels; that of image i depends on (seed, i) alone.

    Args:
        images: uint8.  # [n, C, H, W]
        noise: Standard deviation on the scale [0, 1]; 0 leaves them as they are.
        seed: Of the noise.

    Raises:
        UsageError: Noise that is not from 0 to 10.
    """
    if not 0 <= noise <= 10:
        raise UsageError(f"The noise is {noise:g}, but it must be in 0..10; 0.4 is much.")
    if not noise:
        return images
    numbers = SampleDraws(seed, range(len(images))).normal("restoration", len(images), *images.shape[1:])
    return (images + 255 * noise * numbers).round().clamp(0, 255).to(torch.uint8)
