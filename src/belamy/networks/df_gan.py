"""The networks of DF-GAN: one stage, in which a text scales and shifts every map, and a judge with one output."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from belamy.networks.residual import doublings
from belamy.networks.sizes import check_divisible, check_positive

_SLOPE = 0.2
_WIDEST = 8  # times the width


class CaptionedGenerator(nn.Module):
    """Latents → 4×4 → residual blocks, each of twice the size, whose maps a text scales and shifts → picture.

    *Departs from the paper*: before it has learned, a text neither scales nor shifts.

    References:
        Tao et al. 2020, "DF-GAN: a simple and effective baseline for text-to-image synthesis", arXiv 2008.05865,
        sections 3.1 and 3.4; written from the paper alone.

    Args:
        latent: Size of the latents.
        shape: (channels, height, width) of the pictures; height and width multiples of 4, at least 8.
        text: Numbers of a text's vector.
        width: Channels at the full size; the smallest map has up to eight times as many.
        bounded: Whether a tangent bounds the pictures, as in the paper. Nothing is normalised here, so in its ends a
            small generator can be stuck: drawn faces on white became white all over.

    Raises:
        UsageError: A height or width that is not a multiple of 4 or below 8.

    Example:
        >>> CaptionedGenerator(16, (3, 16, 16), 30, width=4)(torch.randn(2, 16), torch.randn(2, 30)).shape
        torch.Size([2, 3, 16, 16])
    """

    native_shape = (3, 64, 64)

    def __init__(
        self, latent: int, shape: tuple[int, int, int], text: int, *, width: int = 32, bounded: bool = True
    ) -> None:
        super().__init__()
        check_positive(latent, "The latent size")
        widths, self.smallest = _plan(shape, width)
        self.first = nn.Linear(latent, widths[-1] * self.smallest[0] * self.smallest[1])
        self.blocks = nn.ModuleList(_Enlarging(before, after, text) for before, after in pairwise(widths[::-1]))
        self.last = nn.Conv2d(widths[0], shape[0], 3, padding=1)
        self.bound = nn.Tanh() if bounded else nn.Identity()

    def forward(self, latents: Tensor, text: Tensor) -> Tensor:
        """Pictures in [-1, 1], or about there.  # [N, latent], [N, text] to [N, C, H, W]"""
        maps = self.first(latents).unflatten(1, (-1, *self.smallest))
        for block in self.blocks:
            maps = block(maps, text)
        pictures: Tensor = self.bound(self.last(F.leaky_relu(maps, _SLOPE)))
        return pictures


class CaptionedDiscriminator(nn.Module):
    """Residual blocks, each of half the size, down to about 4×4, where the text joins each place → one score.

    References:
        As the generator's, section 3.3.

    Args:
        shape: (channels, height, width) of the pictures; height and width multiples of 4, at least 8.
        text: Numbers of a text's vector.
        width: Channels at the full size; the smallest map has up to eight times as many.

    Raises:
        UsageError: A height or width that is not a multiple of 4 or below 8.
    """

    native_shape = (3, 64, 64)

    def __init__(self, shape: tuple[int, int, int], text: int, *, width: int = 32) -> None:
        super().__init__()
        widths, (rows, columns) = _plan(shape, width)
        self.first = nn.Conv2d(shape[0], widths[0], 3, padding=1)
        self.blocks = nn.Sequential(*(_Halving(before, after) for before, after in pairwise(widths)))
        self.match = nn.Conv2d(widths[-1] + text, 2 * width, 3, padding=1)
        self.score = nn.Linear(2 * width * rows * columns, 1)  # a convolution of the whole map

    def scores_and_features(self, images: Tensor, text: Tensor) -> tuple[Tensor, Tensor]:
        """Logits ``[N]`` and the features ``[N, F]`` behind them, of pictures in [-1, 1] and vectors of texts."""
        seen = self.blocks(self.first(images))
        told = text[:, :, None, None].expand(-1, -1, *seen.shape[2:])
        features = F.leaky_relu(self.match(torch.cat([seen, told], 1)), _SLOPE).flatten(1)
        return self.score(features).squeeze(1), features

    def forward(self, images: Tensor, text: Tensor) -> Tensor:
        """Logits: high for a real picture of what the text says.  # [N, C, H, W], [N, text] to [N]"""
        return self.scores_and_features(images, text)[0]


