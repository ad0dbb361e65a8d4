"""CIFAR-10, 60,000 small colour photographs, fetched when first used."""

from __future__ import annotations

import os
from pathlib import Path

from belamy.data.dataset import Dataset
from belamy.data.fetching import fetch
from belamy.data.formats.cifar import open_cifar
from belamy.data.load_options import LoadOptions
from belamy.errors import DataError

ADDRESS = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
SHA256 = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
"""Of the archive of 170,052,171 bytes whose published MD5 is c32a1d4ab5d03f1284b67883e8d87530."""

LICENCE = "not stated by the authors (Alex Krizhevsky, Vinod Nair, Geoffrey Hinton)"
_ARCHIVE, _FOLDER = "cifar-10-binary.tar.gz", "cifar-10-batches-bin"


class Source:
    """60,000 colour photographs of 32x32 pixels in ten classes; official split: 50,000 to train on, 10,000 to test.

    The binary version is used: it is plain bytes, where the Python version is a pickle. It is looked for in the folder
    given, or else in the cache, and then fetched from the authors' address (170 MB).

    References:
        Krizhevsky, "Learning multiple layers of features from tiny images", 2009.

    Args:
        folder: A folder that holds ``cifar-10-binary.tar.gz`` or its ``.bin`` files; empty to use the cache.
    """

    def __init__(self, *, folder: str = "") -> None:
        self.folder = folder

    def open(self, options: LoadOptions) -> Dataset:
        """The photographs, in the official order, training images first."""
        if self.folder:
            return self._in_folder(Path(os.path.expanduser(self.folder)), options)
        try:
            archive = fetch(ADDRESS, SHA256, options.cache_folder, options.offline)
        except DataError as error:
            raise DataError(
                f"cifar10 is not at hand: {error} It is also found in a folder: --data cifar10:folder=PATH."
            ) from error
        return open_cifar(archive, "cifar10", options, LICENCE)

    def _in_folder(self, folder: Path, options: LoadOptions) -> Dataset:
        for place in (folder, folder / _FOLDER):
            if os.path.isfile(place / "data_batch_1.bin"):
                return open_cifar(place, "cifar10", options, LICENCE)
        if os.path.isfile(folder / _ARCHIVE):
            return open_cifar(folder / _ARCHIVE, "cifar10", options, LICENCE)
        raise DataError(f"The folder {folder} holds neither {_ARCHIVE} nor data_batch_1.bin.")
