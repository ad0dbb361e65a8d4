"""Volumes: a folder of ``.npy`` and binvox files, one volume each, or an array of volumes."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from belamy.data.dataset import Dataset
from belamy.data.files import read_bounded, stamp, visible, walk
from belamy.data.gathering import SampleFile, dataset_of, gather
from belamy.data.load_options import LoadOptions
from belamy.data.opened_arrays import array_of
from belamy.data.pictures import count_alone
from belamy.errors import DataError, Unreadable, UsageError
from belamy.modalities.fields import Field
from belamy.modalities.volume import MOST_VOXELS, Modality, as_densities, read_volume

SUFFIXES = (".npy", ".binvox")
NAMES = ("volumes", "voxels", "volume", "x", "data", "samples", "arr_0")
BITS = {"bool": 1, "uint8": 8, "float32": 32}
LARGEST = 16 * MOST_VOXELS
"""Bytes of a file that is read."""


class Format:
    """Files of a volume each in a folder, classes from direct sub-folders; or an array [N, D, H, W]."""

    modalities = ("volume",)

    def claim(self, path: Path) -> int:
        """2 for a binvox file and a folder of volumes without pictures, 1 for an array, whose meaning is open."""
        if path.is_file():
            return {".binvox": 2, ".npy": 1, ".npz": 1}.get(path.suffix.lower(), 0)
        return 2 if count_alone(path, lambda name: Path(name).suffix.lower() in SUFFIXES) else 0

    def open(self, path: Path, options: LoadOptions) -> Dataset:
        """The volumes of the most usual size; what is damaged, of another size or without any content is left out.

        Raises:
            DataError: Fewer than two volumes can be read.
            UsageError: Arrays, and nobody said that they are volumes.
        """
        for name in ("rate", "length"):
            if getattr(options, name) is not None:
                raise UsageError(f"{path} holds volumes, which have no {name}. Leave --{name} out.")
        files = _rows(path, options) if path.suffix.lower() in (".npy", ".npz") and path.is_file() else _files(path)
        if options.kind is None and not any(file.name.lower().endswith(".binvox") for file in files):
            raise UsageError(
                f"{path} is a folder of arrays, whose meaning is open. Type --modality volume, or for films "
                "--modality video --rate 25, or for sound --modality audio --rate 16000."
            )
        gathered = gather(files, str(path), Modality.words, options)
        kind = Field("volume", gathered.store.shape, bits=BITS[gathered.dtype.name])
        return dataset_of(path, gathered, kind, options)


def _files(path: Path) -> list[SampleFile]:
    found = [path] if path.is_file() else sorted(walk(path))
    return [
        SampleFile(
            visible(file.name if path.is_file() else file.relative_to(path).as_posix()), stamp(file),
            partial(_of_file, file),
        )
        for file in found
        if file.suffix.lower() in SUFFIXES
    ]  # fmt: skip


def _of_file(path: Path) -> np.ndarray:
    """The volume of a file.  # [1, 1, D, H, W]"""
    return _with_content(read_volume(read_bounded(path, LARGEST)))[None, None]


def _rows(path: Path, options: LoadOptions) -> list[SampleFile]:
    """The rows of an array as files."""
    array = array_of(path, NAMES, options.memory_budget)
    if array.ndim == 5 and 1 in (array.shape[1], array.shape[4]):
        array = array[:, 0] if array.shape[1] == 1 else array[..., 0]
    if array.ndim != 4 or 0 in array.shape:
        raise DataError(f"{path} has the shape {array.shape}, but volumes are [N, depth, height, width].")
    mark = f"{path.name} {stamp(path)}"
    bytes_ = array.dtype.kind in "iu" and bool(array.max() > 1)
    return [
        SampleFile(f"{visible(path.name)}[{row}]", mark, partial(_of_row, array, row, bytes_))
        for row in range(len(array))
    ]


def _of_row(array: np.ndarray, row: int, bytes_: bool) -> np.ndarray:
    """A row of an array as a volume, of bytes if other rows hold more than 0 and 1.  # [1, 1, D, H, W]"""
    values = np.array(array[row])
    densities = as_densities(values)
    return _with_content(values.astype(np.uint8) if bytes_ else densities)[None, None]


def _with_content(volume: np.ndarray) -> np.ndarray:
    """The volume, if not all of its voxels are alike.

    Raises:
        Unreadable: They are.
    """
    if volume.min() == volume.max():
        value = float(volume.max()) / (255 if volume.dtype == np.uint8 else 1)
        raise Unreadable(
            {0.0: "empty: no voxel is full", 1.0: "full: every voxel is"}.get(value, "all voxels are alike")
        )
    return volume
