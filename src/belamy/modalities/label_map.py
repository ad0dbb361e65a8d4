"""Label maps: the class of every pixel, [H, W] whole numbers, in files as PNG with a palette."""

from __future__ import annotations

import colorsys
import io
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from belamy.errors import Unreadable
from belamy.modalities.fields import Field, Media
from belamy.modalities.grid import grid

MOST = 256
"""Classes that a file with a palette tells apart."""
_GOLDEN = 0.6180339887498949  # of a turn: hues of neighbours are far apart


@cache
def palette(count: int = MOST) -> np.ndarray:
    """The colours of classes: black for the first, then hues in steps of the golden ratio.  # uint8 [count, 3]

    Example:
        >>> palette(3).tolist()
        [[0, 0, 0], [76, 121, 230], [165, 230, 76]]
    """
    colours = [(0.0, 0.0, 0.0)]
    for number in range(1, count):
        ring = (number - 1) // 8 % 3
        colours.append(colorsys.hsv_to_rgb(number * _GOLDEN % 1, 0.67 - 0.2 * ring, 0.9 - 0.2 * ring))
    return np.rint(np.array(colours) * 255).astype(np.uint8)


def edges(instances: Tensor) -> Tensor:
    """Where a pixel differs from one of its four neighbours, both sides marked.  # bool [N, H, W]

    References:
        Wang et al. 2017, arXiv 1711.11585, section 3.3.

    Args:
        instances: Numbers of the objects, or classes.  # [N, H, W]

    Example:
        >>> edges(torch.tensor([[[1, 1, 2], [1, 1, 2], [3, 3, 3]]])).int().tolist()
        [[[0, 1, 1], [1, 1, 1], [1, 1, 1]]]
    """
    found = torch.zeros_like(instances, dtype=torch.bool)
    across = instances[:, :, 1:] != instances[:, :, :-1]
    down = instances[:, 1:] != instances[:, :-1]
    found[:, :, 1:] |= across
    found[:, :, :-1] |= across
    found[:, 1:] |= down
    found[:, :-1] |= down
    return found


class Modality:
    """The class of every pixel; nothing is ever interpolated.

    A pixel of a class that is not known has the number that ``unknown`` says and becomes class 0.

    Args:
        unknown: The value of pixels whose class is not known, e.g. 255; -1 for none.
        pairs: How pairs of label maps and pictures lie on disk: ``folders`` or ``table``; empty for no pairs.
        input: What is given: the folder or the column of the label maps.
        target: What they are to become: the folder or the column of the pictures.
        instances: The folder of maps of instances beside the label maps.
        classes: A file of the classes' names, one a line, the first of class 0, in the folder of the maps or elsewhere;
            empty for ``classes.txt`` in the folder, where there is one.
    """

    suffix = ".png"
    words = ("label map", "label maps")

    def __init__(
        self,
        *,
        unknown: int = -1,
        pairs: str = "",
        input: str = "",
        target: str = "",
        instances: str = "",
        classes: str = "",
    ) -> None:
        self.unknown, self.pairs, self.input, self.target, self.instances = unknown, pairs, input, target, instances
        self.classes = classes

    def to_float(self, raw: Tensor, field: Field) -> Tensor:
        """Classes as whole numbers; they stay so."""
        return raw.long()

    def to_raw(self, values: Tensor, field: Field) -> Tensor:
        """Classes ``[n, H, W]``: of scores ``[n, K, H, W]``, the highest."""
        classes = values.argmax(1) if values.dim() == 4 else values
        return classes.clamp(0, MOST - 1).to(torch.uint8)

    def sheet(
        self, raw: Tensor, field: Field, columns: int | None = None, captions: Sequence[str] | None = None
    ) -> np.ndarray:
        """The maps in the fixed colours of their classes."""
        coloured = torch.from_numpy(palette())[raw.long().clamp(0, MOST - 1)].movedim(-1, 1)
        return grid(coloured, columns, captions=captions)

    def media(self, raw: Tensor, field: Field) -> tuple[Media, ...]:
        """Nothing: maps are looked at."""
        return ()

    def encode(self, raw: Tensor, field: Field) -> bytes:
        """A PNG file whose pixels are the classes and whose palette holds their colours."""
        image = Image.fromarray(raw.to(torch.uint8).numpy(), mode="P")
        image.putpalette(palette().tobytes())
        buffer = io.BytesIO()
        image.save(buffer, format="PNG", optimize=False)
        return buffer.getvalue()

    def decode(self, data: bytes, field: Field) -> Tensor:
        """The classes in a picture file with a palette or in grey, of the field's size."""
        try:
            with Image.open(io.BytesIO(data)) as image:
                classes = classes_in(image)
        except Unreadable:
            raise
        except Exception as error:  # a damaged file can make a decoder raise nearly anything
            raise Unreadable(f"not a picture ({error})") from error
        if classes.shape != tuple(field.shape):
            size = f"{field.shape[1]}x{field.shape[0]}"
            raise Unreadable(f"{classes.shape[1]}x{classes.shape[0]} pixels, not {size}")
        made = torch.from_numpy(self.known(classes))
        if field.classes and int(made.max()) >= len(field.classes):
            raise Unreadable(f"class {int(made.max())} is beyond the {len(field.classes)} known classes")
        return made

    def known(self, classes: np.ndarray) -> np.ndarray:
        """The classes with those of unknown pixels set to 0."""
        return np.where(classes == self.unknown, 0, classes).astype(np.int32)

    def describe(self, raw: Tensor, field: Field) -> dict[str, Any]:
        """The share of the pixels of each class."""
        counts = torch.bincount(raw.flatten().long().clamp_min(0))
        return {"shares": {str(key): float(count) / raw.numel() for key, count in enumerate(counts) if count}}

    def distances(self, a: Tensor, b: Tensor, field: Field) -> Tensor:
        """The share of the pixels whose classes differ."""
        return torch.stack([(row != b).float().flatten(1).mean(1) for row in a])


def classes_in(image: Image.Image) -> np.ndarray:
    """The classes in a picture: its palette's numbers, or its grey values.  # int32 [H, W]

    Raises:
        Unreadable: A picture in colours, which stand for no numbers.
    """
    if image.mode not in ("P", "L", "1", "I", "I;16", "I;16B", "I;16L"):
        raise Unreadable(f"it is a picture in {image.mode}: a label map has a palette, or the classes as grey values")
    return np.asarray(image).astype(np.int32)
