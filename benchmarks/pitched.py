"""Notes of a pitch by GANs after CPU-minutes of one thread, judged by `belamy evaluate` beside held-out notes.

``notes16k.npz`` holds 576 notes of eight instruments, with ``pitch``; any data whose classes are pitches will do. Told
are the share of samples within a quarter tone of the pitch that was asked for and the kernel distance of mel spectra,
both beside held-out notes; a walk from timbre to timbre at one pitch is drawn. A run that lies there is not made again.

    python benchmarks/pitched.py notes16k.npz FOLDER [--recipe gansynth-small] [--minutes 20] [--seed 0] [OPTIONS OF IT]
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import torch
from minutes import lasting, run_at

import belamy
from belamy import recipes
from belamy.cli.recipe_form import read
from belamy.methods.base import BaseRecipe
from belamy.registry import Part
from belamy.training.setup import Options, open_recipe_data

SAMPLES, SIZES = 1000, 5
"""Judged samples; parts of a run that grows, each but the last two half fading and half training."""


def planned(usual: BaseRecipe, minutes: float) -> BaseRecipe:
    """The recipe as long as the minutes are; networks that grow reach the full size after three fifths of it."""
    data, options = open_recipe_data(usual), Options(device="cpu", progress=False)
    growth = getattr(usual, "growth", Part(name="none"))
    if growth.name == "none":
        return lasting(usual, data, options, minutes)
    full = lasting(usual.changed(growth=Part(name="none")), data, options, minutes)
    each = max(full.train_samples // (2 * SIZES), 1)
    return full.changed(growth=Part(name=growth.name, **{**growth.options, "training": each, "transition": each}))


def main() -> None:
    """Train, judge, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--recipe", default="gansynth-small")
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--seed", type=int, default=0)
    chosen, options = parser.parse_known_args()
    torch.set_num_threads(1)
    usual = recipes.get(chosen.recipe).changed(data=str(chosen.data), rate=16_000.0, length=8192, labels="pitch")
    changes, _ = read(usual, options, "benchmarks/pitched.py")
    usual = usual.changed(seed=chosen.seed, **changes)
    run, minutes = run_at(chosen.folder, lambda: planned(usual, chosen.minutes))
    verdict = belamy.evaluate(
        run, count=SAMPLES, metrics=("pitch-accuracy", "kernel"), extractor="mel", device="cpu", progress=False
    )
    for each in verdict.measures:
        figures = {"what": each.name, "value": each.value, "interval": each.interval, "real": each.real_baseline}
        sys.stdout.write(json.dumps({**figures, "cpu_minutes": minutes}, default=str) + "\n")


if __name__ == "__main__":
    main()
