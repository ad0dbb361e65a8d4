r"""PixelRNN: long short-term memories over the pixels of a picture, by rows or along diagonals.

.. math:: [o, f, i, g] = \sigma\text{ or }\tanh\,(K^{ss} * h_{above} + K^{is} * x), \qquad
          c = f \odot c_{above} + i \odot g, \qquad h = o \odot \tanh c

The memory of the *row* form goes down the rows, each pixel from three of the row above: it sees a triangle. That of the
*diagonal* form goes along diagonals, each pixel from its left neighbour and the one above it, once from the left and
once from the right: it sees all pixels before, but for the last of the row above where the first window does not reach
it. The second memory's state is taken one row further down, lest it see the pixels to come.

References:
    Van den Oord, Kalchbrenner & Kavukcuoglu 2016, "Pixel recurrent neural networks", arXiv:1601.06759, sections 3.1 to
    3.3.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import conv1d, conv2d, pad

from belamy.errors import UsageError
from belamy.networks.sizes import check_positive
from belamy.networks.windows import PLACES, PictureCanvas, Window, at_pixel, with_places


class PixelModel(nn.Module):
    """Features of each pixel that are a function of the pixels before it.

    Drawn pixel by pixel a layer keeps its states of the row above and of the present row, so that a pixel costs a step
    of each memory.

    *Departs from the paper:* maps that say where a pixel is stand beside the picture; the channels of a pixel are told
    apart by the method, not by masks of groups of features; of classes each layer's gates are told.

    Args:
        shape: (channels, height, width) of the pictures.
        classes: How many a conditional model is told; 0 for none.
        memory: ``row`` or ``diagonal``.
        width: Numbers in each memory; features between layers are twice as many.
        depth: Layers of memories.
        first: Side of the first window, odd.

    Raises:
        UsageError: A number is out of range.

    Example:
        >>> PixelModel((1, 8, 8), width=3, depth=2)(torch.zeros(3, 1, 8, 8)).shape
        torch.Size([3, 6, 8, 8])
    """

    native_shape = (1, 28, 28)

    def __init__(
        self,
        shape: tuple[int, int, int],
        classes: int = 0,
        *,
        memory: Literal["row", "diagonal"] = "diagonal",
        width: int = 16,
        depth: int = 3,
        first: int = 7,
    ) -> None:
        super().__init__()
        if first < 3 or first % 2 == 0:
            raise UsageError(f"pixel-rnn has a window of {first}, but its side must be odd and at least 3.")
        for name, value in {"width": width, "depth": depth}.items():
            check_positive(value, f"pixel-rnn:{name}")
        self.shape, self.features = shape, 2 * width
        reach = first // 2
        self.above = Window(shape[0] + PLACES, 2 * width, (reach, 1), (reach, reach))
        self.left = Window(shape[0] + PLACES, 2 * width, (0, 0), (reach, -1))
        layer = RowMemory if memory == "row" else DiagonalMemories
        self.layers: Any = nn.ModuleList(layer(width, classes) for _ in range(depth))
        self.out = nn.Conv2d(2 * width, 2 * width, 1)

    def forward(self, values: Tensor, labels: Tensor | None = None) -> Tensor:
        """Features of all pixels of pictures in [-1, 1].  # [N, C, H, W] to [N, features, H, W]"""
        maps = with_places(values)
        features = self.above(maps) + self.left(maps)
        for layer in self.layers:
            features = features + layer(features, labels)
        found: Tensor = self.out(torch.relu(features))
        return found

    def start(self, count: int, labels: Tensor | None = None) -> Remembered:
        """The state before the first pixel of so many pictures."""
        picture = PictureCanvas(count, self.shape, self.above.reach, self.out.weight)
        return Remembered(picture, [layer.start(count, self.shape[2]) for layer in self.layers], labels)

    def step(self, state: Remembered, place: int, before: Tensor | None = None) -> Tensor:
        """Features of the pixel at a place, row by row from 0; ``before`` is the pixel before it.  # [N, features]"""
        if before is not None:
            state.picture.show(before, place - 1)
        row, column = divmod(place, self.shape[2])
        features = self.above.at(state.picture, row, column) + self.left.at(state.picture, row, column)
        for layer, rows in zip(self.layers, state.rows, strict=True):
            if column == 0 and row:
                layer.descend(rows, state.labels)
            features = features + layer.at(rows, column, features, state.labels)
        return at_pixel(self.out, torch.relu(features))


