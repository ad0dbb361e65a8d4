"""The autoencoder between pictures and the small maps of features that latent diffusion works on.

References:
    Rombach et al. 2021, arXiv 2112.10752, section 3.1 and appendix G.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from belamy.errors import UsageError
from belamy.networks.quantisers import Quantised
from belamy.networks.sizes import check_divisible
from belamy.processes import gather

GROUPS = 8
DOWNSAMPLINGS = (2, 4, 8, 16)
"""How many times smaller than the picture maps can be."""


class LatentAutoencoder(nn.Module):
    """Residual blocks at each resolution from half the picture's down to that of the features, and the same back.

    *Departs from the paper*: the first resolution is that of squares of 2x2 pixels, one block at each on the way down
    and at all but the last, where there are two, on the way up; no attention.

    Args:
        shape: (channels, height, width) of the pictures, multiples of ``downsampling``.
        quantiser: What makes codes of features; where it makes none, each feature has a mean and a variance.
        width: Channels at the first resolution, a multiple of 8; twice as many at each further one, at most four times.
        downsampling: How many times smaller than pictures maps of features are: 2, 4, 8 or 16.

    Raises:
        UsageError: Sides that are no multiples, or a number out of range.
    """

    def __init__(self, shape: tuple[int, ...], quantiser: Any, *, width: int, downsampling: int) -> None:
        super().__init__()
        if width < GROUPS or width % GROUPS:
            raise UsageError(f"The width is {width}, but it must be a multiple of {GROUPS}. Type --width 32.")
        if downsampling not in DOWNSAMPLINGS:
            raise UsageError(f"The downsampling is {downsampling}, but it must be 2, 4, 8 or 16. Type 4.")
        check_divisible((shape[0], shape[1], shape[2]), downsampling, "latent-diffusion")
        self.quantiser, self.features = quantiser, (1 if quantiser.codes else 2) * quantiser.dimensions
        widths = [width * min(2**level, 4) for level in range(downsampling.bit_length() - 1)]
        squares, last = 4 * shape[0], widths[-1]
        self.encoder = nn.Sequential(
            nn.PixelUnshuffle(2), nn.Conv2d(squares, width, 3, padding=1), ResidualBlock(width, width),
            *(nn.Sequential(nn.Conv2d(one, two, 3, 2, 1), ResidualBlock(two, two)) for one, two in pairwise(widths)),
            _Head(last, self.features),
        )  # fmt: skip
        self.decoder = nn.Sequential(
            nn.Conv2d(quantiser.dimensions, last, 3, padding=1), ResidualBlock(last, last), ResidualBlock(last, last),
            *(
                nn.Sequential(nn.Upsample(scale_factor=2.0), ResidualBlock(two, one), ResidualBlock(one, one))
                for one, two in reversed(list(pairwise(widths)))
            ),
            _Head(width, squares), nn.PixelShuffle(2),
        )  # fmt: skip

    def forward(self, images: Tensor) -> Tensor:
        """What is decoded of the mean features of pictures.  # [N, C, H, W]"""
        return self.decode(self.encode(images))

    def encode(self, images: Tensor) -> Tensor:
        """Features before they become codes; where there are none, their means.  # [N, C, H, W] to [N, D, h, w]"""
        return self.moments(images)[0]

    def moments(self, images: Tensor) -> tuple[Tensor, Tensor | None]:
        """Means of the features and the logarithms of their variances; None where codes are made of them."""
        features = self.encoder(images)
        if self.quantiser.codes:
            return features, None
        mean, log_variance = features.chunk(2, 1)
        return mean, log_variance.clamp(-30, 20)

    def decode(self, latents: Tensor) -> Tensor:
        """Pictures of features, which first become codes if there are such.  # [N, D, h, w] to [N, C, H, W]"""
        quantised: Quantised = self.quantiser(latents)
        images: Tensor = self.decoder(quantised.vectors)
        return images

    @property
    def last_layer(self) -> Tensor:
        """The weights that make pixels."""
        weight: Tensor = self.decoder[-2].conv.weight  # type: ignore[union-attr, assignment]
        return weight


