"""NumPy's ``.npy`` files as bytes."""

from __future__ import annotations

import io

import numpy as np

from belamy.errors import Unreadable

NPY = b"\x93NUMPY"
"""How they begin."""


def npy_file(array: np.ndarray) -> bytes:
    """The file of an array of numbers."""
    file = io.BytesIO()
    np.save(file, array, allow_pickle=False)
    return file.getvalue()


def read_npy(data: bytes) -> np.ndarray:
    """The array in the bytes of a file.

    Raises:
        Unreadable: It is damaged, or holds objects.
    """
    try:
        found: np.ndarray = np.load(io.BytesIO(data), allow_pickle=False)
    except Exception as error:  # what is damaged can raise nearly anything
        raise Unreadable(f"a damaged NumPy file ({str(error).splitlines()[0][:80]})") from error
    return found
