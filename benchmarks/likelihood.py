"""Likelihood per CPU-minute: a recipe on one thread, and the nats of held-out pictures at several moments.

Only training counts as time. The weights are the averaged ones where the recipe has such. A run goes on where its
folder holds a state.

    python benchmarks/likelihood.py gated-pixel-cnn [--minutes 20] [--seed 0] [--count 2000] [--folder DIR] [-- OPTIONS]
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from pathlib import Path
from typing import Any

import torch
from minutes import trained
from rich.console import Console

from belamy import recipes
from belamy.cli.recipe_form import read
from belamy.data import Dataset
from belamy.evaluation.intervals import mean
from belamy.methods.base import HasLikelihood, HasNormaliser, Samples
from belamy.modalities.grid import grid
from belamy.runs.checkpoint import Checkpoint
from belamy.runs.files import save_png
from belamy.sampling.draw import draw, placement
from belamy.seeds import SampleDraws
from belamy.training.distribution import World
from belamy.training.setup import Options, make_trainer, open_recipe_data

MOMENTS = (1, 2, 5, 10, 20, 30, 45, 60, 90, 120, 180)
"""CPU-minutes of training after which held-out pictures are scored and the state is saved."""


@torch.no_grad()
def nats_of(method: Any, data: Dataset, count: int) -> torch.Tensor:
    """Nats of each of the first held-out samples; all of them where count is 0."""
    training, (device, dtype) = method.training, placement(method)
    method.eval()
    chosen = data.held_out[: count or None]
    found = [-method.log_prob(data.batch(part, device, dtype), SampleDraws(0, part.tolist())).double().cpu()
             for part in chosen.split(100)]  # fmt: skip
    method.train(training)
    return torch.cat(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe")
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=2000, help="held-out samples to score at each moment; 0 for all")
    parser.add_argument("--folder", type=Path)
    end = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    chosen = parser.parse_args(sys.argv[1:end])
    console = Console(width=200)
    torch.set_num_threads(1)
    usual = recipes.get(chosen.recipe)
    fields, _ = read(usual, sys.argv[end + 1 :], "likelihood.py")
    recipe = usual.changed(**fields, seed=chosen.seed)
    data = open_recipe_data(recipe)
    trainer = make_trainer(recipe, data.spec, data, Options(device="cpu"), World())
    assert isinstance(trainer.method, HasLikelihood), f"{chosen.recipe} knows no likelihoods"
    rows: list[dict[str, float]] = []
    if chosen.folder and (chosen.folder / "state").is_dir():
        rows = json.loads((chosen.folder / "figures.json").read_text())["rows"]
        trainer.load_state(Checkpoint.load(chosen.folder / "state"))
    before = rows[-1]["cpu_minutes"] if rows else 0.0
    for moment, spent in trained(trainer, MOMENTS, chosen.minutes, before):
        with trainer.averages.in_place(trainer.method):
            nats = nats_of(trainer.method, data, chosen.count)
            normaliser = trainer.method.normaliser() if isinstance(trainer.method, HasNormaliser) else None
            sheet = (
                grid(draw(trainer.method, 64, seed=1), columns=8)
                if isinstance(trainer.method, Samples) and trainer.method.spec.modality == "image" else None
            )  # fmt: skip
        found = mean(nats)
        bits = found.value / math.log(2) / math.prod(data.shape)
        rows.append({"cpu_minutes": spent, "samples": trainer.clock.samples, "nats": found.value,
                     "low": found.low, "high": found.high, "bits_per_dimension": bits})  # fmt: skip
        if normaliser is not None:
            rows[-1] |= {"normaliser": normaliser.value, "normaliser_low": normaliser.low,
                         "normaliser_high": normaliser.high}  # fmt: skip
            console.print(f"ln Z {normaliser.how}: {normaliser.value:.2f}; by three standard errors of it nats may be "
                          f"{normaliser.value - normaliser.low:.2f} fewer or "
                          f"{normaliser.high - normaliser.value:.2f} more", highlight=False)  # fmt: skip
        console.print(f"{chosen.recipe} {sys.argv[end + 1 :]} {spent:.1f} min, {trainer.clock.samples:,} samples "
                      f"({trainer.clock.samples / spent / 60:.0f}/s): {found.value:.2f} nats [{found.low:.2f}, "
                      f"{found.high:.2f}], {bits:.4f} bits/dim, {trainer.method.likelihood}, of "
                      f"{len(nats):,} held-out {trainer.method.scored or 'samples'}", highlight=False)  # fmt: skip
        if chosen.folder:
            chosen.folder.mkdir(parents=True, exist_ok=True)
            if sheet is not None:
                save_png(sheet, chosen.folder / f"sheet-{moment:g}.png")
            text = json.dumps({"recipe": recipe.model_dump(mode="json"), "rows": rows}, indent=2)
            trainer.state().save(chosen.folder / "state", chosen.folder)
            (chosen.folder / "figures.json").write_text(text)


if __name__ == "__main__":
    main()
