"""Quality per CPU-minute on a few thousand pictures: recipes at the same size, each on one thread.

Samples are judged at several moments against all the real pictures that the recipe may learn from and those held out,
in features of the embedded EfficientNet; only training counts as time. In the end intervals are told, beside what one
half of the real pictures is told of the other. A run goes on where its folder holds a state.

    python benchmarks/pictures.py openmoji64.npz pictures [--minutes 30] [--seed 0] [--folder DIR] [-- OPTIONS]
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import torch
from minutes import trained
from rich.console import Console

from belamy import recipes
from belamy.cli.recipe_form import read
from belamy.evaluation.features.efficientnet import efficientnet_features
from belamy.evaluation.measures import aligned, measures, row
from belamy.evaluation.panel import Panel
from belamy.modalities.grid import grid
from belamy.runs.checkpoint import Checkpoint
from belamy.runs.files import save_png
from belamy.sampling.draw import draw
from belamy.training.distribution import World
from belamy.training.setup import Options, make_trainer, open_recipe_data

MOMENTS = (2, 5, 10, 20, 30, 45, 60, 90, 120, 180)
"""CPU-minutes of training after which samples are judged and the state is saved."""
COUNT = 2_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("recipe")
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--folder", type=Path)
    end = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    chosen = parser.parse_args(sys.argv[1:end])
    console = Console(width=200)
    torch.set_num_threads(1)
    usual = recipes.get(chosen.recipe)
    fields, _ = read(usual, sys.argv[end + 1 :], "pictures.py")
    recipe = usual.changed(**{"data": chosen.data, "train_samples": 10_000_000, **fields}, seed=chosen.seed)
    data = open_recipe_data(recipe)
    trainer = make_trainer(recipe, data.spec, data, Options(device="cpu", precision=chosen.precision), World())
    metrics = ["frechet", "kernel", "precision-recall"]
    panel = Panel(efficientnet_features(data.shape), data, "all", metrics)
    rows: list[dict[str, float]] = []
    if chosen.folder and (chosen.folder / "state").is_dir():
        rows = json.loads((chosen.folder / "figures.json").read_text())["rows"]
        trainer.load_state(Checkpoint.load(chosen.folder / "state"))
    before = rows[-1]["cpu_minutes"] if rows else 0.0
    for moment, spent in trained(trainer, MOMENTS, chosen.minutes, before):
        with trainer.averages.in_place(trainer.method):
            judged = panel.judge_method(trainer.method, COUNT, seed=1)
            sheet = grid(draw(trainer.method, 96, seed=1), columns=16)
        rows.append({"cpu_minutes": spent, "samples": trainer.clock.samples, **judged.values})
        console.print(f"{chosen.recipe} {sys.argv[end + 1 :]} {spent:.1f} min, {trainer.clock.samples:,} samples "
                      f"({trainer.clock.samples / spent / 60:.0f}/s), "
                      + ", ".join(f"{key} {value:.3g}" for key, value in judged.values.items()))  # fmt: skip
        if chosen.folder:
            chosen.folder.mkdir(parents=True, exist_ok=True)
            save_png(sheet, chosen.folder / f"sheet-{moment:g}.png")
            text = json.dumps({"recipe": recipe.model_dump(mode="json"), "rows": rows}, indent=2)
            trainer.state().save(chosen.folder / "state", chosen.folder)
            (chosen.folder / "figures.json").write_text(text)
    with trainer.averages.in_place(trainer.method):
        found = panel.judge_method(trainer.method, COUNT, seed=1, detail=True)
    told = [row(each) for each in measures(found, panel.real_baseline(COUNT, detail=True))]
    console.print("\n".join(aligned(told, words_last=False)), markup=False)


if __name__ == "__main__":
    main()
