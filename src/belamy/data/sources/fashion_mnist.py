"""Fashion-MNIST, 70,000 grey pictures of clothes, fetched when first used."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import torch

from belamy.data.assembly import Raw, assemble, official
from belamy.data.dataset import Attribute, Dataset
from belamy.data.fetching import fetch
from belamy.data.formats.idx import read_idx, write_idx
from belamy.data.load_options import LoadOptions
from belamy.errors import DataError

ADDRESS = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
DEBIAN = Path("/usr/share/datasets/fashion-mnist")
"""Where Debian's package dataset-fashion-mnist puts the files."""

FILES = {
    "train-images-idx3-ubyte": (
        "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    ),
    "train-labels-idx1-ubyte": (
        "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    ),
    "t10k-images-idx3-ubyte": (
        "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    ),
    "t10k-labels-idx1-ubyte": (
        "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ),
}
"""SHA-256 of each official .gz file, and of the IDX file inside it (Debian packs the same content anew)."""

CLASSES = ("T-shirt/top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")
LICENCE = "MIT, Zalando SE"
_MOST = 1 << 26


class Source:
    """70,000 grey clothes of 28x28 pixels in ten classes; official split: 60,000 to train on, 10,000 to test.

    The files are looked for in the folder given, or else where Debian's package dataset-fashion-mnist puts them and in
    the cache, and then fetched from the authors' address (31 MB). Wherever they lie, their content is checked.

    References:
        Xiao, Rasul, Vollgraf, "Fashion-MNIST: a novel image dataset for benchmarking machine learning algorithms",
        2017, arXiv:1708.07747.

    Args:
        folder: A folder that holds the four files, packed or not; empty to look in the usual places.
    """

    def __init__(self, *, folder: str = "") -> None:
        self.folder = folder

    def open(self, options: LoadOptions) -> Dataset:
        """The pictures, in the official order, training images first."""
        parts = {name: self._values(name, options) for name in FILES}
        images = np.concatenate([parts["train-images-idx3-ubyte"], parts["t10k-images-idx3-ubyte"]])
        labels = np.concatenate([parts["train-labels-idx1-ubyte"], parts["t10k-labels-idx1-ubyte"]])
        training = len(parts["train-labels-idx1-ubyte"])
        raw = Raw(
            name="fashion-mnist",
            label=Attribute(CLASSES, torch.from_numpy(labels.astype(np.int64))),
            official=official(training, len(labels)),
            licence=LICENCE,
        )
        return assemble(torch.from_numpy(images).unsqueeze(1), raw, options)

    def _values(self, name: str, options: LoadOptions) -> np.ndarray:
        packed, unpacked = FILES[name]
        path = self._found(name) or self._fetched(name, packed, options)
        values = read_idx(path, _MOST)
        if hashlib.sha256(write_idx(values)).hexdigest() != unpacked:
            raise DataError(
                f"{path} is not the file of Fashion-MNIST that it is named after: its checksum differs. Remove it to "
                f"fetch the right one, or give its folder as the data source to use it as data of its own."
            )
        return values

    def _found(self, name: str) -> Path | None:
        folder = Path(os.path.expanduser(self.folder)) if self.folder else DEBIAN
        for path in (folder / f"{name}.gz", folder / name):
            if os.path.isfile(path):
                return path
        if self.folder:
            raise DataError(f"The folder {self.folder} holds neither {name}.gz nor {name}.")
        return None

    def _fetched(self, name: str, digest: str, options: LoadOptions) -> Path:
        try:
            return fetch(f"{ADDRESS}{name}.gz", digest, options.cache_folder / "fashion-mnist", options.offline)
        except DataError as error:
            raise DataError(
                f"fashion-mnist is not at hand: {error} It is also found when Debian's package dataset-fashion-mnist "
                "is installed, or in a folder: --data fashion-mnist:folder=PATH."
            ) from error
