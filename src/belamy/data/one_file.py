"""One file, or a folder of them, as samples of their own size: what a user gives to a trained method."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from belamy.data.files import opened, read_bounded, reason, visible, walk
from belamy.data.pictures import examined_picture, is_picture_name, opened_picture, read_header, squared, strict_pillow
from belamy.errors import DataError, Unreadable, UsageError
from belamy.modalities import OwnShapes, modality
from belamy.modalities.fields import Field
from belamy.modalities.label_map import MOST, Modality, classes_in
from belamy.modalities.sizes import Size

LARGEST = 1 << 30
"""Bytes; more in one file are not read."""
_NPY = b"\x93NUMPY"
_PICTURES = ("image", "label_map")


class NamedFile(NamedTuple):
    """A file, and what it is called within what was given."""

    name: str
    path: Path


def files_in(source: str, field: Field) -> list[NamedFile]:
    """The file that a path names, or all files of the field's kind in a folder, by name.

    Raises:
        DataError: There is none.
    """
    path = Path(source).expanduser()
    if path.is_dir():
        found = [NamedFile(visible(each.relative_to(path).as_posix()), each) for each in sorted(walk(path))]
        kept = [each for each in found if _looks_like(each.path, field)]
        if not kept:
            raise DataError(f"{source} holds no {modality(field.modality).words[1]}.")
        return kept
    if not path.is_file():
        raise DataError(f"There is no file or folder {source}.")
    return [NamedFile(visible(path.name), path)]


def read_sample(path: Path, field: Field, size: Size | None = None, fit: str = "crop", unknown: int = -1) -> Tensor:
    """The sample in a file, as files hold it, in the field's channels and its own size.

    Args:
        path: The file.
        field: What it is to be, its size apart.
        size: (height, width) to bring pictures and label maps to; None for their own.
        fit: ``crop``, ``pad`` or ``stretch``.
        unknown: In label maps, the value of pixels whose class is not known, which becomes class 0; -1 for none.

    Raises:
        UsageError: A size for what is no picture.
        Unreadable: It holds no such sample.
    """
    if size is not None and field.modality not in _PICTURES:
        raise UsageError(
            f"--size belongs to pictures, but these are {modality(field.modality).words[1]}. Leave it out."
        )
    data = read_bounded(path, LARGEST)
    if field.modality == "image" and not data.startswith(_NPY):
        return _picture(data, field, size, fit)
    if field.modality == "label_map":
        return _label_map(data, field, size, fit, unknown)
    kind = modality(field.modality)
    shape = _array_shape(data) if data.startswith(_NPY) else field.shape
    if isinstance(kind, OwnShapes):
        shape = kind.shape_in(data, field)
    return kind.decode(data, field._replace(shape=shape if len(shape) == len(field.shape) else field.shape))


def read_named(path: str | Path, read: Callable[[Path], Tensor]) -> Tensor:
    """What a reader finds in a file that a user named.

    Args:
        path: The file.
        read: E.g. :func:`read_sample` with a field.

    Raises:
        DataError: There is no such file, or the reader finds nothing in it.
    """
    file = Path(path).expanduser()
    if file.is_dir():
        raise DataError(f"{path} is a folder, but one file is wanted. Name a file in it.")
    if not file.is_file():
        raise DataError(f"There is no file {path}.")
    try:
        return read(file)
    except Unreadable as error:
        raise DataError(f"{path} cannot be used: {error}.") from error


def is_grey(path: Path) -> bool:
    """Whether a picture file holds no colours; what is no picture does not."""
    try:
        with strict_pillow(), opened(path) as file:
            return read_header(file).grey
    except (Unreadable, OSError):
        return False


def has_opacity(path: Path) -> bool:
    """Whether something in a picture file may be transparent; what is no picture is not."""
    try:
        with strict_pillow(), opened(path) as file:
            return not read_header(file).opaque
    except (Unreadable, OSError):
        return False


def _picture(data: bytes, field: Field, size: Size | None, fit: str) -> Tensor:
    channels = field.shape[0]
    if channels > 4:
        raise Unreadable(f"this needs {channels} channels, which no picture file has; give an array in an .npy file")
    with strict_pillow():
        header = read_header(io.BytesIO(data))
        own = (header.height, header.width)
        pixels = examined_picture(io.BytesIO(data), size or own, fit, channels, bits=field.bits).pixels
    return torch.from_numpy(pixels.copy())


def _label_map(data: bytes, field: Field, size: Size | None, fit: str, unknown: int) -> Tensor:
    with strict_pillow(), opened_picture(io.BytesIO(data)) as image:
        image.load()
        classes = Modality(unknown=unknown).known(classes_in(image))
    most = len(field.classes) or MOST
    if classes.max() >= most:
        raise Unreadable(f"it holds the class {classes.max()}, but the known ones are 0..{most - 1}")
    if size is not None:
        classes = np.asarray(squared(Image.fromarray(classes), size[::-1], fit, ground=0))
    return torch.from_numpy(classes.astype(np.int32))


def _array_shape(data: bytes) -> tuple[int, ...]:
    try:
        return tuple(np.load(io.BytesIO(data), allow_pickle=False).shape)
    except Exception as error:  # a damaged file can raise nearly anything
        raise Unreadable(f"not an array ({reason(error)})") from error


def _looks_like(path: Path, field: Field) -> bool:
    """Whether a file of a folder may hold such a sample: by its name, where pictures are wanted."""
    if field.modality in _PICTURES:
        return is_picture_name(path.name) or path.suffix.lower() == ".npy"
    return path.suffix.lower() in SUFFIXES.get(field.modality, (modality(field.modality).suffix,))


SUFFIXES: dict[str, tuple[str, ...]] = {"audio": (".wav", ".flac", ".ogg", ".mp3", ".aiff", ".aif", ".au")}
"""Of files of a kind that come in several."""


def pieces(shapes: list[tuple[int, ...]], most: int) -> Iterator[range]:
    """Runs of neighbours that have one shape, at most so many together.

    Example:
        >>> list(pieces([(1,), (1,), (1,), (2,)], 2))
        [range(0, 2), range(2, 3), range(3, 4)]
    """
    first = 0
    for number in range(1, len(shapes) + 1):
        if number == len(shapes) or shapes[number] != shapes[first] or number - first == most:
            yield range(first, number)
            first = number
