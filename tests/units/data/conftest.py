"""Pictures and folders made on the spot."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

Maker = Callable[..., Path]


def noise(seed: int, height: int = 12, width: int = 12, channels: int = 3) -> np.ndarray:
    """Random pixels; [H, W] for one channel."""
    values = np.random.default_rng(seed).integers(0, 256, (height, width, channels), dtype=np.uint8)
    return values[:, :, 0] if channels == 1 else values


@pytest.fixture
def pictures(tmp_path: Path) -> Maker:
    """Writes PNGs of noise: ``pictures("cat/1.png", "cat/2.png", height=…, width=…)`` returns the folder."""

    def make(*names: str, folder: str = "photos", height: int = 12, width: int = 12, channels: int = 3) -> Path:
        root = tmp_path / folder
        for seed, name in enumerate(names):
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(noise(seed, height, width, channels)).save(path)
        root.mkdir(exist_ok=True)
        return root

    return make
