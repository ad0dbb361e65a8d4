"""Pairs side by side in one picture: the left half and the right half."""

from __future__ import annotations

import io
from collections import Counter
from functools import partial
from pathlib import Path
from typing import IO

from PIL import ImageOps

from belamy.data.dataset import Dataset
from belamy.data.files import opened, stamp, visible, walk
from belamy.data.gallery import PictureEntry, labels_for
from belamy.data.load_options import LoadOptions
from belamy.data.pairing import TARGET, PairedFiles, open_pairs
from belamy.data.pictures import is_picture_name, opened_picture
from belamy.errors import Unreadable, UsageError

HALVES = ("left", "right")


class PairLayout:
    """A folder of pictures that are twice as wide as one of a pair, as edges2shoes comes.

    Args:
        input: The half that is given: ``left`` or ``right``; the other one is the target.

    Raises:
        UsageError: There is no such half.
    """

    def __init__(self, *, input: str = "left") -> None:
        if input not in HALVES:
            raise UsageError(f"input is '{input}', but of pairs side by side it must be left or right.")
        self.given = HALVES.index(input)

    def open(self, path: Path, options: LoadOptions) -> Dataset:
        """The pairs, sorted by name."""
        if not path.is_dir():
            raise UsageError(f"Pairs side by side lie in a folder of pictures, but {path} is a file.")
        sides: tuple[dict[str, PictureEntry], ...] = ({}, {})
        ignored: Counter[str] = Counter()
        for found in sorted(walk(path, ignored)):
            name = visible(found.relative_to(path).as_posix())
            if not is_picture_name(name):
                ignored[visible(found.suffix.lower()) or "nameless"] += 1
                continue
            for number, side in enumerate(sides):
                side[name] = PictureEntry(name, stamp(found), partial(_half, found, number))
        inputs, targets = sides[self.given], sides[1 - self.given]
        title = path.absolute().name or "folder"
        table = labels_for(options, path, title)
        files = PairedFiles(title, str(path), inputs, {TARGET: targets}, ignored=ignored, table=table, alike=True)
        return open_pairs(files, options)


def _half(path: Path, number: int) -> IO[bytes]:
    """A file of one half of a picture.

    Raises:
        Unreadable: No picture, or one whose width cannot be halved.
    """
    with opened(path) as file, opened_picture(file) as image:
        image.load()
        ImageOps.exif_transpose(image, in_place=True)
        width, height = image.size
        if width % 2:
            raise Unreadable(f"its width of {width} pixels is odd, so it is no pair side by side")
        half = image.crop((number * width // 2, 0, (number + 1) * width // 2, height))
    made = io.BytesIO()
    half.save(made, "TIFF" if half.mode in ("F", "CMYK", "YCbCr", "LAB") else "PNG", compress_level=0)
    made.seek(0)
    return made
