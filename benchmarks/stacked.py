"""StackedMNIST: how many of its 1,000 modes a recipe covers, in CPU-minutes of one thread.

Each channel of 26,000 samples is told by the judge of MNIST; the three digits make the mode. Labels are not used in
training. The divergence is from the uniform distribution; 26,000 perfect samples would have 0.019.

    python benchmarks/stacked.py [RECIPE] [--minutes 30] [--seed 0] [--json FILE] [-- OPTIONS OF THE RECIPE]
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import torch
from rich.console import Console

from belamy import recipes
from belamy.cli.recipe_form import read
from belamy.data import open_data
from belamy.evaluation.candidate import Drawn
from belamy.evaluation.features.stacked import StackedFeatures
from belamy.evaluation.metrics.modes import Metric as Modes
from belamy.judges.judge import extractor, trained_judge
from belamy.methods.base import DataSpec
from belamy.modalities.grid import grid
from belamy.runs.files import save_png
from belamy.sampling.draw import draw
from belamy.training.distribution import World
from belamy.training.setup import Options, make_trainer
from belamy.training.trainer import Trainer

MODES, SAMPLES = 1000, 26_000
MOMENTS = (2, 4, 8, 12, 16, 20, 25, 30)
"""CPU-minutes of training after which samples are judged."""


def judged(trainer: Trainer, stacked: StackedFeatures, count: int) -> dict[str, float]:
    """Modes covered and divergence from the uniform distribution."""
    metric = Modes(classes=MODES)
    with trainer.averages.in_place(trainer.method):
        for images, _ in Drawn(trainer.method, count, 1, heeds=False).chunks():
            metric.update(fake=stacked.extract(images))
    return metric.compute()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", nargs="?", default="digits")
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=SAMPLES)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--grid", type=Path, help="file for a sheet of samples")
    end = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    chosen = parser.parse_args(sys.argv[1:end])
    console = Console()
    torch.set_num_threads(1)
    fields, _ = read(recipes.get(chosen.recipe), sys.argv[end + 1 :], "stacked.py")
    recipe = recipes.get(chosen.recipe).changed(**{"data": "stacked-mnist", **fields, "seed": chosen.seed})
    digits, data = open_data("mnist"), open_data(recipe.data)
    stacked = StackedFeatures(extractor(digits, trained_judge(digits, say=console.print)))
    unlabelled = DataSpec.pictures(data.shape, ())
    trainer = make_trainer(recipe, unlabelled, data, Options(device="cpu"), World())
    rows, spent = [], 0.0
    for moment in [*[each for each in MOMENTS if each < chosen.minutes], chosen.minutes]:
        while spent < 60 * moment and trainer.clock.samples < recipe.train_samples:
            started = time.process_time()
            trainer.step()
            spent += time.process_time() - started
        rows.append(
            {"cpu_minutes": spent / 60, "samples": trainer.clock.samples, **judged(trainer, stacked, chosen.count)}
        )
        console.print(f"{rows[-1]['cpu_minutes']:.1f} CPU-minutes, {rows[-1]['samples']:,} samples: "
                      f"{rows[-1]['modes']} modes of {chosen.count:,} samples, KL {rows[-1]['kl']:.3f}")  # fmt: skip
        if chosen.json:
            chosen.json.write_text(json.dumps({"recipe": recipe.model_dump(mode="json"), "rows": rows}, indent=2))
        if trainer.clock.samples >= recipe.train_samples:
            break
    if chosen.grid:
        with trainer.averages.in_place(trainer.method):
            save_png(grid(draw(trainer.method, 64, seed=2), columns=16, scale=2), chosen.grid)


if __name__ == "__main__":
    main()
