"""Quality of generated digits over training time: ``digits`` against ``dcgan-mnist`` on the same machine.

A classifier of at least 99 % test accuracy that takes no part in training judges 10,000 samples at several moments;
only training time counts. Run it on an otherwise idle machine.

    python benchmarks/quality.py [--seconds 240] [--seeds 3] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

from belamy import recipes
from belamy.data import open_data
from belamy.evaluation.panel import Judgement, Panel
from belamy.judges.judge import extractor, trained_judge
from belamy.modalities.grid import grid
from belamy.runs.files import save_png
from belamy.sampling.draw import draw
from belamy.training.distribution import World
from belamy.training.setup import Options, make_trainer
from belamy.training.trainer import Trainer

MOMENTS = (15, 30, 60, 90, 120, 180, 240, 300)
"""Seconds of training after which samples are judged."""


def curve(name: str, seed: int, seconds: float, panel: Panel, console: Console) -> tuple[list[dict], Trainer]:
    """Judgements of a recipe over its training time, until it ends or the time is up, and the trainer."""
    recipe, data = recipes.get(name).changed(seed=seed), panel.data
    trainer = make_trainer(recipe, data.spec, data, Options(device="cpu"), World())
    rows = []
    moments = [moment for moment in MOMENTS if moment < seconds] + [seconds]
    for moment in moments:
        while trainer.clock.seconds < moment and trainer.clock.samples < recipe.train_samples:
            trainer.step()
        values = judgement(trainer, panel).values
        rows.append({"seconds": trainer.clock.seconds, "samples": trainer.clock.samples, **values})
        console.print(f"{name} seed {seed}: {rows[-1]['seconds']:.0f} s, {rows[-1]['samples']:,} samples, "
                      + ", ".join(f"{key} {value:.4g}" for key, value in values.items()))  # fmt: skip
        if trainer.clock.samples >= recipe.train_samples:
            break
    return rows, trainer


def judgement(trainer: Trainer, panel: Panel) -> Judgement:
    """What is said of 10,000 samples drawn with the weights that the recipe samples with."""
    with trainer.averages.in_place(trainer.method):
        return panel.judge_method(trainer.method, 10_000, seed=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=240, help="training time of the rival")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--grids", type=Path, help="folder for pictures of the final samples")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    console = Console()
    torch.set_flush_denormal(True)
    data = open_data("mnist")
    panel = Panel(extractor(data, trained_judge(data, say=console.print)), data)
    real_baseline = panel.real_baseline(10_000)
    console.print(f"{real_baseline.card}\nreal training digits: {real_baseline.values}")
    results = {}
    for name, seed in [*(("digits", seed) for seed in range(options.seeds)), ("dcgan-mnist", 0)]:
        results[f"{name} seed {seed}"], trainer = curve(name, seed, options.seconds, panel, console)
        if options.grids:
            with trainer.averages.in_place(trainer.method):
                sheet = grid(draw(trainer.method, 100, seed=1), columns=10, scale=2)
            save_png(sheet, options.grids / f"{name}-{seed}.png")
    table = Table("run", "seconds", "samples", "Fréchet", "modes", "KL", "of the class asked for")
    for run, rows in results.items():
        last = rows[-1]
        fidelity = f"{last['label-fidelity']:.4f}" if "label-fidelity" in last else "–"
        table.add_row(run, f"{last['seconds']:.0f}", f"{last['samples']:,}", f"{last['frechet']:.3f}",
                      str(last["modes"]), f"{last['kl']:.4f}", fidelity)  # fmt: skip
    console.print(table)
    if options.json:
        options.json.write_text(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
