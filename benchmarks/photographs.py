"""Squares of the few photographs that scikit-learn and scikit-image bring along, and of a folder's; no program."""

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


LONGEST = 1_024
"""Pixels to which photographs of a folder are brought at least by halving, thirding and so on."""


FLAT = 8.0
"""Standard deviation, of 255, up to which a square of sky or water is left out."""


def photographs(side: int, folder: Path | None = None) -> Dataset:
    """Squares of photographs at half their size or less, which takes away what JPEG left; some are held out whole.

    Training squares overlap by three quarters, held-out ones and those of a folder by half.

    Args:
        side: Of the squares, in pixels.
        folder: More photographs, of which every sixth is held out.
    """
    own = sorted(folder.glob("*.jpg")) if folder else []
    learned = [_squares(_file(place, name), side, side // 4) for place, names in LEARNED.items() for name in names]
    held = [_squares(_file(place, name), side, side // 2) for place, names in HELD_OUT.items() for name in names]
    for number, path in enumerate(own):
        (learned if number % 6 else held).append(_squares(path, side, side // 2))
    parts = [torch.cat(learned), torch.cat(held)]
    count = len(parts[0])
    splits = {"train": torch.arange(count), "test": torch.arange(count, count + len(parts[1]))}
    return Dataset("photographs", Memory(torch.cat(parts)), official=splits, rule=f"{len(held)} photographs held out")


def _file(folder: str, name: str) -> Path:
    package, _, below = folder.partition("/")
    found = find_spec(package)
    if found is None or found.origin is None:
        sys.exit(f"{name} comes with {package}. Type: pip install scikit-learn scikit-image")
    return Path(found.origin).parent / below / name


def _squares(path: Path, side: int, step: int) -> torch.Tensor:
    """uint8 [n, 3, side, side]"""
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGB").reduce(max(2, -(-max(image.size) // LONGEST))))
    flat = torch.from_numpy(pixels.copy()).movedim(2, 0)
    squares = flat.unfold(1, side, step).unfold(2, side, step).flatten(1, 2).movedim(0, 1).contiguous()
    return squares[squares.float().flatten(1).std(1) > FLAT]
