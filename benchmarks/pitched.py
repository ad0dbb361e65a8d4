"""Notes of a pitch by a GAN after CPU-minutes of one thread, judged by `belamy evaluate` beside held-out notes.

``notes16k.npz`` holds 576 notes of eight instruments, with ``pitch``; any data with such an attribute will do. Told are
the share of samples within a quarter tone of the pitch that was asked for and the kernel distance of mel spectra. It
goes on where its folder was: a run that is there is not made again. Networks must not grow, as their steps take longer
and longer: ``--growth none``.

    python benchmarks/pitched.py notes16k.npz FOLDER [--recipe pitched-notes] [--minutes 5] [--seed 0] [OPTIONS OF IT]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from minutes import lasting, run_at
from notes import Notes

import belamy
from belamy import recipes
from belamy.cli.recipe_form import read
from belamy.training.setup import Options, open_recipe_data

SAMPLES = 1000


def main() -> None:
    """Train, judge, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--recipe", default="pitched-notes")
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--seed", type=int, default=0)
    chosen, options = parser.parse_known_args()
    torch.set_num_threads(1)
    usual = recipes.get(chosen.recipe).changed(data=str(chosen.data), rate=16_000.0, length=8192, labels="pitch")
    changes, _ = read(usual, options, "benchmarks/pitched.py")
    usual = usual.changed(seed=chosen.seed, **changes)
    how = Options(device="cpu", progress=False)
    run, minutes = run_at(
        chosen.folder / chosen.recipe, lambda: lasting(usual, open_recipe_data(usual), how, chosen.minutes)
    )
    verdict = belamy.evaluate(
        run, count=SAMPLES, metrics=("pitch-accuracy", "kernel"), extractor="mel", device="cpu", progress=False
    )
    notes = Notes(chosen.folder, minutes=chosen.minutes, seed=chosen.seed)
    notes.add_verdict(chosen.recipe, verdict, samples=run.recipe.train_samples, cpu_minutes=minutes)


if __name__ == "__main__":
    main()
