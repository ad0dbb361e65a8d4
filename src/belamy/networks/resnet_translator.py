"""The residual generator of CycleGAN, CUT and pix2pixHD: halve, many residual blocks at the small size, and back."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from belamy.errors import UsageError
from belamy.networks.layers import BatchNorm, KerasConv2d, KerasConvTranspose2d, gaussian
from belamy.networks.resampling import filter_taps, resample
from belamy.networks.residual import UpsampledConv2d
from belamy.networks.sizes import check_choice, check_least, check_positive
from belamy.networks.u_net import SeededDropout
from belamy.ranges import Within

LEAST = 8
"""Side of the smallest picture, in pixels."""
LARGE = 256
"""Side from which on pictures have nine blocks where their number is not given, in pixels."""
_PADDINGS = {"reflect": "reflect", "zero": "constant", "replicate": "replicate", "circular": "circular"}
_RESAMPLINGS = ("strided", "nearest", "filtered")
_FILTER = (1.0, 2.0, 1.0)
_NORMAL = gaussian(0.02)
_MATCHED = (0, 4)  # the blocks whose maps CUT compares: the first and the fifth


class Translator(nn.Module):
    r"""7×7 convolution, halvings, residual blocks, doublings, 7×7 convolution and tanh; for pictures of any size.

    A block adds to its input two 3×3 convolutions, each normalised, the first rectified; nothing follows the sum. The
    paper has 6 blocks for pictures of 128 pixels and 9 from 256 on. 11,378,179 parameters for 3 channels to 3 with 9
    blocks, 7,837,699 with 6, and normalisations without gains (``generator_norm`` = ``instance:affine=False``); with
    3 halvings, 2 channels and batch normalisation it is pix2pixHD's global generator, 45,611,459. Sides that are no
    multiple of 2^halvings are extended by mirroring and cut again.

    *Departs from the published code* in nothing but where the odd pixel of a padding lies: at the end, not the start.

    References:
        Zhu, Park, Isola & Efros 2017, arXiv 1703.10593, section 7.2; Johnson et al. 2016, arXiv 1603.08155; Wang et al.
        2017, arXiv 1711.11585; filtered resampling: Park et al. 2020, arXiv 2007.15651, appendix C, after Zhang 2019,
        arXiv 1904.11486; blending: Pumarola et al. 2018, arXiv 1807.09251, equation 1.

    Args:
        shape: (channels, height, width) of what is given, of at least 8×8 pixels.
        outputs: Channels of what is made.
        width: Maps of the first convolution; each halving doubles them.
        blocks: Residual blocks; 0 for the paper's, 9 from 256 pixels on and 6 below.
        halvings: How often the sides are halved.
        padding: What lies beyond the border for the 7×7 convolutions and the blocks: ``reflect``, ``zero``,
            ``replicate`` or ``circular``.
        resampling: ``strided`` and transposed convolutions, as published; ``nearest`` enlarges by neighbours before it
            convolves, which leaves no checkerboard; ``filtered`` blurs before it halves and enlarges bilinearly (CUT).
        dropout: Probability of dropping a value inside a block; pix2pix has 0.5.
        blended: One map more says how much of each pixel is new; the rest is what was given.

    Raises:
        UsageError: A picture that is too small, an option out of range, or blending pictures of other channels.

    Example:
        >>> Translator((1, 64, 64), 3, width=4, blocks=1)(torch.zeros(2, 1, 37, 50)).shape
        torch.Size([2, 3, 37, 50])
    """

    native_shape = (3, 64, 64)

    def __init__(
        self,
        shape: tuple[int, int, int],
        outputs: int,
        *,
        width: int = 64,
        blocks: int = 0,
        halvings: int = 2,
        padding: str = "reflect",
        resampling: str = "strided",
        dropout: float = 0.0,
        blended: bool = False,
    ) -> None:
        super().__init__()
        check_least(shape, LEAST, "resnet-translator")
        check_positive(width, "width")
        check_positive(outputs, "The number of channels that are made")
        check_choice(padding, [*_PADDINGS], "padding")
        check_choice(resampling, _RESAMPLINGS, "resampling")
        Within(0, 6).check("halvings", halvings)
        blocks = blocks or (9 if min(shape[1:]) >= LARGE else 6)
        check_positive(blocks, "blocks")
        if blended and shape[0] != outputs:
            raise UsageError(f"blended keeps parts of what is given, but that has {shape[0]} channels and what is made "
                             f"{outputs}. Leave it out, or give both sides --channels {outputs}.")  # fmt: skip
        self.blended, self.outputs = blended, outputs
        maps = [width * 2**level for level in range(halvings + 1)]  # 64 128 256
        self.stem = nn.Sequential(_Padded(shape[0], width, 7, padding), BatchNorm(width), nn.ReLU())
        self.down = nn.ModuleList(_Halving(a, b, padding, resampling) for a, b in pairwise(maps))
        self.blocks = nn.ModuleList(_Block(maps[-1], padding, dropout) for _ in range(blocks))
        self.up = nn.Sequential(*(_Doubling(a, b, padding, resampling) for a, b in pairwise(reversed(maps))))
        self.head = _Padded(width, outputs + blended, 7, padding)
        self.matched = tuple(sorted({min(number, blocks - 1) for number in _MATCHED}))
        self.map_channels = (shape[0], *maps[1:], *(maps[-1] for _ in self.matched))

    def forward(self, images: Tensor, streams: Sequence[torch.Generator] | None = None) -> Tensor:
        """Pictures ``[N, outputs, H, W]`` in [-1, 1] from pictures ``[N, C, H, W]``.

        Args:
            images: What is translated, of any height and width of at least 8.
            streams: In evaluation, the random numbers of each sample's dropout; without them nothing is dropped.

        Raises:
            UsageError: A side below 8 pixels.
        """
        return self.made_and_seen(images, streams)[0]

    def made_and_seen(
        self, images: Tensor, streams: Sequence[torch.Generator] | None = None
    ) -> tuple[Tensor, list[Tensor]]:
        """What :meth:`forward` makes, and what :meth:`seen` tells, from one pass."""
        wide = self._extended(images)
        x, maps = self._encoded(wide, streams, len(self.blocks))
        x = self.head(self.up(x))
        made = torch.tanh(x[:, : self.outputs])
        if self.blended:
            made = wide + torch.sigmoid(x[:, self.outputs :]) * (made - wide)
        return made[..., : images.shape[2], : images.shape[3]], maps

    def seen(self, images: Tensor) -> list[Tensor]:
        """The maps of pictures that CUT compares: the pixels, each halving convolution, the first and fifth block.

        Args:
            images: What is encoded.  # [N, C, H, W]

        Returns:
            One for each of ``map_channels``.  # [N, channels, h, w] each
        """
        return self._encoded(self._extended(images), None, self.matched[-1] + 1)[1]

    def _encoded(
        self, images: Tensor, streams: Sequence[torch.Generator] | None, blocks: int
    ) -> tuple[Tensor, list[Tensor]]:
        """What some of the blocks make of pictures, and the maps that are compared."""
        maps, x = [images], self.stem(images)
        for halving in self.down:
            x, convolved = halving(x)
            maps.append(convolved)
        for number in range(blocks):
            x = self.blocks[number](x, streams)
            if number in self.matched:
                maps.append(x)
        return x, maps

    def _extended(self, images: Tensor) -> Tensor:
        """Pictures whose sides can be halved, mirrored at their ends."""
        check_least(tuple(images.shape[1:]), LEAST, "resnet-translator")
        stride = 2 ** len(self.down)
        return _padded(images, (0, -images.shape[3] % stride, 0, -images.shape[2] % stride), "reflect")


class _Padded(nn.Module):
    """A convolution of odd width with a margin of a chosen kind."""

    def __init__(self, incoming: int, outgoing: int, kernel: int, padding: str) -> None:
        super().__init__()
        self.convolution = KerasConv2d(incoming, outgoing, kernel, padding="valid", init=_NORMAL)
        self.margin, self.mode = kernel // 2, _PADDINGS[padding]

    def forward(self, x: Tensor) -> Tensor:
        return self.convolution(_padded(x, (self.margin,) * 4, self.mode))


class _Halving(nn.Module):
    """3×3 of stride 2, or of stride 1 and the filter after the activation; also gives what was convolved."""

    def __init__(self, incoming: int, outgoing: int, padding: str, resampling: str) -> None:
        super().__init__()
        self.filtered = resampling == "filtered"
        self.convolution: nn.Module = (_Padded(incoming, outgoing, 3, padding) if self.filtered
                                       else KerasConv2d(incoming, outgoing, 3, 2, init=_NORMAL))  # fmt: skip
        self.norm: nn.Module = BatchNorm(outgoing)
        self.mode = _PADDINGS[padding]

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        convolved = self.convolution(x)
        x = F.relu(self.norm(convolved))
        if self.filtered:
            x = resample(_padded(x, (1,) * 4, self.mode), filter_taps(_FILTER, like=x), down=2)
        return x, convolved


class _Doubling(nn.Module):
    """A transposed 3×3, or twice the size by neighbours or bilinearly and a 3×3."""

    def __init__(self, incoming: int, outgoing: int, padding: str, resampling: str) -> None:
        super().__init__()
        self.filtered = resampling == "filtered"
        if self.filtered:
            self.convolution: nn.Module = _Padded(incoming, outgoing, 3, padding)
        elif resampling == "nearest":
            self.convolution = UpsampledConv2d(incoming, outgoing, init=_NORMAL)
        else:
            self.convolution = KerasConvTranspose2d(incoming, outgoing, 3, 2, init=_NORMAL)
        self.norm: nn.Module = BatchNorm(outgoing)

    def forward(self, x: Tensor) -> Tensor:
        x = F.interpolate(x, scale_factor=2.0, mode="bilinear") if self.filtered else x
        return F.relu(self.norm(self.convolution(x)))


class _Block(nn.Module):
    """Two convolutions whose result is added; nothing after the sum."""

    def __init__(self, features: int, padding: str, dropout: float) -> None:
        super().__init__()
        self.first = nn.Sequential(_Padded(features, features, 3, padding), BatchNorm(features), nn.ReLU())
        self.dropout = SeededDropout(dropout)
        self.second = nn.Sequential(_Padded(features, features, 3, padding), BatchNorm(features))

    def forward(self, x: Tensor, streams: Sequence[torch.Generator] | None) -> Tensor:
        return x + self.second(self.dropout(self.first(x), streams))


def _padded(x: Tensor, margins: tuple[int, ...], mode: str) -> Tensor:
    """Maps with margins (left, right, top, bottom) of a kind; what is too small to be mirrored repeats its border."""
    if mode == "constant" or not any(margins):
        return F.pad(x, margins) if any(margins) else x
    over = 1 if mode == "reflect" else 0
    fits = max(margins[:2]) + over <= x.shape[3] and max(margins[2:]) + over <= x.shape[2]
    return F.pad(x, margins, mode=mode if fits else "replicate")
