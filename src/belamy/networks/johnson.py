"""Johnson's network of style: an image in, the image in a style out, in one pass."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from belamy.networks.sizes import check_least, check_positive
from belamy.networks.standardised import Standardised

STRIDE = 4
LEAST = 8


class Stylist(nn.Module):
    """Two convolutions of stride 2, residual blocks, and back, with instance normalisation throughout.

    *Departs from the paper*: nearest-neighbour enlargement and a convolution instead of transposed convolutions, which
    leave a checkerboard; instance instead of batch normalisation; every convolution mirrors the border for itself. Any
    height and width of at least 8 go through; those that 4 does not divide are mirrored at their ends and cut again.

    References:
        Johnson, Alahi & Fei-Fei 2016, arXiv 1603.08155, and its supplement, table 1; instance normalisation: Ulyanov et
        al. 2016, arXiv 1607.08022; enlargement: Odena et al. 2016, "Deconvolution and checkerboard artifacts".

    Args:
        shape: (channels, height, width) of the images.
        width: Channels at the full size; the paper has 32.
        blocks: Residual blocks; the paper has 5.

    Raises:
        UsageError: An image with a side below 8 pixels, or a number below 1.

    Example:
        >>> Stylist((3, 64, 64), width=8)(torch.zeros(1, 3, 37, 50)).shape
        torch.Size([1, 3, 37, 50])
    """

    native_shape = (3, 64, 64)

    def __init__(self, shape: tuple[int, int, int], *, width: int = 32, blocks: int = 5) -> None:
        super().__init__()
        check_least(shape, LEAST, "johnson")
        check_positive(width, "width")
        check_positive(blocks, "blocks")
        self.down = nn.Sequential(
            _Layer(shape[0], width, 9), _Layer(width, 2 * width, 3, stride=2), _Layer(2 * width, 4 * width, 3, stride=2)
        )
        self.blocks = nn.Sequential(*(_Block(4 * width) for _ in range(blocks)))
        self.up = nn.Sequential(
            nn.Upsample(scale_factor=2), _Layer(4 * width, 2 * width, 3),
            nn.Upsample(scale_factor=2), _Layer(2 * width, width, 3),
        )  # fmt: skip
        self.last = _Layer(width, shape[0], 9, plain=True)
        # Down: 4 + 1 + 2 pixels; a block: two of 4; up: 2 + 1 + 4, and enlarging rounds by one at each of two sizes.
        self.receptive_field = 7 + 8 * blocks + 7 + 3

    def forward(self, images: Tensor) -> Tensor:
        """Images in [-1, 1] from images in [-1, 1].  # [N, C, H, W]"""
        height, width = images.shape[2:]
        wide = F.pad(images, (0, -width % STRIDE, 0, -height % STRIDE), mode="reflect")
        painted = torch.tanh(self.last(self.up(self.blocks(self.down(wide)))))
        return painted[..., :height, :width]


class _Layer(nn.Module):
    """A convolution of the mirrored image, instance normalisation, ReLU; a plain one is the convolution alone."""

    def __init__(self, incoming: int, outgoing: int, kernel: int, *, stride: int = 1, plain: bool = False) -> None:
        super().__init__()
        self.margin = kernel // 2
        self.convolution = nn.Conv2d(incoming, outgoing, kernel, stride, bias=plain)
        self.norm = nn.Identity() if plain else Standardised(outgoing)
        self.plain = plain

    def forward(self, x: Tensor) -> Tensor:
        # A map may be smaller than the kernel's margin, where mirroring is not defined.
        mirrored = self.margin < min(x.shape[2:])
        x = F.pad(x, (self.margin,) * 4, mode="reflect" if mirrored else "replicate")
        x = self.norm(self.convolution(x))
        return x if self.plain else F.relu(x)


class _Block(nn.Module):
    """Two convolutions whose result is added; nothing after the sum."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.first = _Layer(features, features, 3)
        self.second = _Layer(features, features, 3, plain=True)
        self.norm = Standardised(features)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.norm(self.second(self.first(x)))
