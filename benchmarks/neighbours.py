"""Neighbours: the birthday paradox against a loop over pairs, and the memory that precision and recall take.

The loop measures 50,000,000 pairs of 10,000 images; here it measures some and is scaled up. Both ways alternate,
on one thread, and the ratio is that of each round. Peaks are of processes of their own, everything included.

python benchmarks/neighbours.py [--rounds 5] [--images 10000] [--pairs 200000]
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
from time import perf_counter

import numpy as np
import torch
from rich.console import Console
from torch import Tensor

from belamy.evaluation.extracted import ExtractedFeatures
from belamy.evaluation.metrics.birthday import Metric as Birthday
from belamy.evaluation.metrics.precision_recall import Metric as PrecisionRecall
from belamy.evaluation.neighbours import closest_pairs

SIDE, FEATURES, CHUNK = 32, 2048, 1000
PEAKS = {"pairs": "closest pairs alone", "birthday": "the whole metric birthday", "manifolds": "precision and recall"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--pairs", type=int, default=200_000, help="pairs that the loop measures")
    parser.add_argument("--peak", choices=PEAKS, help="only this, in this process")
    asked = parser.parse_args()
    torch.set_num_threads(1)  # as many as the loop has
    if asked.peak:
        peak(asked.peak, asked.images)
        return
    console = Console()
    images = smooth(asked.images)
    total, ratios = asked.images * (asked.images - 1) // 2, []
    for _ in range(asked.rounds):
        slow = looped(images, asked.pairs) / asked.pairs * total
        started = perf_counter()
        closest_pairs(images.flatten(1), 20)
        quick = perf_counter() - started
        ratios.append(slow / quick)
        console.print(
            f"loop {slow:,.0f} s (of {asked.pairs:,} pairs, scaled up), belamy {quick:.1f} s: {ratios[-1]:.0f}×"
        )
    console.print(f"median {statistics.median(ratios):.0f}×, least {min(ratios):.0f}×")
    for name, title in PEAKS.items():
        command = [sys.executable, __file__, "--peak", name, "--images", str(asked.images)]
        console.print(f"{title}: {subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()}")


def smooth(count: int) -> Tensor:
    """Coloured images with more energy in low frequencies, as of photographs.  # [n, 3, 32, 32] uint8"""
    coarse = torch.randn(count, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    parts = [torch.nn.functional.interpolate(part, SIDE, mode="bicubic") for part in coarse.split(CHUNK)]
    return torch.cat([(128 + 48 * part).clamp(0, 255).to(torch.uint8) for part in parts])


def looped(images: Tensor, pairs: int) -> float:
    """Seconds that a Python loop over the first pairs takes, the 20 closest kept."""
    rows = images[:2000].flatten(1).numpy().astype(np.float32) / 255
    found: list[tuple[float, int, int]] = []
    started = perf_counter()
    for one in range(len(rows)):
        for other in range(one + 1, len(rows)):
            found.append((float(np.linalg.norm(rows[one] - rows[other])), one, other))
            if len(found) == pairs:
                sorted(found)[:20]
                return perf_counter() - started
    raise SystemExit(f"There are only {len(found):,} pairs: give fewer with --pairs.")


def peak(name: str, count: int) -> None:
    """Do one thing and say how much memory this process took for it."""
    started = perf_counter()
    if name == "manifolds":
        metric = PrecisionRecall()
        source = torch.Generator().manual_seed(0)
        for _ in range(0, count, CHUNK):
            for side in ("real", "fake"):
                rows = torch.randn(CHUNK, FEATURES, generator=source, dtype=torch.float64)
                metric.update(**{side: ExtractedFeatures(rows)})
        metric.compute()
    elif name == "pairs":
        closest_pairs(smooth(count).flatten(1), 20)
    else:
        birthday, images = Birthday(), smooth(2 * count)
        for side, kept in (("real", images[:count]), ("fake", images[count:])):
            birthday.update(**{side: ExtractedFeatures(torch.zeros(count, 1), images=kept)})
        birthday.compute()
    peaked = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    Console().print(f"{peaked:,.0f} MB at the peak, {perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
