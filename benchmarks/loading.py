"""Images per second from disk-free data to normalised batches: Belamy against a DataLoader with per-image transforms.

The popular collections of GANs resize every image, even to its own size (their ``Resize(opt.img_size)``); the tutorials
do not. Both are told, per second of one core.

python benchmarks/loading.py [--rounds 7]
"""

from __future__ import annotations

import argparse
import statistics
from time import process_time

import plain
import torch
from rich.console import Console
from torch.utils.data import DataLoader

from belamy.data import Batches, open_data

BATCH, COUNT = 64, 200


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    data = open_data("mnist")
    pixels = data.images(data.splits["train"]).numpy()
    batches = Batches(data, "train", BATCH, seed=0)
    loaders = {"DataLoader": plain.Pictures(pixels), "DataLoader with Resize": plain.Pictures(pixels, pixels.shape[-1])}
    speeds: dict[str, list[float]] = {name: [] for name in ("belamy", *loaders)}
    for _ in range(rounds):
        started = process_time()
        for _ in range(COUNT):
            next(batches)
        speeds["belamy"].append(BATCH * COUNT / (process_time() - started))
        for name, pictures in loaders.items():
            loader = iter(DataLoader(pictures, BATCH, shuffle=True))
            next(loader)  # its permutation is not counted
            started = process_time()
            for _ in range(COUNT // 10):
                next(loader)
            speeds[name].append(BATCH * (COUNT // 10) / (process_time() - started))
    console = Console()
    console.print(f"belamy: {statistics.median(speeds['belamy']):,.0f} images/s")
    for name in loaders:
        ratio = statistics.median(a / b for a, b in zip(speeds["belamy"], speeds[name], strict=True))
        console.print(f"{name}: {statistics.median(speeds[name]):,.0f} images/s, {ratio:.0f}× slower")


if __name__ == "__main__":
    main()
