"""Masks: which class each pixel of a data set's images is of."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from belamy.data.dataset import Dataset
from belamy.data.files import reading
from belamy.data.pictures import read_header, squared, strict_pillow
from belamy.errors import DataError, UsageError

INK = ("ink", "ink-by-class")
"""Masks that need no file: what stands out from the paper, in one class or in that of the image."""
MOST = 64
"""More classes than these are taken for pictures."""
GROUND = "ground"


@dataclass(frozen=True, eq=False)
class Masks:
    """The class of each pixel of some images.

    Args:
        classes: Of each pixel; the first class is what lies behind the others.  # [n, H, W] long
        names: Of the classes.
        values: What each class is called in files: a whole number or a colour.  # [K] or [K, 3] uint8
    """

    classes: Tensor
    names: tuple[str, ...]
    values: np.ndarray

    def png(self, classes: Tensor, colours: Sequence[tuple[int, int, int]]) -> bytes:
        """A mask as a file of the kind that was read: colours as given, whole numbers under a palette.

        Args:
            classes: Of each pixel.  # [H, W] long
            colours: In which whole numbers are shown.
        """
        image = Image.fromarray(self.values[classes.numpy()])
        if self.values.ndim == 1:
            table = np.zeros((256, 3), np.uint8)
            table[self.values] = colours
            image.putpalette(table.tobytes())
        buffer = io.BytesIO()
        image.save(buffer, format="PNG", optimize=True)
        return buffer.getvalue()


def read_masks(source: str, data: Dataset, rows: Tensor, *, fit: str = "crop", folder: Path | None = None) -> Masks:
    """The masks of some images of a data set.

    Args:
        source: ``ink`` for what stands out from the paper, ``ink-by-class`` for the same in the class of the image; a
            folder with a PNG for each picture file, of the same name, whose pixels are whole numbers (palette, grey) or
            colours; or a ``.npy`` file of whole numbers ``[N, H, W]``.
        data: The images.
        rows: Which of them.
        fit: How pictures were made square; masks are cut alike, and enlarged or reduced by the nearest pixel.
        folder: Where the picture files are; a mask must be as large as its picture.

    Raises:
        UsageError: There are no such masks, or the images have no names or no labels to find them by.
        DataError: A mask is missing, cannot be read or is none.
    """
    if source in INK:
        return _ink(data, rows, by_class=source == INK[1])
    path = Path(source).expanduser()
    if path.is_dir():
        raw = _from_folder(path, data, rows, fit, folder)
    elif path.is_file() and path.suffix.lower() == ".npy":
        raw = _from_array(path, data, rows, fit)
    else:
        raise UsageError(
            f"There are no masks '{source}'. Give a folder with a PNG for each picture, a .npy file of whole numbers "
            f"[N, H, W], or one of {', '.join(INK)}."
        )
    if not 0 <= raw.min() <= raw.max() <= 255:
        raise DataError(f"The masks of {path} hold {raw.min()}..{raw.max()}, but whole numbers must lie in 0..255.")
    packed = (raw @ [1 << 16, 1 << 8, 1]) if raw.shape[3] == 3 else raw[..., 0]
    found, classes = np.unique(packed, return_inverse=True)
    if not 2 <= len(found) <= MOST:
        many = f"{len(found)} different values" if len(found) > 1 else "a single value"
        raise DataError(f"The masks of {path} hold {many}, but they must name 2 to {MOST} classes.")
    codes = torch.from_numpy(classes.reshape(raw.shape[:3]))
    if raw.shape[3] == 1:
        return Masks(codes, tuple(map(str, found.tolist())), found.astype(np.uint8))
    colours = np.stack([found >> 16, found >> 8 & 255, found & 255], 1).astype(np.uint8)
    return Masks(codes, tuple(f"#{value:06x}" for value in found.tolist()), colours)


def _ink(data: Dataset, rows: Tensor, by_class: bool) -> Masks:
    """What is brighter than half where most edges of the images are dark, and darker where they are bright."""
    ink = data.images(rows).float().mean(1) > 127  # [n, H, W]
    edges = [ink[:, [0, -1]].flatten(), ink[:, :, [0, -1]].flatten()]
    if torch.cat(edges).float().mean() > 0.5:  # white paper
        ink = ~ink
    if not by_class:
        return Masks(ink.long(), (GROUND, "ink"), np.arange(2, dtype=np.uint8))
    if data.labels is None:
        raise UsageError(f"{data.name} has no labels, so its ink is of no class. Type --masks ink.")
    classes = torch.where(ink, data.labels[rows][:, None, None] + 1, 0)
    return Masks(classes, (GROUND, *data.classes), np.arange(len(data.classes) + 1, dtype=np.uint8))


def _from_folder(path: Path, data: Dataset, rows: Tensor, fit: str, folder: Path | None) -> np.ndarray:
    if data.names is None:
        raise UsageError(f"The images of {data.name} have no names, so none of {path} is theirs. Give a .npy file.")
    named = [data.names[row] for row in rows.tolist()]
    files = [path / PurePosixPath(name).with_suffix(".png") for name in named]
    missing = [file for file in files if not file.is_file()]
    if missing:
        raise DataError(
            f"There is no mask {missing[0]}, and {len(missing)} of {len(files)} are missing. Each picture needs a PNG "
            "of its own name."
        )
    _, height, width = data.shape
    found = [
        _read(file, None if folder is None else folder / name, (height, width), fit)
        for file, name in zip(files, named, strict=True)
    ]
    depths = {mask.shape[2] for mask in found}
    if len(depths) > 1:
        raise DataError(f"Some masks of {path} hold colours and some whole numbers. Save all in one way.")
    return np.stack(found)


def _read(file: Path, picture: Path | None, shape: tuple[int, int], fit: str) -> np.ndarray:
    """A mask as it is: whole numbers or colours.  # [H, W, 1 or 3]"""
    with (
        reading(f"{file} is no mask that can be read"), strict_pillow(), Image.open(file, formats=("PNG",)) as image
    ):  # fmt: skip
        image.load()
        if picture is not None and picture.is_file():
            with picture.open("rb") as beside:
                header = read_header(beside)
            if image.size != (header.width, header.height):
                raise DataError(
                    f"The mask {file} is {image.width} x {image.height}, but its picture {header.width} x "
                    f"{header.height}. They must be alike."
                )
        plain = image.convert("RGB") if image.mode == "RGBA" else image
        pixels = np.asarray(squared(plain, shape[::-1], fit, 0))
    if pixels.ndim == 3 and pixels.shape[2] == 2:  # grey with transparency
        pixels = pixels[:, :, :1]
    return pixels.astype(np.int32).reshape(*shape, -1)


def _from_array(path: Path, data: Dataset, rows: Tensor, fit: str) -> np.ndarray:
    with reading(f"{path} cannot be read as an array"):
        held = np.load(path, mmap_mode="r", allow_pickle=False)
    if held.ndim != 3 or len(held) != len(data) or held.dtype.kind not in "bui":
        raise DataError(
            f"{path} holds {held.dtype} {list(held.shape)}, but masks are whole numbers, here [{len(data)}, H, W]."
        )
    _, height, width = data.shape
    masks = (Image.fromarray(held[row].astype(np.int32)) for row in rows.tolist())
    return np.stack([np.asarray(squared(mask, (width, height), fit, 0)) for mask in masks])[..., None]
