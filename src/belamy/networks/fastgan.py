"""FastGAN: a light generator with skip-layer excitation and a discriminator that is a good encoder."""

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from belamy.networks.layers import BatchNorm, dense, gaussian
from belamy.networks.residual import UpsampledConv2d, doublings
from belamy.networks.sizes import check_divisible, check_positive
from belamy.networks.surgery import Handed

_SLOPE = 0.2
_INIT = gaussian(0.02)


class Generator(nn.Module):
    r"""Latent → 4×4 → one convolution at each doubled size → image; early maps weigh the channels of late ones.

    Every step enlarges by nearest neighbours, then 3×3 convolution, batch normalisation and a gated linear unit. A map
    16 times as large as an earlier one is excited by it,

    .. math:: y = F(x_{low}, W) \cdot x_{high},

    where F is the mean over 4×4 fields, a 4×4 convolution to one pixel, a leaky rectifier, a 1×1 convolution and the
    logistic function: one factor for each channel.

    *Departs from the paper*: it does not tell the channels, so these are ours; where pictures are smaller than 64
    pixels, the last map is excited by the first; the first map is as broad as the picture, 4×6 for 64×96.

    References:
        Liu et al. 2021, arXiv 2101.04775, section 3.1, figure 3, equation 1. Gated linear unit: Dauphin et al. 2016,
        arXiv 1612.08083.

    Args:
        latent: Size of the latents.
        shape: (channels, height, width) of the images; height and width multiples of 4, at least 8.
        width: Channels at full size; each halving doubles them, up to ``growth`` times ``width``.
        growth: See ``width``.
        skip: Doublings between a map and the one that excites it.

    Raises:
        UsageError: A height or width that is not a multiple of 4 or below 8, or an option below 1.

    Example:
        >>> Generator(256, (3, 64, 64))(torch.randn(2, 256)).shape
        torch.Size([2, 3, 64, 64])
    """

    native_shape = (3, 64, 64)
    native_latent = 256
    value_range = (-1.0, 1.0)

    def __init__(
        self, latent: int, shape: tuple[int, int, int], *, width: int = 16, growth: int = 16, skip: int = 4
    ) -> None:
        super().__init__()
        for name, value in {"The latent size": latent, "width": width, "growth": growth, "skip": skip}.items():
            check_positive(value, name)
        check_divisible(shape, 4, "fastgan", least=2)
        times = doublings(shape)
        widths = [width * min(2**halvings, growth) for halvings in range(times, -1, -1)]
        self.start_shape = (2 * widths[0], shape[1] >> times, shape[2] >> times)
        self.start = dense(latent, torch.Size(self.start_shape).numel(), bias=False, init=_INIT)
        self.first = nn.Sequential(BatchNorm(2 * widths[0], momentum=0.1), nn.GLU(1))
        self.steps = nn.ModuleList(_step(before, after) for before, after in pairwise(widths))
        self.skip = min(skip, times)
        self.excitations = nn.ModuleList(
            _Excitation(widths[number], widths[number + self.skip]) for number in range(times + 1 - self.skip)
        )
        image = nn.Conv2d(widths[-1], shape[0], 3, padding=1)
        _INIT(image.weight)
        self.image = nn.Sequential(image, nn.Tanh())

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images ``[N, C, H, W]`` in [-1, 1] from latents ``[N, latent]``."""
        maps = [self.first(self.start(latents).view(-1, *self.start_shape))]  # [N, widths[0], 4, 4]
        for number, step in enumerate(self.steps, start=1):
            x = step(maps[-1])
            if number >= self.skip:
                x = x * self.excitations[number - self.skip](maps[number - self.skip])
            maps.append(x)
        return self.image(maps[-1])


class Discriminator(nn.Module):
    """Image → halved until 8×8 → 5×5 scores, each of a patch; it shows its last two maps.

    The first halving is a 4×4 convolution; each other one the mean of two ways: 4×4 and 3×3 convolutions, and 2×2 means
    with a 1×1 convolution, all with batch normalisation and leaky rectifiers. Every patch is judged by itself, and the
    score of an image is the mean of its patches'. From the maps at 16×16 and 8×8 the penalty ``self-supervised`` lets
    small decoders make the image again.

    *Departs from the paper*: it does not tell the channels, so these are ours; the image is halved as often as its size
    asks for, and one below 16 pixels not at all.

    References:
        Liu et al. 2021, arXiv 2101.04775, section 3.2, figure 4.

    Args:
        shape: (channels, height, width) of the images; height and width multiples of 4, at least 8.
        width: Channels at half the size; each halving doubles them, up to ``growth`` times ``width``.
        growth: See ``width``.

    Raises:
        UsageError: A height or width that is not a multiple of 4 or below 8, or an option below 1.
    """

    native_shape = (3, 64, 64)

    def __init__(self, shape: tuple[int, int, int], *, width: int = 32, growth: int = 8) -> None:
        super().__init__()
        for name, value in {"width": width, "growth": growth}.items():
            check_positive(value, name)
        check_divisible(shape, 4, "fastgan", least=2)
        halvings = doublings(shape) - 1
        widths = [width * min(2**number, growth) for number in range(max(halvings, 1))]
        first = nn.Conv2d(shape[0], width, 4, 2, 1) if halvings else nn.Conv2d(shape[0], width, 3, 1, 1)
        self.blocks = nn.Sequential(
            nn.Sequential(first, nn.LeakyReLU(_SLOPE)), *(_Halving(before, after) for before, after in pairwise(widths))
        )
        self.hidden = _convolution(widths[-1], widths[-1], 1)
        self.score = nn.Conv2d(widths[-1], 1, 4)
        for part in (first, self.score):
            _INIT(part.weight)
        self.aside: Handed[dict[str, Any]] = Handed()

    def scores_and_features(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Scores ``[N]``, the means of those of patches, and features ``[N, F]`` of images ``[N, C, H, W]``."""
        maps = [images]
        for block in self.blocks:
            maps.append(block(maps[-1]))
        x = self.hidden(maps[-1])  # [N, F, 8, 8]
        patches = self.score(x).flatten(1)  # [N, 25]
        if self.aside.thing is not None:
            self.aside.thing.update(patches=patches, maps=tuple(maps[1:][-2:]))
        return patches.mean(1), x.mean((2, 3))

    def forward(self, images: Tensor) -> Tensor:
        """Scores ``[N]`` of images ``[N, C, H, W]`` in [-1, 1]."""
        return self.scores_and_features(images)[0]


