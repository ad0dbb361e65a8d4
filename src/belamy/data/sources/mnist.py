"""MNIST, all 70,000 handwritten digits, embedded in the package."""

from __future__ import annotations

import lzma
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

from belamy.data.assembly import Raw, assemble, official
from belamy.data.dataset import Attribute, Dataset
from belamy.data.embedded import embedded
from belamy.data.load_options import LoadOptions

LABELS = ("mnist-labels.xz", "9867c0b81ee2a29557c3e0ac065c58242c9b690c9494a080d092d554c5907e5b")
IMAGES = (
    ("mnist-images-0.xz", "afe8b47b6ba1304ccf8ad41ee7aa3c4bf8c08388bf5d8532a1ff67667db7b9e6"),
    ("mnist-images-1.xz", "b0299e7b70964f180d2ac4effb7408f2d9df6e51bb4db8b836c70972ddede4ce"),
)
TRAINING, TEST = 60_000, 10_000
LICENCE = "CC BY-SA 3.0, Yann LeCun and Corinna Cortes"


class Source:
    """70,000 grey digits of 28x28 pixels with the official split: 60,000 to train on, 10,000 to test.

    References:
        LeCun, Bottou, Bengio, Haffner, "Gradient-based learning applied to document recognition", 1998.

    Example:
        >>> from belamy.data import open_data
        >>> open_data("mnist").label_counts()["1"]
        7877
    """

    def open(self, options: LoadOptions) -> Dataset:
        """The digits, in the official order, training images first."""
        # lzma releases the interpreter, so the two halves unpack on two cores.
        with ThreadPoolExecutor(len(IMAGES)) as pool:
            parts = list(pool.map(_unpacked, IMAGES))
        images = torch.empty(TRAINING + TEST, 1, 28, 28, dtype=torch.uint8)
        images.view(-1).numpy()[:] = np.concatenate(parts)
        labels = torch.from_numpy(_unpacked(LABELS).astype(np.int64))
        raw = Raw(
            name="mnist",
            label=Attribute(tuple("0123456789"), labels),
            official=official(TRAINING, TRAINING + TEST),
            licence=LICENCE,
        )
        return assemble(images, raw, options)


def _unpacked(file: tuple[str, str]) -> np.ndarray:
    return np.frombuffer(lzma.decompress(embedded(*file)), np.uint8)
