"""The networks of GAN-CLS: a picture from latents and the vector of a text, and a judge of both together."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from belamy.networks.layers import FIRST_WEIGHTS, BatchNorm, KerasConv2d, KerasConvTranspose2d, dense, gaussian
from belamy.networks.residual import doublings
from belamy.networks.sizes import check_choice, check_divisible, check_positive

_SLOPE = 0.2
_NORMAL = gaussian(0.02)
_WIDEST = 8  # times the width
_REFINED = 2  # of the smallest maps


class CaptionedGenerator(nn.Module):
    """Text 1024 → 128, with latents 128 → 4×4×1024 → 512 → 256 → 128 → image; 19,366,528 weights at 64×64.

    Transposed 4×4 convolutions; the two smallest maps gain what a branch of 1×1 and 3×3 convolutions makes of them.
    Pictures of other sizes have as many doublings as lead down to about 4×4.

    *Departs from the published code*, in which the map at half the size has no rectifier.

    References:
        Reed et al. 2016, "Generative adversarial text to image synthesis", arXiv 1605.05396, section 4.1.

    Args:
        latent: Size of the latents.
        shape: (channels, height, width) of the pictures; height and width multiples of 4, at least 8.
        text: Numbers of a text's vector.
        width: Channels at half the size; the smallest map has up to eight times as many.
        told: Numbers that a text's vector is brought to.

    Raises:
        UsageError: A height or width that is not a multiple of 4 or below 8.

    Example:
        >>> CaptionedGenerator(16, (3, 16, 16), 30, width=4)(torch.randn(2, 16), torch.randn(2, 30)).shape
        torch.Size([2, 3, 16, 16])
    """

    native_shape = (3, 64, 64)

    def __init__(
        self, latent: int, shape: tuple[int, int, int], text: int, *, width: int = 128, told: int = 128
    ) -> None:
        super().__init__()
        check_positive(latent, "The latent size")
        widths, smallest = _plan(shape, width, told)
        widths = widths[::-1]
        self.told = dense(text, told)
        first = nn.ConvTranspose2d(told + latent, widths[0], smallest, bias=False)
        _NORMAL(first.weight)
        layers: list[nn.Module] = [first, _norm(widths[0]), _Refined(widths[0])]
        for number, (before, after) in enumerate(pairwise(widths), 1):
            layers += [KerasConvTranspose2d(before, after, 4, 2, bias=False, init=_NORMAL), _norm(after)]
            layers += [_Refined(after) if number < _REFINED else nn.ReLU()]
        layers += [KerasConvTranspose2d(widths[-1], shape[0], 4, 2, bias=False, init=_NORMAL), nn.Tanh()]
        self.layers = nn.Sequential(*layers)

    def forward(self, latents: Tensor, text: Tensor) -> Tensor:
        """Pictures in [-1, 1].  # [N, latent], [N, text] to [N, C, H, W]"""
        told = F.leaky_relu(self.told(text), _SLOPE)
        return self.layers(torch.cat([told, latents], 1)[:, :, None, None])


class CaptionedDiscriminator(nn.Module):
    """64 → 128 → 256 → 512 by 4×4 convolutions of stride 2, with the text at each place → score; 3,226,945 weights.

    References:
        As the generator's.

    Args:
        shape: (channels, height, width) of the pictures; height and width multiples of 4, at least 8.
        text: Numbers of a text's vector.
        width: Channels at half the size; the smallest map has up to eight times as many.
        told: Numbers that a text's vector is brought to.
        init: First weights: ``gaussian`` for N(0, 0.02²), as the paper has them, or ``lecun`` for N(0, 1/n) of n
            incoming numbers, which learns sooner where no batch normalisation makes up for the width.
        projection: Numbers that the maps and the text are brought to, each linearly, whose inner product joins the
            score (Miyato & Koyama 2018, arXiv 1802.05637): what agrees adds up, word by word. 0 for none, as in the
            paper.

    Raises:
        UsageError: A height or width that is not a multiple of 4 or below 8, an unknown ``init``, or a negative
            ``projection``.
    """

    native_shape = (3, 64, 64)

    def __init__(
        self, shape: tuple[int, int, int], text: int, *, width: int = 64, told: int = 128, init: str = "gaussian",
        projection: int = 0,
    ) -> None:  # fmt: skip
        super().__init__()
        widths, (rows, columns) = _plan(shape, width, told)
        whole, part = FIRST_WEIGHTS[check_choice(init, list(FIRST_WEIGHTS), "init")]
        self.told = dense(text, told, init=whole)
        layers: list[nn.Module] = [KerasConv2d(shape[0], widths[0], 4, 2, init=part), nn.LeakyReLU(_SLOPE)]
        for before, after in pairwise(widths):
            layers += [KerasConv2d(before, after, 4, 2, init=part), BatchNorm(after), nn.LeakyReLU(_SLOPE)]
        self.look = nn.Sequential(*layers)
        last = widths[-1]
        self.match = nn.Sequential(
            KerasConv2d(last + told, last, 1, init=part), BatchNorm(last), nn.LeakyReLU(_SLOPE), nn.Flatten()
        )
        self.score = dense(last * rows * columns, 1, init=part)  # a convolution of the whole map
        self.compared = None
        if projection:
            check_positive(projection, "projection")
            sizes = {"picture": last * rows * columns, "text": text}
            self.compared = nn.ModuleDict({name: dense(size, projection, init=whole) for name, size in sizes.items()})

    def scores_and_features(self, images: Tensor, text: Tensor) -> tuple[Tensor, Tensor]:
        """Logits ``[N]`` and the features ``[N, F]`` behind them, of pictures in [-1, 1] and vectors of texts."""
        seen = self.look(images)
        told = F.leaky_relu(self.told(text), _SLOPE)[:, :, None, None].expand(-1, -1, *seen.shape[2:])
        features = self.match(torch.cat([told, seen], 1))
        score = self.score(features).squeeze(1)
        if self.compared is not None:
            both = self.compared["picture"](seen.flatten(1)) * self.compared["text"](text)
            score = score + both.sum(1) / both.shape[1] ** 0.5
        return score, features

    def forward(self, images: Tensor, text: Tensor) -> Tensor:
        """Logits: high for a real picture of what the text says.  # [N, C, H, W], [N, text] to [N]"""
        return self.scores_and_features(images, text)[0]


class _Refined(nn.Module):
    """A map and what three convolutions by way of a quarter of its channels add to it, rectified."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = max(channels // 4, 1)
        self.branch = nn.Sequential(
            KerasConv2d(channels, inner, 1, init=_NORMAL), _norm(inner), nn.ReLU(),
            KerasConv2d(inner, inner, 3, init=_NORMAL), _norm(inner), nn.ReLU(),
            KerasConv2d(inner, channels, 3, init=_NORMAL), _norm(channels),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        """A map of the same shape.  # [N, channels, H, W]"""
        return F.relu(x + self.branch(x))


def _norm(channels: int) -> BatchNorm:
    norm = BatchNorm(channels)
    nn.init.normal_(norm.weight, 1.0, 0.02)
    return norm


def _plan(shape: tuple[int, int, int], width: int, told: int) -> tuple[list[int], tuple[int, int]]:
    """Channels at half the size, a quarter and so on, and the smallest size."""
    check_positive(width, "width")
    check_positive(told, "told")
    check_divisible(shape, 4, "gan-cls", least=2)
    times = doublings(shape)
    return [width * min(2**level, _WIDEST) for level in range(times)], (shape[1] // 2**times, shape[2] // 2**times)