class KeptRows:
    """What a layer remembers of pictures that are being drawn.

    Args:
        count: Pictures.
        width: Numbers in the memory.
        across: Pixels of a row.
        like: Gives device and floating type.
    """

    def __init__(self, count: int, width: int, across: int, like: Tensor) -> None:
        self.hidden, self.kept, self.right = (like.new_zeros(count, width, across) for _ in range(3))
        self.above, self.kept_above, self.right_above = self.hidden.clone(), self.kept.clone(), self.right.clone()
        self.features = like.new_zeros(count, 2 * width, across)


class Remembered(NamedTuple):
    """Pictures that are being drawn; ``step`` changes them.

    Args:
        picture: Their pixels so far.
        rows: What each layer remembers.
        labels: The classes that are told.  # [N]
    """

    picture: PictureCanvas
    rows: list[KeptRows]
    labels: Tensor | None


class RowMemory(nn.Module):
    """A memory that goes down the rows, from three pixels of the row above.

    Args:
        width: Numbers in the memory.
        classes: How many are told; 0 for none.
    """

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self.width = width
        self.read = Window(2 * width, 4 * width, (0, 0), (1, 0))
        self.pass_on = nn.Conv1d(width, 4 * width, 3, padding=1, bias=False)
        self.classes = nn.Embedding(classes, 4 * width) if classes else None
        self.up = nn.Conv2d(width, 2 * width, 1)

    def forward(self, features: Tensor, labels: Tensor | None) -> Tensor:
        """What is added to features.  # [N, 2 width, H, W]"""
        gates = told(self.read(features), self.classes, labels)
        hidden = kept = features.new_zeros(len(features), self.width, features.shape[3])
        rows = []
        for row in gates.unbind(2):
            hidden, kept = remembered(row + self.pass_on(hidden), kept)
            rows.append(hidden)
        whole: Tensor = self.up(torch.stack(rows, 2))
        return whole

    def start(self, count: int, across: int) -> KeptRows:
        """The state before the first pixel."""
        return KeptRows(count, self.width, across, self.up.weight)

    def descend(self, rows: KeptRows, labels: Tensor | None) -> None:
        """The present row becomes the one above."""
        rows.above, rows.kept_above = rows.hidden.clone(), rows.kept.clone()

    def at(self, rows: KeptRows, column: int, features: Tensor, labels: Tensor | None) -> Tensor:
        """What is added to a pixel's features.  # [N, 2 width]"""
        rows.features[:, :, column] = features
        pair = pad(rows.features, (1, 0))[:, :, None, column : column + 2]
        gates = told(conv2d(pair, self.read.weight, self.read.bias), self.classes, labels)[:, :, 0, 0]
        gates = gates + conv1d(pad(rows.above, (1, 1))[:, :, column : column + 3], self.pass_on.weight)[:, :, 0]
        hidden, rows.kept[:, :, column] = remembered(gates, rows.kept_above[:, :, column])
        rows.hidden[:, :, column] = hidden
        return at_pixel(self.up, hidden)


