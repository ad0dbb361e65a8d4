"""Convolutions over pixels that come before, and canvases on which they are computed pixel by pixel.

A window is a rectangle of places relative to a pixel, none of which comes after it row by row, so that nothing is
computed that a mask would throw away.

References:
    Van den Oord et al. 2016, "Pixel recurrent neural networks", arXiv:1601.06759 (masks); Van den Oord et al. 2016,
    "Conditional image generation with PixelCNN decoders", arXiv:1606.05328 (two stacks); Ramachandran et al. 2017,
    "Fast generation for convolutional autoregressive models", arXiv:1704.06001 (keeping what was computed).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, linear, pad

PLACES = 3
"""Maps that say where a pixel is."""


class Window(nn.Module):
    """A convolution over rows ``-up … -down`` and columns ``-left … right`` from each pixel, in steps of ``dilation``.

    Args:
        inputs: Channels read.
        outputs: Channels made.
        rows: (up, down): how far up it begins and ends, 0 for the pixel's own row.
        columns: (left, right): how far to the left and to the right it reaches; right may be negative.
        dilation: Pixels from one place to the next.
        bias: Whether a number is added to each channel.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        rows: tuple[int, int],
        columns: tuple[int, int],
        dilation: int = 1,
        bias: bool = True,
    ) -> None:
        super().__init__()
        (self.up, self.down), (self.left, self.right), self.dilation = rows, columns, dilation
        size = (self.up - self.down + 1, self.left + self.right + 1)
        convolution = nn.Conv2d(inputs, outputs, size, bias=bias)
        self.weight, self.bias = convolution.weight, convolution.bias

    def forward(self, maps: Tensor) -> Tensor:
        """All pixels at once; what lies outside is 0.  # [N, inputs, H, W] to [N, outputs, H, W]"""
        step = self.dilation
        around = pad(maps, (step * self.left, step * self.right, step * self.up, -step * self.down))
        return conv2d(around, self.weight, self.bias, dilation=step)

    def at(self, canvas: PixelCanvas, row: int, column: int) -> Tensor:
        """One pixel, from what stands on a canvas.  # [N, outputs]"""
        seen = canvas.maps[:, :, self._rows(canvas, row), self._columns(canvas, column, column)]
        return linear(seen.flatten(1), self.weight.flatten(1), self.bias)

    def along(self, canvas: PixelCanvas, row: int) -> Tensor:
        """All pixels of a row, from what stands on a canvas.  # [N, outputs, W]"""
        step = self.dilation
        first = canvas.margin - step * self.left
        last = canvas.margin + canvas.width + step * self.right
        seen = canvas.maps[:, :, self._rows(canvas, row), first:last]
        return conv2d(seen, self.weight, self.bias, dilation=(1, step))[:, :, 0]

    def _rows(self, canvas: PixelCanvas, row: int) -> slice:
        place, step = row + canvas.margin, self.dilation
        return slice(place - step * self.up, place - step * self.down + 1, step)

    def _columns(self, canvas: PixelCanvas, first: int, last: int) -> slice:
        step = self.dilation
        return slice(first + canvas.margin - step * self.left, last + canvas.margin + step * self.right + 1, step)

    @property
    def reach(self) -> int:
        """How far it looks, in pixels."""
        return self.dilation * max(self.up, self.left, self.right)


class PixelCanvas:
    """Maps that fill pixel by pixel, with zeros around them.

    Args:
        count: Pictures.
        channels: Of the maps.
        shape: (height, width) of the pictures.
        margin: Zeros above, to the left and to the right.
        like: Gives device and floating type.
    """

    def __init__(self, count: int, channels: int, shape: tuple[int, int], margin: int, like: Tensor) -> None:
        self.height, self.width = shape
        self.margin = margin
        self.maps = like.new_zeros(count, channels, self.height + margin, self.width + 2 * margin)

    def put(self, values: Tensor, row: int, column: int) -> None:
        """Write one pixel's channels.  # [N, channels]"""
        self.maps[:, :, row + self.margin, column + self.margin] = values

    def put_row(self, values: Tensor, row: int) -> None:
        """Write a row.  # [N, channels, W]"""
        self.maps[:, :, row + self.margin, self.margin : self.margin + self.width] = values

    def get(self, row: int, column: int) -> Tensor:
        """One pixel's channels.  # [N, channels]"""
        return self.maps[:, :, row + self.margin, column + self.margin]


class PictureCanvas(PixelCanvas):
    """A picture that fills pixel by pixel, with three maps that say where a pixel is, as :func:`with_places` adds them.

    Args:
        count: Pictures.
        shape: (channels, height, width) of them.
        margin: Zeros above, to the left and to the right.
        like: Gives device and floating type.
    """

    def __init__(self, count: int, shape: tuple[int, int, int], margin: int, like: Tensor) -> None:
        self.channels, height, width = shape
        super().__init__(count, self.channels + PLACES, (height, width), margin, like)
        self.maps[:, :, margin:, margin : margin + width] = with_places(like.new_zeros(1, *shape))

    def show(self, pixel: Tensor, place: int) -> None:
        """Write the channels of the pixel at a place, row by row from 0.  # [N, channels]"""
        row, column = divmod(place, self.width)
        self.maps[:, : self.channels, row + self.margin, column + self.margin] = pixel


def with_places(values: Tensor) -> Tensor:
    """Pictures and three maps that say where a pixel is: ones, its height and its width in [-1, 1].

    Example:
        >>> with_places(torch.zeros(2, 1, 4, 4)).shape
        torch.Size([2, 4, 4, 4])
    """
    count, _, height, width = values.shape
    down = torch.linspace(-1, 1, height, dtype=values.dtype, device=values.device)[:, None].expand(height, width)
    across = torch.linspace(-1, 1, width, dtype=values.dtype, device=values.device).expand(height, width)
    places = torch.stack([torch.ones_like(down), down, across])
    return torch.cat([values, places.expand(count, PLACES, height, width)], 1)


def at_pixel(convolution: nn.Conv2d, values: Tensor) -> Tensor:
    """What a 1x1 convolution makes of one pixel.  # [N, inputs] to [N, outputs]"""
    return linear(values, convolution.weight[..., 0, 0], convolution.bias)


def gated(maps: Tensor) -> Tensor:
    """tanh of the first half of the channels times the sigmoid of the second.  # [N, 2 C, …] to [N, C, …]"""
    first, second = maps.chunk(2, 1)
    return first.tanh() * second.sigmoid()
