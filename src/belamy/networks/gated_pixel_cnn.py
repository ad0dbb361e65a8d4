"""The gated PixelCNN: a stack that sees the rows above, and one that sees the row to the left as well.

*Departs from the paper:* maps that say where a pixel is stand beside the picture; the channels of a pixel are told
apart by the method, not by masks of groups of features.

References:
    Van den Oord et al. 2016, "Conditional image generation with PixelCNN decoders", arXiv:1606.05328, figure 2.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from belamy.errors import UsageError
from belamy.networks.sizes import check_positive
from belamy.networks.windows import PLACES, PictureCanvas, PixelCanvas, Window, at_pixel, gated, with_places


class PixelModel(nn.Module):
    """Features of each pixel that are a function of the pixels before it.

    Args:
        shape: (channels, height, width) of the pictures.
        classes: How many a conditional model is told; 0 for none.
        width: Channels of each stack.
        depth: Gated layers, the first among them.
        first: Side of the first layer's window, odd.
        kernel: Side of the others', odd.
        dilations: Pixels between the places of a layer's window, in turn from the second layer on.
        dropout: Probability at which features between layers are zeroed in training.

    Raises:
        UsageError: A number is out of range.

    Example:
        >>> PixelModel((1, 8, 8), width=6, depth=2)(torch.zeros(3, 1, 8, 8)).shape
        torch.Size([3, 6, 8, 8])
    """

    native_shape = (1, 28, 28)

    def __init__(
        self,
        shape: tuple[int, int, int],
        classes: int = 0,
        *,
        width: int = 32,
        depth: int = 8,
        first: int = 7,
        kernel: int = 3,
        dilations: tuple[int, ...] = (1,),
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        check_windows("gated-pixel-cnn", first, kernel, dropout)
        for name, value in {"width": width, "depth": depth, "dilations": min(dilations)}.items():
            check_positive(value, f"gated-pixel-cnn:{name}")
        self.shape, self.features = shape, width
        steps = [1, *(dilations[number % len(dilations)] for number in range(depth - 1))]
        self.layers: Any = nn.ModuleList(
            GatedLayer(width, classes, kernel if number else first, step, dropout, 0 if number else shape[0] + PLACES)
            for number, step in enumerate(steps)
        )
        self.out = nn.Conv2d(width, width, 1)

    def forward(self, values: Tensor, labels: Tensor | None = None) -> Tensor:
        """Features of all pixels of pictures in [-1, 1].  # [N, C, H, W] to [N, features, H, W]"""
        above = left = with_places(values)
        for layer in self.layers:
            above, left = layer(above, left, labels)
        features: Tensor = self.out(torch.relu(left))
        return features

    def start(self, count: int, labels: Tensor | None = None) -> Stacks:
        """The state before the first pixel of so many pictures."""
        like, size = self.out.weight, self.shape[1:]
        margin = max(layer.reach for layer in self.layers)
        picture = PictureCanvas(count, self.shape, margin, like)
        above, left = (
            [picture, *(PixelCanvas(count, self.features, size, margin, like) for _ in self.layers[1:])]
            for _ in range(2)
        )
        return Stacks(picture, above, left, [like.new_zeros(0)] * len(self.layers), labels)

    def step(self, state: Stacks, place: int, before: Tensor | None = None) -> Tensor:
        """Features of the pixel at a place, row by row from 0; ``before`` is the pixel before it.  # [N, features]"""
        if before is not None:
            state.picture.show(before, place - 1)
        row, column = divmod(place, self.shape[2])
        if column == 0:
            self._descend(state, row)
        features = state.picture.get(row, column)
        for number, layer in enumerate(self.layers):
            features = layer.go_left(state, number, row, column, features)
            if number + 1 < len(self.layers):
                state.left[number + 1].put(features, row, column)
        return at_pixel(self.out, torch.relu(features))

    def _descend(self, state: Stacks, row: int) -> None:
        """The stack that sees the rows above, at a new row."""
        for number, layer in enumerate(self.layers):
            maps = layer.down.along(state.above[number], row)[..., None, :]
            if layer.classes is not None and state.labels is not None:
                maps = maps + layer.classes(state.labels).chunk(2, 1)[0][..., None, None]
            state.across[number] = layer.across(maps)[:, :, 0]
            if number + 1 < len(self.layers):
                state.above[number + 1].put_row(gated(maps)[:, :, 0], row)


class Stacks(NamedTuple):
    """What has been computed of pictures that are being drawn; ``step`` changes it.

    Args:
        picture: What the first layer of both stacks reads.
        above: What each layer of the stack of rows above reads.
        left: What each layer of the other stack reads.
        across: What each layer of the first tells the second of the present row.  # [N, 2 width, W] each
        labels: The classes that are told.  # [N]
    """

    picture: PictureCanvas
    above: list[PixelCanvas]
    left: list[PixelCanvas]
    across: list[Tensor]
    labels: Tensor | None


class GatedLayer(nn.Module):
    """One layer of both stacks; from the second on, what it makes is added to what it reads.

    Args:
        width: Channels of each stack.
        classes: How many are told; 0 for none.
        kernel: Side of the window.
        dilation: Pixels between its places.
        dropout: Probability at which what is added is zeroed in training.
        inputs: Channels of the pictures, for the first layer, which does not see the pixel itself; 0 for the others.
    """

    def __init__(
        self, width: int, classes: int, kernel: int, dilation: int, dropout: float = 0.0, inputs: int = 0
    ) -> None:
        super().__init__()
        half = kernel // 2
        self.residual = not inputs
        self.down = Window(inputs or width, 2 * width, (half, 1 if inputs else 0), (half, half), dilation)
        self.left = Window(inputs or width, 2 * width, (0, 0), (half, -1 if inputs else 0), dilation)
        self.across = nn.Conv2d(2 * width, 2 * width, 1)
        self.out = nn.Conv2d(width, width, 1)
        self.dropout = nn.Dropout(dropout)
        self.classes = nn.Embedding(classes, 4 * width) if classes else None

    @property
    def reach(self) -> int:
        """How far its windows look, in pixels."""
        return max(self.down.reach, self.left.reach)

    def forward(self, above: Tensor, left: Tensor, labels: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Both stacks of all pixels.  # [N, inputs, H, W] each to [N, width, H, W] each"""
        down, here = self.down(above), self.left(left)
        if self.classes is not None and labels is not None:
            told = self.classes(labels)[..., None, None].chunk(2, 1)
            down, here = down + told[0], here + told[1]
        made = self.out(self.dropout(gated(here + self.across(down))))
        return gated(down), left + made if self.residual else made

    def go_left(self, state: Stacks, number: int, row: int, column: int, features: Tensor) -> Tensor:
        """The second stack at one pixel.  # [N, inputs] to [N, width]"""
        here = self.left.at(state.left[number], row, column) + state.across[number][..., column]
        if self.classes is not None and state.labels is not None:
            here = here + self.classes(state.labels).chunk(2, 1)[1]
        made = at_pixel(self.out, gated(here))
        return features + made if self.residual else made


def check_windows(name: str, first: int, kernel: int, dropout: float) -> None:
    """Refuse sides of windows that have no middle, and probabilities that are none.

    Raises:
        UsageError: One is.
    """
    for side in (first, kernel):
        if side < 3 or side % 2 == 0:
            raise UsageError(f"{name} has a window of {side} pixels, but its side must be odd and at least 3.")
    if not 0 <= dropout < 1:
        raise UsageError(f"{name} has a dropout of {dropout}, but it must be in [0, 1).")
