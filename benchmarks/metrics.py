"""Seconds of processor for a Fréchet distance at 2,048 features: Belamy against ``scipy.linalg.sqrtm``, interleaved.

Covariances of full rank, of less by nature, and of fewer images than features. About 20 seconds of scipy in each round
of each case; one thread each, unless OMP_NUM_THREADS says otherwise.

    python benchmarks/metrics.py [--rounds 3] [--features 2048]
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable
from functools import partial
from math import isfinite
from time import perf_counter, process_time

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from scipy import linalg
from torch import Tensor

from belamy.evaluation.gaussians import distance
from belamy.evaluation.moments import Moments
from belamy.seeds import generator


def features(count: int, size: int, rank: int, stream: int) -> Tensor:
    """Rows whose spectrum decays as that of a network's features does, of at most a rank."""
    source = generator(0, "features", stream)
    mix = torch.randn(rank, size, generator=source, dtype=torch.float64)
    mix *= torch.arange(1, rank + 1).double().pow(-0.5)[:, None]
    return torch.randn(count, rank, generator=source, dtype=torch.float64) @ mix


def cases(size: int) -> dict[str, tuple[Tensor, Tensor]]:
    """Both sets of features, by what their covariances are like."""
    many, half, few = 5 * size // 2, size // 2, size // 2
    return {
        "full rank": (features(many, size, size, 0), features(many, size, size, 1)),
        "half rank": (features(many, size, half, 2), features(many, size, half, 3)),
        "fewer images than features": (features(few, size, size, 4), features(few, size, size, 5)),
    }


def moments(rows: Tensor) -> Moments:
    made = Moments()
    made.update(rows)
    return made


def by_square_root(a: Tensor, b: Tensor, s: np.ndarray, t: np.ndarray) -> float:
    """As the packages do it: the matrix square root of the product, its imaginary part dropped."""
    root = linalg.sqrtm(s @ t)
    return float((a.mean(0) - b.mean(0)).square().sum()) + float(np.trace(s + t) - 2 * np.trace(root).real)


def timed(call: Callable[[], float]) -> tuple[float, float, float]:
    """What a call returns, its wall and its processor seconds."""
    wall, processor = perf_counter(), process_time()
    value = call()
    return value, perf_counter() - wall, process_time() - processor


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--features", type=int, default=2048)
    options = parser.parse_args()
    table = Table("covariances", "belamy s", "scipy s", "ratio", "belamy", "scipy")
    for name, (a, b) in cases(options.features).items():
        ours, theirs = [], []
        first, second = moments(a), moments(b)
        s, t = (torch.cov(rows.T).numpy() for rows in (a, b))
        for _ in range(options.rounds):
            ours.append(timed(partial(distance, first, second)))
            theirs.append(timed(partial(by_square_root, a, b, s, t)))
        ratio = statistics.median(there[2] / here[2] for here, there in zip(ours, theirs, strict=True))
        middle = [statistics.median(each[2] for each in found) for found in (ours, theirs)]
        values = [f"{found[0][0]:.6f}" if isfinite(found[0][0]) else "NaN" for found in (ours, theirs)]
        table.add_row(name, f"{middle[0]:.2f}", f"{middle[1]:.1f}", f"{ratio:.1f}×", *values)
    Console().print(table)


if __name__ == "__main__":
    main()
