"""The networks of StackGAN: small pictures from latents and texts, and larger ones from small ones and texts."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from belamy.errors import UsageError
from belamy.networks.layers import BatchNorm, KerasConv2d, dense, gaussian
from belamy.networks.residual import UpsampledConv2d, doublings
from belamy.networks.sizes import check_divisible, check_positive

SCALES = (2, 4)
"""How many times the second stage enlarges."""
_NORMAL = gaussian(0.02)
_SLOPE = 0.2
_WIDEST = 16  # times the width
_DEEPEST = 4  # times the width, within the second stage
_NARROWEST = 4  # of the width, at the full size


class CaptionedGenerator(nn.Module):
    """Latents and text → 4×4×1024 → 512 → 256 → 128 → 64 at 64×64 → picture; sizes double to the nearest pixels.

    What a text is told by, its vector or numbers drawn around a mean, is the method's choice. Pictures of other sizes
    have as many doublings as lead down to about 4×4.

    References:
        Zhang et al. 2017, arXiv 1612.03242, sections 3.3 and 3.5 (stage I); written from the paper alone, which does
        not tell the channels.

    Args:
        latent: Size of the latents.
        shape: (channels, height, width) of the pictures; height and width multiples of 4, at least 8.
        text: Numbers of a text's vector.
        width: Channels at the full size; the smallest map has up to sixteen times as many.

    Raises:
        UsageError: A height or width that is not a multiple of 4 or below 8.

    Example:
        >>> CaptionedGenerator(16, (3, 16, 16), 30, width=4)(torch.randn(2, 16), torch.randn(2, 30)).shape
        torch.Size([2, 3, 16, 16])
    """

    native_shape = (3, 64, 64)

    def __init__(self, latent: int, shape: tuple[int, int, int], text: int, *, width: int = 64) -> None:
        super().__init__()
        check_positive(latent, "The latent size")
        check_positive(width, "width")
        check_divisible(shape, 4, "stackgan", least=2)
        times = doublings(shape)
        self.smallest = (shape[1] // 2**times, shape[2] // 2**times)
        widths = [width * min(2**level, _WIDEST) for level in range(times, -1, -1)]
        places = self.smallest[0] * self.smallest[1]
        self.first = dense(latent + text, widths[0] * places, bias=False, init=_NORMAL)
        self.layers = nn.Sequential(
            BatchNorm(widths[0]), nn.ReLU(), *_ups(widths), KerasConv2d(width, shape[0], 3, init=_NORMAL), nn.Tanh()
        )

    def forward(self, latents: Tensor, text: Tensor) -> Tensor:
        """Pictures in [-1, 1].  # [N, latent], [N, text] to [N, C, H, W]"""
        maps = self.first(torch.cat([text, latents], 1)).unflatten(1, (-1, *self.smallest))
        made: Tensor = self.layers(maps)
        return made


class CaptionedUpscaler(nn.Module):
    """Pictures halved to maps, with the text at each place, residual blocks, doubled to larger pictures.

    At 64×64: 128 → 256 → 512 at 16×16, where the text joins, four residual blocks of 512, then 256 → 128 → 64 → 32 at
    256×256.

    References:
        Zhang et al. 2017, arXiv 1612.03242, sections 3.4 and 3.5 (stage II); written from the paper alone, which does
        not tell the channels.

    Args:
        shape: (channels, height, width) of the small pictures.
        scale: How many times larger the others are, 2 or 4.
        text: Numbers of a text's vector.
        width: Channels at the small size, a multiple of 4.
        halvings: How often pictures are halved before the text joins.
        blocks: Residual blocks.

    Raises:
        UsageError: A scale, a height or a width that cannot be.

    Example:
        >>> CaptionedUpscaler((3, 8, 8), 2, 30, width=4)(torch.randn(2, 3, 8, 8), torch.randn(2, 30)).shape
        torch.Size([2, 3, 16, 16])
    """

    native_shape = (3, 64, 64)

    def __init__(
        self, shape: tuple[int, int, int], scale: int, text: int, *, width: int = 128, halvings: int = 2,
        blocks: int = 4,
    ) -> None:  # fmt: skip
        super().__init__()
        if scale not in SCALES:
            raise UsageError(f"The second stage enlarges 2 or 4 times, not {scale}. Type --scale 2.")
        if check_positive(width, "width") % _NARROWEST:
            raise UsageError(f"stackgan.width is {width}, but it must be a multiple of {_NARROWEST}.")
        check_positive(halvings, "halvings")
        check_positive(blocks, "blocks")
        check_divisible(shape, 2**halvings, "stackgan")
        downs = [width * min(2**level, _DEEPEST) for level in range(halvings + 1)]
        self.look = nn.Sequential(KerasConv2d(shape[0], width, 3, init=_NORMAL), nn.ReLU(), *_downs(downs))
        deepest = downs[-1]
        self.join = nn.Sequential(
            KerasConv2d(deepest + text, deepest, 3, bias=False, init=_NORMAL), BatchNorm(deepest), nn.ReLU()
        )
        self.blocks = nn.Sequential(*(_Residual(deepest) for _ in range(blocks)))
        finer = [width // 2, width // 4][: SCALES.index(scale) + 1]
        self.rise = nn.Sequential(
            *_ups([*downs[::-1], *finer]), KerasConv2d(finer[-1], shape[0], 3, init=_NORMAL), nn.Tanh()
        )

    def forward(self, images: Tensor, text: Tensor) -> Tensor:
        """Pictures in [-1, 1].  # [N, C, H, W], [N, text] to [N, C, scale H, scale W]"""
        seen = self.look(images)
        told = text[:, :, None, None].expand(-1, -1, *seen.shape[2:])
        made: Tensor = self.rise(self.blocks(self.join(torch.cat([seen, told], 1))))
        return made


def _ups(widths: list[int]) -> list[nn.Module]:
    """Twice the size by nearest neighbours, a 3×3 convolution, normalisation, rectifier, for each further width."""
    return [
        layer
        for before, after in pairwise(widths)
        for layer in (UpsampledConv2d(before, after, init=_NORMAL), BatchNorm(after), nn.ReLU())
    ]


def _downs(widths: list[int]) -> list[nn.Module]:
    """Half the size by a 4×4 convolution, normalisation, rectifier, for each further width."""
    return [
        layer
        for before, after in pairwise(widths)
        for layer in (
            KerasConv2d(before, after, 4, 2, bias=False, init=_NORMAL), BatchNorm(after), nn.LeakyReLU(_SLOPE)
        )
    ]  # fmt: skip


class _Residual(nn.Module):
    """A map and what two convolutions add to it, rectified."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            KerasConv2d(channels, channels, 3, bias=False, init=_NORMAL), BatchNorm(channels), nn.ReLU(),
            KerasConv2d(channels, channels, 3, bias=False, init=_NORMAL), BatchNorm(channels),
        )  # fmt: skip

    def forward(self, maps: Tensor) -> Tensor:
        """A map of the same shape.  # [N, channels, H, W]"""
        return F.relu(maps + self.branch(maps))
