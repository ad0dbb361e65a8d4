"""Quality of generated digits over training time: ``digits`` against ``dcgan-mnist`` on the same machine.

A classifier of at least 99 % test accuracy that takes no part in training judges 10,000 samples at several moments;
only training time counts. Run it on an otherwise idle machine.

    python benchmarks/quality.py [--seconds 240] [--seeds 3] [--judge runs/judge] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

import torch
from judge import Judge, Verdict
from rich.console import Console
from rich.table import Table

from belamy import recipes
from belamy.data import open_data
from belamy.methods.base import Domain
from belamy.runs.files import save_png
from belamy.sampling.draw import draw
from belamy.sampling.grid import grid
from belamy.training.distribution import World
from belamy.training.start import Options, make_trainer
from belamy.training.trainer import Trainer

MOMENTS = (15, 30, 60, 90, 120, 180, 240, 300)
"""Seconds of training after which samples are judged."""


def curve(name: str, seed: int, seconds: float, judge: Judge, console: Console) -> tuple[list[dict], Trainer]:
    """Verdicts on a recipe over its training time, until it ends or the time is up, and the trainer."""
    recipe, data = recipes.get(name).changed(seed=seed), open_data("mnist")
    trainer = make_trainer(recipe, Domain(data.shape, data.classes), data, Options(device="cpu"), World())
    rows = []
    moments = [moment for moment in MOMENTS if moment < seconds] + [seconds]
    for moment in moments:
        while trainer.clock.seconds < moment and trainer.clock.samples < recipe.samples:
            trainer.step()
        rows.append({"seconds": trainer.clock.seconds, "samples": trainer.clock.samples,
                     **asdict(verdict(trainer, judge))})  # fmt: skip
        console.print(f"{name} seed {seed}: {rows[-1]['seconds']:.0f} s, {rows[-1]['samples']:,} samples, "
                      f"distance {rows[-1]['distance']:.3f}, confidence {rows[-1]['confidence']:.4f}")  # fmt: skip
        if trainer.clock.samples >= recipe.samples:
            break
    return rows, trainer


def verdict(trainer: Trainer, judge: Judge) -> Verdict:
    """The judge's view of 10,000 samples drawn with the weights that the recipe samples with."""
    with trainer.averages.in_place(trainer.method):
        return judge.judge(draw(trainer.method, 10_000, seed=1, batch=250))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=240, help="training time of the rival")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--judge", type=Path, default=Path("runs/judge"))
    parser.add_argument("--grids", type=Path, help="folder for pictures of the final samples")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    console = Console()
    torch.set_flush_denormal(True)
    judge = Judge(options.judge)
    console.print(f"judge: test accuracy {judge.accuracy:.4f}, confidence {judge.confidence:.4f}")
    results = {}
    for name, seed in [*(("digits", seed) for seed in range(options.seeds)), ("dcgan-mnist", 0)]:
        results[f"{name} seed {seed}"], trainer = curve(name, seed, options.seconds, judge, console)
        if options.grids:
            with trainer.averages.in_place(trainer.method):
                sheet = grid(draw(trainer.method, 100, seed=1), columns=10, scale=2)
            save_png(sheet, options.grids / f"{name}-{seed}.png")
    table = Table("run", "seconds", "samples", "Fréchet", "confidence / real", "least, most frequent digit")
    for run, rows in results.items():
        last = rows[-1]
        table.add_row(run, f"{last['seconds']:.0f}", f"{last['samples']:,}", f"{last['distance']:.3f}",
                      f"{last['confidence'] / judge.confidence:.3f}",
                      f"{min(last['shares']):.3f}, {max(last['shares']):.3f}")  # fmt: skip
    console.print(table)
    if options.json:
        options.json.write_text(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