class LatentScale(nn.Module):
    """Brings latents to mean 0 in each channel and standard deviation 1 over all, by those of the first that it sees.

    *Departs from the paper*, which divides by a deviation and shifts nothing.

    References:
        Rombach et al. 2021, arXiv 2112.10752, appendix G; the sums: Chan, Golub & LeVeque 1983, equation 2.1.

    Args:
        channels: Of the latents.
        most: Latents that it looks at, about; it is fixed from then on.
        centre: The mean, where it is not to be measured.
        spread: The standard deviation, likewise.
    """

    of_the_data = ("mean", "variance", "seen")
    """What a run that starts from another measures anew."""
    mean: Tensor
    variance: Tensor
    seen: Tensor

    def __init__(self, channels: int, most: int, centre: float | None = None, spread: float | None = None) -> None:
        super().__init__()
        self.most, self.centre, self.spread = most, centre, spread
        self.register_buffer("mean", torch.zeros(channels, 1, 1))
        self.register_buffer("variance", torch.ones(()))
        self.register_buffer("seen", torch.zeros((), dtype=torch.long))

    @torch.no_grad()
    def observe(self, latents: Tensor) -> None:
        """Measure latents along with those before; on several processes, those of all.  # [N, D, h, w]"""
        before = int(self.seen)
        if before >= self.most:
            return
        some = gather(latents.to(self.mean)).flatten(0, 1)
        mean, total = some.mean((0, 2, 3))[:, None, None], before + len(some)
        apart, own = mean - self.mean, (some - mean).square().mean()
        share = len(some) / total
        self.variance.lerp_(own, share).add_(share * (1 - share) * apart.square().mean())
        self.mean.lerp_(mean, share)
        self.seen.fill_(total)

    def forward(self, latents: Tensor) -> Tensor:
        """Latents at that scale.  # [N, D, h, w]"""
        mean, deviation = self.moments
        return (latents - mean) / deviation

    def inverse(self, scaled: Tensor) -> Tensor:
        """Latents of those at that scale."""
        mean, deviation = self.moments
        return scaled * deviation + mean

    @property
    def moments(self) -> tuple[Tensor | float, Tensor | float]:
        """The mean and the standard deviation, given or measured."""
        mean = self.mean if self.centre is None else self.centre
        return mean, self.variance.sqrt() if self.spread is None else self.spread


class ResidualBlock(nn.Module):
    """Two normalised convolutions beside a shortcut.

    Args:
        incoming: Channels read.
        outgoing: Channels made.
    """

    def __init__(self, incoming: int, outgoing: int) -> None:
        super().__init__()
        self.norm, self.conv = nn.GroupNorm(GROUPS, incoming), nn.Conv2d(incoming, outgoing, 3, padding=1)
        self.norm_again, self.conv_again = nn.GroupNorm(GROUPS, outgoing), nn.Conv2d(outgoing, outgoing, 3, padding=1)
        self.shortcut = nn.Identity() if incoming == outgoing else nn.Conv2d(incoming, outgoing, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Maps of the same size.  # [N, incoming, H, W] to [N, outgoing, H, W]"""
        inner = self.conv_again(F.silu(self.norm_again(self.conv(F.silu(self.norm(x))))))
        out: Tensor = self.shortcut(x) + inner
        return out


class _Head(nn.Module):
    """A normalised convolution."""

    def __init__(self, incoming: int, outgoing: int) -> None:
        super().__init__()
        self.norm, self.conv = nn.GroupNorm(GROUPS, incoming), nn.Conv2d(incoming, outgoing, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Maps of the same size."""
        out: Tensor = self.conv(F.silu(self.norm(x)))
        return out
