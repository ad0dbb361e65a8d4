"""Squares of the few photographs that scikit-learn and scikit-image bring along; no program."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from belamy.data.dataset import Dataset, Memory

LEARNED = {
    "sklearn/datasets/images": ("china.jpg",),
    "skimage/data": ("astronaut.png", "coffee.png", "motorcycle_left.png", "ihc.png"),
}
HELD_OUT = {"sklearn/datasets/images": ("flower.jpg",), "skimage/data": ("chelsea.png", "rocket.jpg")}


def photographs(side: int) -> Dataset:
    """Squares of photographs at half their size, which takes away what JPEG left; three photographs are held out.

    Training squares overlap by three quarters, held-out ones by half.

    Args:
        side: Of the squares, in pixels.
    """
    parts = [
        torch.cat([_squares(_file(folder, name), side, step) for folder, names in files.items() for name in names])
        for files, step in ((LEARNED, side // 4), (HELD_OUT, side // 2))
    ]
    count = len(parts[0])
    splits = {"train": torch.arange(count), "test": torch.arange(count, count + len(parts[1]))}
    return Dataset("photographs", Memory(torch.cat(parts)), official=splits, rule="three photographs held out")


def _file(folder: str, name: str) -> Path:
    package, _, below = folder.partition("/")
    found = find_spec(package)
    if found is None or found.origin is None:
        sys.exit(f"{name} comes with {package}. Type: pip install scikit-learn scikit-image")
    return Path(found.origin).parent / below / name


def _squares(path: Path, side: int, step: int) -> torch.Tensor:
    """uint8 [n, 3, side, side]"""
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGB").reduce(2))
    flat = torch.from_numpy(pixels.copy()).movedim(2, 0)
    return flat.unfold(1, side, step).unfold(2, side, step).flatten(1, 2).movedim(0, 1).contiguous()
