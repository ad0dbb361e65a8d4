"""One array out of a ``.npy`` or ``.npz`` file whose kind was said."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from belamy.data.files import reading
from belamy.errors import DataError


def refuse_large(path: Path, budget: int) -> None:
    """Refuse an ``.npz`` archive that unpacks to more than a budget, before any of it is unpacked.

    Raises:
        DataError: It does.
    """
    with zipfile.ZipFile(path) as archive:
        size = sum(member.file_size for member in archive.infolist())
    if size > budget:
        raise DataError(f"{path} unpacks to {size:,} bytes, more than the memory budget. Save it as .npy.")


def labels_of(path: Path, names: Sequence[str], count: int) -> np.ndarray | None:
    """The labels beside the array of an ``.npz`` archive that :func:`array_of` has read; None without any."""
    if path.suffix.lower() == ".npy":
        return None
    with np.load(path, allow_pickle=False) as held:
        found = next((held[name] for name in names if name in held.files), None)
    return found if found is not None and found.shape == (count,) else None


def array_of(path: Path, names: Sequence[str], budget: int) -> np.ndarray:
    """The array of a ``.npy`` file, mapped from disk, or the one of an ``.npz`` archive with one of the names.

    Args:
        path: The file.
        names: What the array may be called, the likeliest first; the only array of an archive may have any name.
        budget: Bytes that an archive may unpack to.

    Raises:
        DataError: It cannot be read, is too large, or no array has such a name.
    """
    with reading(f"{path} cannot be read"):
        if path.suffix.lower() == ".npy":
            mapped: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
            return mapped
        refuse_large(path, budget)
        with np.load(path, allow_pickle=False) as held:
            found = {name.lower(): name for name in held.files}
            alone = held.files[0] if len(held.files) == 1 else None
            chosen = next((found[name] for name in names if name in found), alone)
            if chosen is None:
                raise DataError(f"{path} holds {', '.join(held.files) or 'nothing'}: name one of them '{names[0]}'.")
            values: np.ndarray = held[chosen]
            return values
