"""Progressive GAN: networks that begin with 4×4 pixels and grow to full size while they train."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from belamy.errors import UsageError
from belamy.networks.equalised import (
    SLOPE,
    EqualisedConv2d,
    EqualisedLinear,
    EqualisedUpConv2d,
    MinibatchDeviation,
)
from belamy.networks.growing import Growing, enlarged, halved
from belamy.networks.normalisations.pixel import PixelNorm
from belamy.networks.residual import doublings
from belamy.networks.sizes import check_divisible, check_positive

_EPSILON = 1e-8


class Generator(Growing):
    r"""Latents of mean square 1 → dense 4×4 map → 3×3; at each size: nearest ×2, two 3×3 convolutions → 1×1, linear.

    A leaky rectifier and a pixel normalisation follow every layer but the last; all rates are equalised. Between two
    sizes the images of both are blended. Stage i, at :math:`2^{i+1}` pixels, has
    :math:`\min(\lfloor\mathrm{base}/2^i\rfloor, \mathrm{widest})` channels. The default is the book's for 32 pixels;
    the paper's is ``base=8192,widest=512``.

    The last layer is linear, so in training values may leave [-1, 1]; samples are clipped.

    *Departs from the paper*: a label's code is normalised together with the latents.

    References:
        Karras et al. 2017, arXiv 1710.10196, table 2 and section 4.

    Args:
        latent: Size of the latents.
        shape: (channels, height, width) of the images; height and width multiples of 4, at least 8.
        base: Channels by stage, see above.
        widest: Most channels.
        smallest: Shorter side of the smallest map, 2 or more; the nearest larger one that halving gives. With 2, stages
            are of half the pixels.

    Raises:
        UsageError: A height or width that is not a multiple of 4 or below 8, or a number of channels below 1.

    Example:
        >>> network = Generator(16, (3, 32, 32), base=64, widest=8)
        >>> network.grow(2.5)  # between 4 and 8 pixels
        >>> network(torch.randn(2, 16)).shape
        torch.Size([2, 3, 32, 32])
    """

    native_shape = (3, 32, 32)
    native_latent = 128
    value_range = (-1.0, 1.0)
    bounded = False

    def __init__(
        self, latent: int, shape: tuple[int, int, int], *, base: int = 4096, widest: int = 128, smallest: int = 4
    ) -> None:
        super().__init__(_halvings(shape, "progan", smallest))
        check_positive(latent, "The latent size")
        widths = channels(self.halvings, base, widest)
        self.first = _Seed(latent, widths[1], (shape[1] >> self.halvings, shape[2] >> self.halvings))
        self.blocks = nn.ModuleList(
            nn.Sequential(*_rectified(EqualisedUpConv2d(before, after)), *_rectified(EqualisedConv2d(after, after, 3)))
            for before, after in pairwise(widths[1:])
        )
        self.images = nn.ModuleList(EqualisedConv2d(width, shape[0], 1, gain=1.0) for width in widths[1:])

    def forward(self, latents: Tensor) -> Tensor:
        """Images ``[N, C, H, W]`` from latents ``[N, latent]``."""
        whole, share = self.place
        size = self.halvings - whole
        x = coarser = self.first(latents)
        for block in self.blocks[:size]:
            coarser, x = x, block(x)
        image = self.images[size](x)
        if share:
            image = torch.lerp(image, enlarged(self.images[size - 1](coarser), 1), share)
        return enlarged(image, whole)


class Discriminator(Growing):
    r"""The generator's mirror: 1×1 of the image; at each size two 3×3 convolutions and 2×2 means → deviation → score.

    A leaky rectifier follows every layer but the last; nothing is normalised. At 4×4 the deviation over the batch joins
    as a map; then a 3×3 and a 4×4 convolution make the features.

    References:
        Karras et al. 2017, arXiv 1710.10196, table 2 and sections 3 and 4.

    Args:
        shape: (channels, height, width) of the images; height and width multiples of 4, at least 8.
        base: Channels by stage, see the generator.
        widest: Most channels.
        smallest: See the generator.
        group: Samples whose deviation is taken together, at least 2, or 0 for the whole batch.

    Raises:
        UsageError: A height or width that is not a multiple of 4 or below 8, a number of channels below 1 or a group
            below 2.
    """

    native_shape = (3, 32, 32)
    name = "progan"

    def __init__(
        self, shape: tuple[int, int, int], *, base: int = 4096, widest: int = 128, smallest: int = 4, group: int = 0
    ) -> None:
        super().__init__(_halvings(shape, self.name, smallest))
        if group < 0 or group == 1:
            raise UsageError(f"{self.name}.group is {group}, but it must be at least 2, or 0 for the whole batch.")
        widths = channels(self.halvings, base, widest)
        fine_first = widths[:0:-1]
        self.images = nn.ModuleList(
            nn.Sequential(EqualisedConv2d(shape[0], width, 1), nn.LeakyReLU(SLOPE)) for width in fine_first
        )
        self.blocks = nn.ModuleList(self.block(before, after) for before, after in pairwise(fine_first))
        sides = (shape[1] >> self.halvings, shape[2] >> self.halvings)
        self.last = nn.Sequential(
            MinibatchDeviation(group or None),
            EqualisedConv2d(widths[1] + 1, widths[1], 3),
            nn.LeakyReLU(SLOPE),
            EqualisedConv2d(widths[1], widths[0], sides, valid=True),
            nn.LeakyReLU(SLOPE),
            nn.Flatten(),
        )
        self.score = EqualisedLinear(widths[0], 1, gain=1.0)

    def block(self, before: int, after: int) -> nn.Module:
        """From a size to half of it."""
        return nn.Sequential(
            EqualisedConv2d(before, before, 3),
            nn.LeakyReLU(SLOPE),
            EqualisedConv2d(before, after, 3),
            nn.LeakyReLU(SLOPE),
            nn.AvgPool2d(2),
        )

    def scores_and_features(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Scores ``[N]`` (logits) and features ``[N, F]`` of images ``[N, C, H, W]``."""
        whole, share = self.place
        image = halved(images, whole)
        x = self.images[whole](image)
        for number, block in enumerate(self.blocks[whole:], start=whole):
            x = block(x)
            if share and number == whole:
                x = torch.lerp(x, self.images[whole + 1](halved(image, 1)), share)
        features = self.last(x)
        return self.score(features).squeeze(1), features

    def forward(self, images: Tensor) -> Tensor:
        """Scores ``[N]`` (logits) of images ``[N, C, H, W]``."""
        return self.scores_and_features(images)[0]


