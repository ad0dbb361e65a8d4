"""Peak memory of `belamy translate` for pictures of 1 to 24 megapixels in tiles, each in a process of its own.

    python benchmarks/tiles.py [--run RUN] [--tile 512] [--megapixels 1 4 12 24]

Without a run a small one is trained for a few steps: what it makes is of no interest. Beside the peak stands that of
decoding and encoding the same file by Pillow alone, which no tiling can avoid.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from time import monotonic

import numpy as np
from PIL import Image
from rich.console import Console

ROUND_TRIP = """
import sys
from PIL import Image
import belamy.api.translate
with Image.open(sys.argv[1]) as image:
    Image.merge("RGB", image.convert("RGB").split()).save(sys.argv[2], optimize=True)
"""
TRAIN = ["--generator", "resnet-translator:width=4,blocks=1", "--generator-norm", "native"]
TRAIN += ["--discriminator", "patch-gan:width=4,receptive_field=16", "--modality", "image:pairs=folders"]
TRAIN += ["--size", "64", "--samples", "16", "--batch", "4", "--device", "cpu"]


def drawn(megapixels: float) -> Image.Image:
    """A picture of smooth colours and some detail, 3 wide by 2 high."""
    height = round((megapixels * 1e6 / 1.5) ** 0.5)
    width = round(1.5 * height)
    rows = np.linspace(0, 255, height, dtype=np.float32).astype(np.uint8)
    columns = np.linspace(0, 255, width, dtype=np.float32).astype(np.uint8)
    pixels = np.empty((height, width, 3), np.uint8)
    pixels[..., 0], pixels[..., 1] = rows[:, None], columns
    pixels[..., 2] = np.bitwise_xor(rows[:, None], columns)
    return Image.fromarray(pixels)


def trained(folder: Path) -> Path:
    """A run of a few steps on noise."""
    for side in "AB":
        (folder / side).mkdir()
        for number in range(8):
            values = np.random.default_rng(number).integers(0, 256, (64, 64, 3), dtype=np.uint8)
            Image.fromarray(values).save(folder / side / f"{number}.png")
    words = ["train", "pix2pix", "--data", str(folder), *TRAIN, "--no-progress", "--out", str(folder / "run")]
    subprocess.run([sys.executable, "-m", "belamy", *words], check=True, stdout=subprocess.DEVNULL)
    return folder / "run"


def measured(words: list[str]) -> tuple[float, float]:
    """Peak memory in MiB and seconds of a process."""
    began = monotonic()
    child = subprocess.Popen([sys.executable, *words], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(words)} failed with {status}")
    return usage.ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10), monotonic() - began


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path)
    parser.add_argument("--tile", type=int, default=512)
    parser.add_argument("--megapixels", type=float, nargs="+", default=[1, 2, 4, 8, 12, 16, 24])
    asked = parser.parse_args()
    table = Console(highlight=False).print
    table(f"{'megapixels':>10} {'pixels':>8} {'translate':>10} {'codec':>8} {'above it':>9} {'seconds':>8}   (MiB)")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run = asked.run or trained(folder)
        for megapixels in asked.megapixels:
            given, out = folder / "given.png", folder / "made.png"
            image = drawn(megapixels)
            image.save(given)
            bare, _ = measured(["-c", ROUND_TRIP, str(given), str(folder / "codec.png")])
            words = ["-m", "belamy", "translate", str(run), str(given), "--out", str(out), "--overwrite"]
            peak, seconds = measured([*words, "--tile", str(asked.tile), "--no-progress", "--device", "cpu"])
            size = 3 * image.width * image.height / (1 << 20)
            table(f"{megapixels:10g} {size:8.0f} {peak:10.0f} {bare:8.0f} {peak - bare:9.0f} {seconds:8.1f}")


if __name__ == "__main__":
    main()
