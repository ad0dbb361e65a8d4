"""Samples per second of training steps: Belamy, the tutorials' PyTorch, TensorFlow where it is installed.

All contenders take turns in one process (A B C A B C …); medians, and ratios within each round, are printed with the
machine's own ceiling of matrix products measured in the same run. Images are random: only speed is measured.

    python benchmarks/training.py [--rounds 7] [--only dcgan-mnist] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np
import plain
import torch
from rich.console import Console
from rich.table import Table

from belamy import recipes
from belamy.data import Dataset, open_data
from belamy.methods.base import DataSpec
from belamy.training.distribution import World
from belamy.training.setup import Options, make_trainer

GFLOP = {"dcgan-mnist": 115.6, "dcgan-cifar": 114.0}
"""Products and sums of one step at the recipe's batch, in 1e9, one pass of each network where one serves."""


def ceiling() -> float:
    """GFLOP/s of a 2048² float32 matrix product."""
    a = torch.randn(2048, 2048)
    a @ a
    started = perf_counter()
    for _ in range(3):
        a @ a
    return 3 * 2 * 2048**3 / (perf_counter() - started) / 1e9


def belamy_step(name: str, data: Dataset) -> Callable[[], None]:
    """One step of a recipe in the library's own engine."""
    trainer = make_trainer(recipes.get(name), DataSpec.pictures(data.shape), data, Options(device="cpu"), World())
    return trainer.step


def contenders(name: str, folder: Path) -> tuple[int, dict[str, Callable[[], None]]]:
    """The batch and a step function for each way to train the system ``name``."""
    recipe = recipes.get(name)
    side, channels = (28, 1) if name == "dcgan-mnist" else (32, 3)
    pixels = np.random.default_rng(0).integers(0, 256, (4096, channels, side, side), dtype=np.uint8)
    file = folder / f"{name}.npy"
    np.save(file, pixels.transpose(0, 2, 3, 1))
    networks = plain.mnist_networks if name == "dcgan-mnist" else plain.cifar_networks
    lr, beta1 = (1e-4, 0.9) if name == "dcgan-mnist" else (2e-4, 0.5)
    ways = {
        "belamy": belamy_step(name, open_data(str(file))),
        "plain, fakes reused": plain.stepper(networks(), pixels, recipe.batch, lr, beta1, fresh=False),
        "plain, two forwards": plain.stepper(networks(), pixels, recipe.batch, lr, beta1, fresh=True),
    }
    if name == "dcgan-mnist" and find_spec("tensorflow"):
        import keras_step

        ways["keras tf.function"] = keras_step.stepper(pixels, recipe.batch)
    return recipe.batch, ways


def race(ways: dict[str, Callable[[], None]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each way's step, by round; the ways take turns, the first round is not counted."""
    times: dict[str, list[float]] = {way: [] for way in ways}
    for number in range(rounds + 1):
        for way, step in ways.items():
            started = perf_counter()
            step()
            if number:
                times[way].append(perf_counter() - started)
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", choices=tuple(GFLOP))
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    console, results = Console(), {}
    with TemporaryDirectory() as folder:
        for name in [options.only] if options.only else list(GFLOP):
            batch, ways = contenders(name, Path(folder))
            before = ceiling()
            times = race(ways, options.rounds)
            peak = max(before, ceiling())
            table = Table("way", "s/step", "samples/s", "belamy is", title=f"{name}, batch {batch}, {peak:.0f} GFLOP/s")
            for way, seconds in times.items():
                ratio = statistics.median(other / own for other, own in zip(seconds, times["belamy"], strict=True))
                middle = statistics.median(seconds)
                table.add_row(way, f"{middle:.3f}", f"{batch / middle:.0f}", f"{ratio:.2f}×")
            console.print(table)
            share = GFLOP[name] / statistics.median(times["belamy"]) / peak
            console.print(f"belamy: {share:.0%} of the ceiling, {torch.get_num_threads()} threads")
            results[name] = {"seconds": times, "ceiling_gflops": peak, "share": share}
    if options.json:
        options.json.write_text(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
