"""The network of "Real-Time User-Guided Image Colorization": colours of a grey picture, by hints and a palette."""

from __future__ import annotations

from itertools import pairwise
from math import sqrt
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from belamy.networks.layers import BatchNorm
from belamy.networks.sizes import check_positive
from belamy.networks.zhang import PLAN
from belamy.ranges import Within

_EPS, _MOMENTUM, _SLOPE = 1e-5, 0.1, 0.2
BACK = ((2, 1), (2, 1), (4, 2))
"""Of the block on the way back that the first one joins, the second and the third: the same without dilation."""
JOINED = 4
"""The block whose maps a palette is added to."""
DEPTH = 4
"""Layers of a palette."""


class Colouriser(nn.Module):
    r"""Seven blocks of convolutions, then one for each halving that enlarges, joined by what was there before halving.

    3×3 convolutions with ReLU, each block ended by batch normalisation; the first ones are followed by a halving, which
    keeps every other pixel; two are dilated. On the way back 4×4 transposed convolutions, to which a convolution of the
    maps of that size is added, and a last 1×1 convolution at the size of the picture. Hints pass a convolution of their
    own, which is added to the first one's maps; a palette passes four layers, which are added to those of the fourth
    block. Neither has biases: nothing told is exactly nothing added.

    34,051,074 trainable parameters for a and b at 64 channels with hints; 919,040 more with a palette of 259 bins.

    *Departs from the paper*: no mean saturation is told, no bins are predicted beside, and the layers of a palette have
    no biases.

    References:
        Zhang, Zhu, Isola, Geng, Lin, Yu & Efros 2017, arXiv 1705.02999, figure 2 and section 3.3.

    Args:
        shape: (1, height, width) of the lightness; borders are repeated up to multiples of 2^halvings.
        bins: Numbers that are told of each pixel.
        hints: Whether it takes colours at places.
        palette: Numbers in which a palette is told; 0 where it takes none.
        width: Channels of the first block.
        halvings: 1 to 3.

    Raises:
        UsageError: An option out of range.
    """

    native_shape = (1, 32, 32)
    takes_colours = True

    def __init__(
        self, shape: tuple[int, int, int], bins: int, hints: bool = False, palette: int = 0, *, width: int = 64,
        halvings: int = len(BACK),
    ) -> None:  # fmt: skip
        super().__init__()
        check_positive(width, "width")
        Within(1, len(BACK)).check("halvings", halvings)
        maps = [shape[0], *(times * width for times, _, _ in PLAN)]
        self.blocks = nn.ModuleList(
            nn.Sequential(*_rectified(a, b, depth, dilation), _norm(b))
            for (a, b), (_, depth, dilation) in zip(pairwise(maps), PLAN, strict=True)
        )
        self.up, self.shortcuts, self.back = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        incoming = maps[-1]
        for level in reversed(range(halvings)):
            times, depth = BACK[level]
            outgoing = times * width
            self.up.append(nn.ConvTranspose2d(incoming, outgoing, 4, 2, 1))
            self.shortcuts.append(nn.Conv2d(maps[level + 1], outgoing, 3, padding=1))
            layers = [nn.ReLU(), *_rectified(outgoing, outgoing, depth)]
            self.back.append(nn.Sequential(*layers, _norm(outgoing)) if level
                             else nn.Sequential(*layers[:-1], nn.LeakyReLU(_SLOPE)))  # fmt: skip
            incoming = outgoing
        self.head = nn.Conv2d(incoming, bins, 1)
        self.hinting = nn.Conv2d(3, width, 3, padding=1, bias=False) if hints else None
        self.palette = _embedding(palette, maps[JOINED]) if palette else None

    def forward(self, lightness: Tensor, *told: Tensor) -> Tensor:
        """Numbers of each pixel, of lightness in [-1, 1].  # [N, 1, H, W] to [N, bins, H, W]

        Args:
            lightness: What is seen.
            told: As far as it takes them, in this order: a and b of hints and 1 where there are any, ``[N, 3, H, W]``;
                palettes ``[N, palette]``. Zeros, and what is left out, change nothing.
        """
        height, width = lightness.shape[2:]
        whole = 2 ** len(self.up)
        borders = (0, -width % whole, 0, -height % whole)
        x, kept = F.pad(lightness, borders, mode="replicate"), []
        hints = next((each for each in told if each.ndim == 4), None)
        palettes = next((each for each in told if each.ndim == 2), None)
        block: Any
        for number, block in enumerate(self.blocks, start=1):
            x = block[0](x)
            if number == 1 and self.hinting is not None and hints is not None:
                x = x + self.hinting(F.pad(hints, borders))
            x = block[1:](x)
            if number == JOINED and self.palette is not None and palettes is not None:
                x = x + self.palette(palettes)[:, :, None, None]
            if number <= len(self.up):
                kept.append(x)
                x = F.avg_pool2d(x, 1, 2)  # every other pixel
        for up, shortcut, back in zip(self.up, self.shortcuts, self.back, strict=True):
            x = back(up(x) + shortcut(kept.pop()))
        found: Tensor = self.head(x)
        return found[..., :height, :width]


def _rectified(incoming: int, outgoing: int, depth: int, dilation: int = 1) -> list[nn.Module]:
    """So many 3×3 convolutions with ReLU."""
    layers: list[nn.Module] = []
    for number in range(depth):
        layers += [nn.Conv2d(outgoing if number else incoming, outgoing, 3, 1, dilation, dilation), nn.ReLU()]
    return layers


def _embedding(bins: int, channels: int) -> nn.Sequential:
    """Layers of a palette; their weights begin such that what they give is as large as normalised maps are."""
    layers: list[nn.Module] = []
    for incoming in (bins, *[channels] * (DEPTH - 1)):
        layer = nn.Linear(incoming, channels, bias=False)
        nn.init.normal_(layer.weight, std=sqrt(2 / incoming) if layers else 1.0)
        layers += [layer, nn.ReLU()]
    return nn.Sequential(*layers)


def _norm(channels: int) -> nn.Module:
    return BatchNorm(channels, eps=_EPS, momentum=_MOMENTUM)
