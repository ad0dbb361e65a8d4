"""The U-Net of pix2pix: an encoder and a decoder whose maps of equal size are joined."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from belamy.networks.layers import BatchNorm, Dropout, KerasConv2d, KerasConvTranspose2d
from belamy.networks.sizes import check_choice, check_divisible, check_positive

DEEPEST = 7
_LEAST = 2  # halvings, and pixels of a side of the smallest map, where the depth is not given
_SLOPE = 0.2
_MOMENTUM = 0.2  # 0.8 in Keras
_WIDEST = 8  # times the width
_UPSAMPLINGS = ("nearest", "transposed")


class Translator(nn.Module):
    r"""Pictures to pictures through a narrow map, with a shortcut for every size on the way.

    7 convolutions 4×4 of stride 2 (64, 128, 256, 512 … 512 maps) take 256×256 to 2×2; 6 blocks (nearest ×2, 4×4, batch
    normalisation, ReLU, dropout) go back, each followed by the encoder's maps of its size; one more gives the picture.
    41,834,499 trainable parameters for 3 channels to 3 at 256×256. Smaller pictures are halved as often as leaves 2
    pixels. Dropout is the only noise, so it stays on when pictures are translated.

    *Departs from the paper*: it halves 8 times, to one pixel, goes back by transposed convolutions
    (``upsampling=transposed``, as many parameters and a quarter of the work) and drops in the first three blocks
    (``dropped=3``); this is the form of Hands-On GANs with Keras, whose sampling switched the dropout off.

    References:
        Isola, Zhu, Zhou & Efros 2016, arXiv 1611.07004, sections 3.2 and 6.1; Ronneberger et al. 2015, arXiv
        1505.04597.

    Args:
        shape: (channels, height, width) of what is given; multiples of 2^depth.
        outputs: Channels of what is made.
        width: Maps of the first convolution.
        depth: How often the sides are halved; 0 for as often as leaves 2 pixels, at most 7.
        dropout: Probability of dropping a value in a block of the decoder.
        dropped: How many blocks drop, from the smallest maps on; all of them by default.
        upsampling: ``nearest`` enlarges and convolves; ``transposed`` convolves with stride 1/2.

    Raises:
        UsageError: A size that cannot be halved so often, or an option out of range.

    Example:
        >>> Translator((1, 64, 96), 3, width=4)(torch.zeros(2, 1, 64, 96)).shape
        torch.Size([2, 3, 64, 96])
    """

    native_shape = (3, 256, 256)

    def __init__(
        self,
        shape: tuple[int, int, int],
        outputs: int,
        *,
        width: int = 64,
        depth: int = 0,
        dropout: float = 0.5,
        dropped: int = DEEPEST,
        upsampling: str = "nearest",
    ) -> None:
        super().__init__()
        check_positive(width, "width")
        check_positive(outputs, "The number of channels that are made")
        check_choice(upsampling, _UPSAMPLINGS, "upsampling")
        if depth == 0:
            check_divisible(shape, 2**_LEAST, "u-net", least=2)
            depth = max(d for d in range(1, DEEPEST + 1) if _halves(shape, d))
        check_divisible(shape, 2 ** check_positive(depth, "depth"), "u-net")
        maps = [width * min(2**level, _WIDEST) for level in range(depth)]  # 64 128 256 512 512 512 512
        self.encoder = nn.ModuleList(_Halving(a, b) for a, b in zip([shape[0], *maps], maps, strict=False))
        self.encoder[0].norm = nn.Identity()  # as in the paper, the first has none
        blocks, incoming = [], maps[-1]
        for number, joined in enumerate(reversed(maps[:-1])):
            rate = dropout if number < dropped else 0.0
            blocks.append(_Doubling(incoming, joined, rate, upsampling))
            incoming = 2 * joined
        self.decoder = nn.ModuleList(blocks)
        self.head = _Enlarged(incoming, outputs, upsampling)

    def forward(self, images: Tensor, streams: Sequence[torch.Generator] | None = None) -> Tensor:
        """Pictures ``[N, outputs, H, W]`` in [-1, 1] from pictures ``[N, C, H, W]``.

        Args:
            images: What is translated.
            streams: In evaluation, the random numbers of each sample's dropout; without them nothing is dropped.

        Raises:
            UsageError: A height or width that cannot be halved as often as the network does.
        """
        check_divisible((images.shape[1], images.shape[2], images.shape[3]), 2 ** len(self.encoder), "u-net")
        maps = [images]
        for halving in self.encoder:
            maps.append(halving(maps[-1]))
        x = maps.pop()
        for doubling in self.decoder:
            x = torch.cat([doubling(x, streams), maps.pop()], 1)
        return torch.tanh(self.head(x))


class _Halving(nn.Module):
    def __init__(self, incoming: int, outgoing: int) -> None:
        super().__init__()
        self.convolution = KerasConv2d(incoming, outgoing, 4, 2)
        self.norm: nn.Module = BatchNorm(outgoing, momentum=_MOMENTUM)
        self.activation = nn.LeakyReLU(_SLOPE)

    def forward(self, x: Tensor) -> Tensor:
        return self.activation(self.norm(self.convolution(x)))


class _Doubling(nn.Module):
    def __init__(self, incoming: int, outgoing: int, rate: float, upsampling: str) -> None:
        super().__init__()
        self.convolution = _Enlarged(incoming, outgoing, upsampling)
        self.norm: nn.Module = BatchNorm(outgoing, momentum=_MOMENTUM)
        self.activation = nn.ReLU()
        self.dropout = SeededDropout(rate)

    def forward(self, x: Tensor, streams: Sequence[torch.Generator] | None) -> Tensor:
        return self.dropout(self.activation(self.norm(self.convolution(x))), streams)


class _Enlarged(nn.Module):
    """Twice the height and width, 4x4."""

    def __init__(self, incoming: int, outgoing: int, upsampling: str) -> None:
        super().__init__()
        self.nearest = upsampling == "nearest"
        self.convolution = (KerasConv2d(incoming, outgoing, 4, 1) if self.nearest
                            else KerasConvTranspose2d(incoming, outgoing, 4, 2))  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return self.convolution(interpolate(x, scale_factor=2.0, mode="nearest") if self.nearest else x)


class SeededDropout(nn.Module):
    """Dropout by random masks in training, and in evaluation by those of each sample's own stream, if it has one.

    Args:
        rate: Probability of dropping, in [0, 1).
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.training_dropout = Dropout(rate)

    def forward(self, x: Tensor, streams: Sequence[torch.Generator] | None = None) -> Tensor:
        """Same shape as ``x`` ``[N, …]``.

        Args:
            x: Values.
            streams: One for each sample, used in evaluation alone.
        """
        rate = self.training_dropout.rate
        if self.training or streams is None or rate == 0:
            return self.training_dropout(x)
        masks = torch.stack([torch.rand(x.shape[1:], generator=stream) >= rate for stream in streams])
        return x * masks.to(x.device, x.dtype).div_(1 - rate)

    def extra_repr(self) -> str:
        """The probability, as ``print`` shows it."""
        return str(self.training_dropout.rate)


def _halves(shape: tuple[int, int, int], depth: int) -> bool:
    return all(side % 2**depth == 0 and side >= _LEAST * 2**depth for side in shape[1:])