class DiagonalMemories(nn.Module):
    """Two memories that go along diagonals, from the left and from the right.

    Args:
        width: Numbers in each memory.
        classes: How many are told; 0 for none.
    """

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self.width = width
        self.read = nn.ModuleList(nn.Conv2d(2 * width, 4 * width, 1) for _ in range(2))
        self.pass_on = nn.ModuleList(nn.Conv1d(width, 4 * width, 2, bias=False) for _ in range(2))
        self.classes = nn.ModuleList(nn.Embedding(classes, 4 * width) for _ in range(2 * bool(classes)))
        self.up = nn.Conv2d(width, 2 * width, 1)

    def forward(self, features: Tensor, labels: Tensor | None) -> Tensor:
        """What is added to features.  # [N, 2 width, H, W]"""
        left, right = (self._along(number, maps, labels) for number, maps in enumerate((features, features.flip(3))))
        right = pad(right.flip(3), (0, 0, 1, 0))[:, :, :-1]  # a row further down
        whole: Tensor = self.up(left + right)
        return whole

    def _along(self, number: int, features: Tensor, labels: Tensor | None) -> Tensor:
        """A memory from the left; rows are shifted so that a diagonal becomes a column.  # to [N, width, H, W]"""
        table = self.classes[number] if self.classes else None
        gates = skewed(told(self.read[number](features), table, labels))
        hidden = kept = features.new_zeros(len(features), self.width, features.shape[2])
        columns = []
        for column in gates.unbind(3):
            hidden, kept = remembered(column + self.pass_on[number](pad(hidden, (1, 0))), kept)
            columns.append(hidden)
        return unskewed(torch.stack(columns, 3))

    def start(self, count: int, across: int) -> KeptRows:
        """The state before the first pixel."""
        return KeptRows(count, self.width, across, self.up.weight)

    def descend(self, rows: KeptRows, labels: Tensor | None) -> None:
        """The present row becomes the one above, and the memory from the right goes along it."""
        rows.above, rows.right_above = rows.hidden.clone(), rows.right.clone()
        hidden = kept = torch.zeros_like(rows.hidden[:, :, 0])
        for column in reversed(range(rows.hidden.shape[2])):
            gates = self._gates(1, rows.features[:, :, column], rows.right_above[:, :, column], hidden, labels)
            hidden, kept = remembered(gates, kept)
            rows.right[:, :, column] = hidden

    def at(self, rows: KeptRows, column: int, features: Tensor, labels: Tensor | None) -> Tensor:
        """What is added to a pixel's features.  # [N, 2 width]"""
        rows.features[:, :, column] = features
        hidden, kept = (each[:, :, column - 1] if column else torch.zeros_like(each[:, :, 0])
                        for each in (rows.hidden, rows.kept))  # fmt: skip
        hidden, kept = remembered(self._gates(0, features, rows.above[:, :, column], hidden, labels), kept)
        rows.hidden[:, :, column], rows.kept[:, :, column] = hidden, kept
        return at_pixel(self.up, hidden + rows.right[:, :, column])

    def _gates(self, number: int, features: Tensor, above: Tensor, beside: Tensor, labels: Tensor | None) -> Tensor:
        """The gates of one pixel.  # [N, 4 width]"""
        table = self.classes[number] if self.classes else None
        gates = told(self.read[number](features[..., None, None]), table, labels)[:, :, 0, 0]
        passed: Tensor = self.pass_on[number](torch.stack([above, beside], 2))
        return gates + passed[:, :, 0]


def told(gates: Tensor, classes: nn.Module | None, labels: Tensor | None) -> Tensor:
    """Gates that know of the class, if there is one.  # [N, 4 width, H, W]"""
    return gates if classes is None or labels is None else gates + classes(labels)[..., None, None]


def remembered(gates: Tensor, kept: Tensor) -> tuple[Tensor, Tensor]:
    """A memory's output and what it keeps.  # [N, 4 width, …] and [N, width, …] to two of [N, width, …]"""
    let_out, forget, let_in, new = gates.chunk(4, 1)
    kept = forget.sigmoid() * kept + let_in.sigmoid() * new.tanh()
    return let_out.sigmoid() * kept.tanh(), kept


def skewed(maps: Tensor) -> Tensor:
    """Maps whose i-th row is moved i pixels to the right.  # [N, C, H, W] to [N, C, H, W + H - 1]

    Example:
        >>> skewed(torch.tensor([[[[1, 2], [3, 4]]]])).tolist()
        [[[[1, 2, 0], [0, 3, 4]]]]
    """
    height, width = maps.shape[2:]
    return pad(maps, (0, height)).flatten(2)[..., : height * (width + height - 1)].unflatten(2, (height, -1))


def unskewed(maps: Tensor) -> Tensor:
    """The maps that :func:`skewed` moved.  # [N, C, H, W + H - 1] to [N, C, H, W]"""
    height, across = maps.shape[2:]
    return pad(maps.flatten(2), (0, height)).unflatten(2, (height, across + 1))[..., : across + 1 - height]
