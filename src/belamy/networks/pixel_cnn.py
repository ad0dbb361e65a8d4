"""PixelCNN as it was first: residual blocks of masked convolutions.

What a masked convolution leaves is a window over the rows above and one over the row to the left; what lies beyond the
edges of the first, to the right and far up, is never seen (the blind spot that the gated PixelCNN removes).

*Departs from the paper:* maps that say where a pixel is stand beside the picture; the channels of a pixel are told
apart by the method, not by masks of groups of features.

References:
    Van den Oord, Kalchbrenner & Kavukcuoglu 2016, "Pixel recurrent neural networks", arXiv:1601.06759, sections 3.4 and
    3.5, table 1.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from belamy.networks.gated_pixel_cnn import check_windows
from belamy.networks.sizes import check_positive
from belamy.networks.windows import PLACES, PictureCanvas, PixelCanvas, Window, at_pixel, with_places


class PixelModel(nn.Module):
    """Features of each pixel that are a function of the pixels before it.

    Args:
        shape: (channels, height, width) of the pictures.
        classes: How many a conditional model is told; 0 for none.
        width: Half the channels between blocks.
        depth: Residual blocks.
        first: Side of the first layer's window, odd; its mask, A, leaves out the pixel itself.
        kernel: Side of the blocks' windows, odd; their mask, B, does not.

    Raises:
        UsageError: A number is out of range.

    Example:
        >>> PixelModel((1, 8, 8), width=6, depth=2)(torch.zeros(3, 1, 8, 8)).shape
        torch.Size([3, 12, 8, 8])
    """

    native_shape = (1, 28, 28)

    def __init__(
        self,
        shape: tuple[int, int, int],
        classes: int = 0,
        *,
        width: int = 16,
        depth: int = 7,
        first: int = 7,
        kernel: int = 3,
    ) -> None:
        super().__init__()
        check_windows("pixel-cnn", first, kernel, 0.0)
        for name, value in {"width": width, "depth": depth}.items():
            check_positive(value, f"pixel-cnn:{name}")
        self.shape, self.features = shape, 2 * width
        self.enter = MaskedConv(shape[0] + PLACES, 2 * width, first, sees_itself=False)
        self.classes = nn.Embedding(classes, 2 * width) if classes else None
        self.blocks: Any = nn.ModuleList(MaskedBlock(width, kernel) for _ in range(depth))
        self.out = nn.Conv2d(2 * width, 2 * width, 1)

    def forward(self, values: Tensor, labels: Tensor | None = None) -> Tensor:
        """Features of all pixels of pictures in [-1, 1].  # [N, C, H, W] to [N, features, H, W]"""
        maps = self.enter(with_places(values))
        if self.classes is not None and labels is not None:
            maps = maps + self.classes(labels)[..., None, None]
        for block in self.blocks:
            maps = block(maps)
        features: Tensor = self.out(torch.relu(maps))
        return features

    def start(self, count: int, labels: Tensor | None = None) -> Maps:
        """The state before the first pixel of so many pictures."""
        like, size = self.out.weight, self.shape[1:]
        margin = max(self.enter.reach, *(block.masked.reach for block in self.blocks))
        read = [PixelCanvas(count, self.features // 2, size, margin, like) for _ in self.blocks]
        return Maps(PictureCanvas(count, self.shape, margin, like), read, labels)

    def step(self, state: Maps, place: int, before: Tensor | None = None) -> Tensor:
        """Features of the pixel at a place, row by row from 0; ``before`` is the pixel before it.  # [N, features]"""
        if before is not None:
            state.picture.show(before, place - 1)
        row, column = divmod(place, self.shape[2])
        values = self.enter.at(state.picture, row, column)
        if self.classes is not None and state.labels is not None:
            values = values + self.classes(state.labels)
        for block, canvas in zip(self.blocks, state.read, strict=True):
            canvas.put(at_pixel(block.enter, torch.relu(values)).relu(), row, column)
            values = values + at_pixel(block.leave, torch.relu(block.masked.at(canvas, row, column)))
        return at_pixel(self.out, torch.relu(values))


class Maps(NamedTuple):
    """What has been computed of pictures that are being drawn; ``step`` changes it.

    Args:
        picture: What the first layer's windows read.
        read: What the windows of each block read.
        labels: The classes that are told.  # [N]
    """

    picture: PictureCanvas
    read: list[PixelCanvas]
    labels: Tensor | None


class MaskedConv(nn.Module):
    """A convolution whose mask leaves the rows above and the row to the left.

    Args:
        inputs: Channels read.
        outputs: Channels made.
        kernel: Side of the window, odd.
        sees_itself: Whether the mask leaves the pixel itself (B) or not (A).
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, sees_itself: bool) -> None:
        super().__init__()
        half = kernel // 2
        self.above = Window(inputs, outputs, (half, 1), (half, half))
        self.left = Window(inputs, outputs, (0, 0), (half, 0 if sees_itself else -1), bias=False)
        self.reach = half

    def forward(self, maps: Tensor) -> Tensor:
        """All pixels at once.  # [N, inputs, H, W] to [N, outputs, H, W]"""
        both: Tensor = self.above(maps) + self.left(maps)
        return both

    def at(self, canvas: PixelCanvas, row: int, column: int) -> Tensor:
        """One pixel, from what stands on a canvas.  # [N, outputs]"""
        return self.above.at(canvas, row, column) + self.left.at(canvas, row, column)


class MaskedBlock(nn.Module):
    """A 1x1 convolution to half the channels, a masked one, and a 1x1 convolution back, added to what is read."""

    def __init__(self, width: int, kernel: int) -> None:
        super().__init__()
        self.enter = nn.Conv2d(2 * width, width, 1)
        self.masked = MaskedConv(width, width, kernel, sees_itself=True)
        self.leave = nn.Conv2d(width, 2 * width, 1)

    def forward(self, maps: Tensor) -> Tensor:
        """The sum.  # [N, 2 width, H, W]"""
        inner = torch.relu(self.masked(torch.relu(self.enter(torch.relu(maps)))))
        return maps + self.leave(inner)
