"""Images per second from disk-free data to normalised batches: Belamy against a DataLoader with per-image transforms.

python benchmarks/loading.py [--rounds 7]
"""

from __future__ import annotations

import argparse
import statistics
from time import perf_counter

import plain
from rich.console import Console
from torch.utils.data import DataLoader

from belamy.data import Batches, open_data

BATCH, COUNT = 64, 200


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    data = open_data("mnist")
    pixels = data.images(data.splits["train"]).numpy()
    batches = Batches(data, "train", BATCH, seed=0)
    speeds: dict[str, list[float]] = {"belamy": [], "DataLoader": []}
    for _ in range(rounds):
        started = perf_counter()
        for _ in range(COUNT):
            next(batches)
        speeds["belamy"].append(BATCH * COUNT / (perf_counter() - started))
        loader = iter(DataLoader(plain.Pictures(pixels), BATCH, shuffle=True))
        next(loader)  # its permutation is not counted
        started = perf_counter()
        for _ in range(COUNT // 10):
            next(loader)
        speeds["DataLoader"].append(BATCH * (COUNT // 10) / (perf_counter() - started))
    ratio = statistics.median(a / b for a, b in zip(speeds["belamy"], speeds["DataLoader"], strict=True))
    middle = {way: statistics.median(values) for way, values in speeds.items()}
    Console().print(f"belamy {middle['belamy']:,.0f} images/s, DataLoader {middle['DataLoader']:,.0f}: {ratio:.0f}×")


if __name__ == "__main__":
    main()