class _Affine(nn.Module):
    """Scales and shifts each channel by what two perceptrons make of a text: γ(e) x + β(e), 1 and 0 at first."""

    def __init__(self, channels: int, text: int) -> None:
        super().__init__()
        self.scale, self.shift = (_perceptron(text, channels, value) for value in (1.0, 0.0))

    def forward(self, maps: Tensor, text: Tensor) -> Tensor:
        scaled: Tensor = self.scale(text)[:, :, None, None] * maps
        return scaled + self.shift(text)[:, :, None, None]


def _perceptron(text: int, channels: int, value: float) -> nn.Sequential:
    """One hidden layer of rectifiers; at first it answers one value to every text."""
    last = nn.Linear(channels, channels)
    nn.init.zeros_(last.weight)
    nn.init.constant_(last.bias, value)
    return nn.Sequential(nn.Linear(text, channels), nn.ReLU(), last)


class _Fused(nn.Module):
    """Affine, rectifier, affine, rectifier, 3×3 convolution."""

    def __init__(self, incoming: int, outgoing: int, text: int) -> None:
        super().__init__()
        self.affine = nn.ModuleList(_Affine(incoming, text) for _ in range(2))
        self.conv = nn.Conv2d(incoming, outgoing, 3, padding=1)

    def forward(self, maps: Tensor, text: Tensor) -> Tensor:
        for affine in self.affine:
            maps = F.leaky_relu(affine(maps, text), _SLOPE)
        convolved: Tensor = self.conv(maps)
        return convolved


class _Enlarging(nn.Module):
    """Twice the size, then two fusions of the text beside a shortcut."""

    def __init__(self, incoming: int, outgoing: int, text: int) -> None:
        super().__init__()
        self.fused = nn.ModuleList([_Fused(incoming, outgoing, text), _Fused(outgoing, outgoing, text)])
        self.mix = nn.Conv2d(incoming, outgoing, 1) if incoming != outgoing else nn.Identity()

    def forward(self, maps: Tensor, text: Tensor) -> Tensor:
        maps = F.interpolate(maps, scale_factor=2.0, mode="nearest")
        shortcut: Tensor = self.mix(maps)
        for fused in self.fused:
            maps = fused(maps, text)
        return shortcut + maps


class _Halving(nn.Module):
    """Two convolutions, the first of stride 2, beside a shortcut of means."""

    def __init__(self, incoming: int, outgoing: int) -> None:
        super().__init__()
        self.main = nn.Sequential(
            nn.Conv2d(incoming, outgoing, 4, 2, 1), nn.LeakyReLU(_SLOPE),
            nn.Conv2d(outgoing, outgoing, 3, padding=1), nn.LeakyReLU(_SLOPE),
        )  # fmt: skip
        self.mix = nn.Conv2d(incoming, outgoing, 1) if incoming != outgoing else nn.Identity()

    def forward(self, maps: Tensor) -> Tensor:
        halved: Tensor = self.mix(F.avg_pool2d(maps, 2)) + self.main(maps)
        return halved


def _plan(shape: tuple[int, int, int], width: int) -> tuple[list[int], tuple[int, int]]:
    """Channels at the full size, a half and so on, and the smallest size."""
    check_positive(width, "width")
    check_divisible(shape, 4, "df-gan", least=2)
    times = doublings(shape)
    return [width * min(2**level, _WIDEST) for level in range(times + 1)], (shape[1] // 2**times, shape[2] // 2**times)