class _Excitation(nn.Sequential):
    """Factors ``[N, outgoing, 1, 1]`` in (0, 1) from a map."""

    def __init__(self, incoming: int, outgoing: int) -> None:
        squeezing = nn.Conv2d(incoming, outgoing, 4, bias=False)
        mixing = nn.Conv2d(outgoing, outgoing, 1, bias=False)
        super().__init__(nn.AdaptiveAvgPool2d(4), squeezing, nn.LeakyReLU(0.1), mixing, nn.Sigmoid())
        for layer in (squeezing, mixing):
            _INIT(layer.weight)


class _Halving(nn.Module):
    """The mean of two ways to half the size."""

    def __init__(self, incoming: int, outgoing: int) -> None:
        super().__init__()
        self.main = nn.Sequential(_convolution(incoming, outgoing, 4, 2, 1), _convolution(outgoing, outgoing, 3, 1, 1))
        self.side = nn.Sequential(nn.AvgPool2d(2), _convolution(incoming, outgoing, 1))

    def forward(self, x: Tensor) -> Tensor:
        """``[N, outgoing, H/2, W/2]`` from ``[N, incoming, H, W]``."""
        return (self.main(x) + self.side(x)) / 2


def _step(incoming: int, outgoing: int) -> nn.Sequential:
    """Twice the size, 3×3 convolution, batch normalisation, gated linear unit."""
    return nn.Sequential(
        UpsampledConv2d(incoming, 2 * outgoing, init=_INIT), BatchNorm(2 * outgoing, momentum=0.1), nn.GLU(1)
    )


def _convolution(incoming: int, outgoing: int, kernel: int, stride: int = 1, padding: int = 0) -> nn.Sequential:
    """Convolution, batch normalisation, leaky rectifier."""
    layer = nn.Conv2d(incoming, outgoing, kernel, stride, padding, bias=False)
    _INIT(layer.weight)
    return nn.Sequential(layer, BatchNorm(outgoing, momentum=0.1), nn.LeakyReLU(_SLOPE))
