"""The recurrent conditional GAN: what is learned from its samples holds for real series (TSTR), and inversely.

Sines without classes are forecast (R²), waves of three shapes and, if its file is given, the power demand of Italian
winter and summer days are told apart (accuracy on held-out series). Beside each number stands train-on-real.

    python benchmarks/rcgan.py [sines waves italy] [--ucr FILE.npz] [--seed 0] [--json FILE] [--out FOLDER]

FILE.npz holds ``ItalyPowerDemand_x`` [N, 24, 1] and ``ItalyPowerDemand_y``; a random half is trained on.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console

import belamy
from belamy.data import Dataset
from belamy.evaluation.transfer import classification, errors, forecast, hits, taught
from belamy.methods import rcgan
from belamy.modalities import modality
from belamy.runs.files import save_png
from belamy.runs.run import Run
from belamy.sampling.draw import draw
from belamy.sampling.sheets import sheet_of
from belamy.training.setup import open_recipe_data

RECIPES: dict[str, dict[str, Any]] = {
    "sines": {"data": "sines", "train_samples": 500_000},
    "waves": {"data": "waves", "train_samples": 300_000},
    "italy": {"modality": "series", "train_samples": 600_000, "ema_half_life": 20_000},
}
SHOWN, STEPS = 48, 800


def halves(source: Path, folder: Path) -> Path:
    """The Italian days as a file with a random half for training."""
    held = np.load(source)
    days, labels = held["ItalyPowerDemand_x"], held["ItalyPowerDemand_y"]
    order = np.random.default_rng(0).permutation(len(days))
    train, test = order[: len(order) // 2], order[len(order) // 2 :]
    made = folder / "italy.npz"
    np.savez(made, x_train=days[train], y_train=labels[train], x_test=days[test], y_test=labels[test])
    return made


def judged(run: Run, data: Dataset) -> dict[str, float]:
    """Train on synthetic, test on real; train on real, test on real, and on synthetic."""
    method, kind = run.method(), modality("series")
    train = data.batch(data.indices("train"))
    test = data.batch(data.indices("test"))
    raw = draw(method, len(train), seed=1)
    made = kind.to_float(raw, data.field)
    if data.classes:
        labels = torch.arange(len(made)) % len(data.classes)
        assert train.labels is not None and test.labels is not None
        tasks = [
            classification(made, labels),
            classification(train.main, train.labels),
            classification(test.main, test.labels),
        ]
    else:
        tasks = [forecast(made), forecast(train.main), forecast(test.main)]
    synthetic, real = (taught(task, len(data.classes), STEPS, 0) for task in tasks[:2])

    def score(network: torch.nn.Module, place: int) -> float:
        if data.classes:
            return float(hits(network, tasks[place]).mean())
        missed, spread = errors(network, tasks[place])
        return float(1 - missed.sum() / spread.sum())

    return {"tstr": score(synthetic, 2), "trtr": score(real, 2), "trts": score(real, 0)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=["sines", "waves"])
    parser.add_argument("--ucr", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--share", type=float, default=1.0, help="of the training samples")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--out", type=Path)
    chosen = parser.parse_args()
    console, rows = Console(), []
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as temporary:
        folder = chosen.out or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        for name in chosen.names:
            fields = dict(RECIPES[name])
            fields["train_samples"] = int(fields["train_samples"] * chosen.share)
            if name == "italy":
                fields["data"] = str(halves(chosen.ucr, folder))
            started = time.process_time()
            recipe = rcgan.Recipe(**fields, seed=chosen.seed)
            run = belamy.train(recipe, out=folder / f"{name}-{chosen.seed}", device="cpu", watch=False, progress=False)
            minutes = (time.process_time() - started) / 60
            data = open_recipe_data(run.recipe)
            save_png(sheet_of(draw(run.method(), SHOWN, seed=2), data.field, 6), folder / f"{name}-made.png")
            save_png(
                sheet_of(data.store.read(data.indices("test")[:SHOWN]), data.field, 6), folder / f"{name}-real.png"
            )
            row = {"data": name, "seed": chosen.seed, "samples": run.samples_seen, "minutes": round(minutes, 2)}
            rows.append({**row, **{key: round(value, 4) for key, value in judged(run, data).items()}})
            console.print(rows[-1])
    if chosen.json:
        chosen.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