class _Seed(nn.Module):
    """The generator's smallest map: latents of mean square 1, dense, one offset a channel, then a 3×3 convolution."""

    def __init__(self, latent: int, width: int, sides: tuple[int, int]) -> None:
        super().__init__()
        area = sides[0] * sides[1]
        self.normalise = PixelNorm(_EPSILON)
        self.dense = EqualisedLinear(latent, width * area, gain=2**0.5 / 4, offset=None)
        self.unflatten = nn.Unflatten(1, (width, *sides))
        self.bias = nn.Parameter(torch.zeros(width, 1, 1))
        self.rest = nn.Sequential(
            nn.LeakyReLU(SLOPE), PixelNorm(_EPSILON), *_rectified(EqualisedConv2d(width, width, 3))
        )

    def forward(self, latents: Tensor) -> Tensor:
        """``[N, width, h, w]`` from latents ``[N, latent]``."""
        x: Tensor = self.rest(self.unflatten(self.dense(self.normalise(latents))) + self.bias)
        return x


def _halvings(shape: tuple[int, int, int], network: str, smallest: int) -> int:
    check_divisible(shape, 4, network, least=2)
    if smallest < 2:
        raise UsageError(f"{network}.smallest is {smallest}, but the smallest map's shorter side must be at least 2.")
    return doublings(shape, smallest)


def channels(halvings: int, base: int, widest: int) -> list[int]:
    """The channels of stages 0, 1, … up to that of the full size; the smallest size is stage 1's.

    Example:
        >>> channels(8, 8192, 512)
        [512, 512, 512, 512, 512, 256, 128, 64, 32, 16]
        >>> set(channels(3, 4096, 128))
        {128}
    """
    check_positive(base, "base")
    check_positive(widest, "widest")
    return [max(min(base >> stage, widest), 1) for stage in range(halvings + 2)]


def _rectified(layer: nn.Module) -> tuple[nn.Module, nn.Module, nn.Module]:
    return layer, nn.LeakyReLU(SLOPE), PixelNorm(_EPSILON)
