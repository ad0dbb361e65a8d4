"""Files of label maps: the class of every pixel, brought to a size by its nearest pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import IO, NamedTuple

import numpy as np
import torch
from PIL import Image

from belamy.data.dataset import Memory
from belamy.data.files import Room
from belamy.data.gallery import PictureEntry, attempt
from belamy.data.pictures import opened_picture, squared, strict_pillow
from belamy.errors import DataError, Unreadable
from belamy.modalities.label_map import MOST, Modality, classes_in


@dataclass
class LabelMaps:
    """What was read.

    Args:
        store: The maps.  # [N, H, W]
        names: Of the files that were read.
        skipped: Files that could not be read, with the reason.
        classes: Names of the classes, here their numbers; () if they are more than a file tells apart.
        highest: The highest class.
        notes: What a user should know.
    """

    store: Memory
    names: list[str]
    skipped: list[tuple[str, str]] = field(default_factory=list)
    classes: tuple[str, ...] = ()
    highest: int = 0
    notes: list[str] = field(default_factory=list)


class _Read(NamedTuple):
    classes: np.ndarray
    unknown: int


def open_label_maps(
    entries: Sequence[PictureEntry], *, size: tuple[int, int], how: str, unknown: int, budget: int
) -> LabelMaps:
    """All maps that can be read, nothing interpolated.

    Args:
        entries: The files.
        size: (height, width).
        how: ``crop``, ``pad`` or ``stretch``.
        unknown: The value of pixels whose class is not known; -1 for none.
        budget: Bytes of memory that they may take.

    Raises:
        DataError: They are more than fits into the memory.
    """
    height, width = size
    if (needed := 4 * len(entries) * height * width) > budget:
        raise DataError(
            f"{len(entries):,} label maps of {width}x{height} take {needed:,} bytes, more than the memory budget of "
            f"{budget:,}. Type a smaller --size."
        )
    kind, room = Modality(unknown=unknown), Room(budget)
    maps, names, skipped, dark = [], [], [], 0
    with strict_pillow():
        for entry in entries:
            found = attempt(lambda file: _read(file, size, how, kind), entry, room)
            if isinstance(found, Unreadable):
                skipped.append((entry.name, str(found)))
                continue
            maps.append(found.classes)
            names.append(entry.name)
            dark += found.unknown
    stacked = torch.from_numpy(np.stack(maps)) if maps else torch.zeros(0, height, width, dtype=torch.int32)
    highest = int(stacked.max()) if len(stacked) else 0
    notes = [f"{dark / stacked.numel():.1%} of the pixels have no known class and became class 0"] if dark else []
    classes = tuple(map(str, range(highest + 1))) if highest < MOST else ()
    return LabelMaps(Memory(stacked), names, skipped, classes, highest, notes)


def _read(file: IO[bytes], size: tuple[int, int], how: str, kind: Modality) -> _Read:
    with opened_picture(file) as image:
        image.load()
        classes = classes_in(image)
    if classes.min() < 0:
        raise Unreadable(f"it holds the class {classes.min()}, below 0")
    unknown = int((classes == kind.unknown).sum())
    fitted = squared(Image.fromarray(kind.known(classes)), size[::-1], how, ground=0)
    return _Read(np.asarray(fitted, dtype=np.int32), unknown)
