"""Pictures of captions by every family, at equal CPU-minutes of one thread, judged by `belamy evaluate --measures all`.

Each recipe is made as long as the minutes are, by the time of a few steps, and trained as a run; then pictures of
held-out captions are judged: attributes that independent classifiers find, of held-out captions and of combinations
that training never had; retrieval of the right caption among 100 by encoders that learned from the other half; variety;
Fréchet distance. It goes on where its folder was.

    python benchmarks/words.py faces [--minutes 10] [--only NAME …] [--seed 0] --folder DIR [--write PAGE]
    python benchmarks/words.py drawings --data DIR [...]

`drawings` are pictures of your own with a text file beside each, such as openmoji's with their names.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from minutes import lasting, run_at
from notes import Notes, Row
from text_to_picture import planned as latent_diffusion

import belamy
from belamy import recipes
from belamy.data import Dataset
from belamy.methods.base import BaseRecipe
from belamy.registry import Part
from belamy.training.setup import Options, open_recipe_data

Model = tuple[str, Mapping[str, Any]]
RATE = Part(name="adam", lr=2e-4, beta1=0.5)
PAPER = {
    "adversarial": Part(name="non-saturating"), "penalties": (), "discriminator_norm": Part(name="native"),
    "generator_optimizer": RATE, "discriminator_optimizer": RATE, "interpolation": 0.0,
}  # fmt: skip
"""The loss and the rates of Reed et al. 2016."""
GANS: dict[str, Model] = {
    "GAN-CLS": ("gan-cls-avatars-32", {"interpolation": 0.0}),
    "GAN-CLS-INT": ("gan-cls-avatars-32", {}),
    "GAN-CLS-INT, no wrong captions": ("gan-cls-avatars-32", {"mismatch": 0.0}),
    "GAN-CLS, the paper's loss": ("gan-cls-avatars-32", PAPER),
    "GAN-CLS, the paper's loss, no wrong captions": ("gan-cls-avatars-32", {**PAPER, "mismatch": 0.0}),
    "DF-GAN": ("df-gan-avatars", {"data": "avatars-32:captions=true"}),
    "StackGAN": ("stackgan-avatars", {}),
}
DIFFUSION: dict[str, Model] = {
    "diffusion": (
        "edm-avatars", {"data": "avatars-32:captions=true", "text": "cross-attention", "conditional": True}
    ),
    "latent diffusion": ("text-avatars", {}),
}  # fmt: skip
SENTENCES = {"text_encoder": Part(name="sentences")}
MODELS: dict[str, dict[str, Model]] = {
    "faces": GANS | DIFFUSION,
    "drawings": {name: (recipe, {**changed, **SENTENCES}) for name, (recipe, changed) in (GANS | DIFFUSION).items()
                 if name in ("GAN-CLS-INT", "DF-GAN", "latent diffusion")},
}  # fmt: skip
COLUMNS = {"attributes": 100, "unseen-attributes": 100, "r-precision": 100, "caption-recall-5": 100,
           "caption-variety": 1, "frechet": 1}  # fmt: skip
"""Measures of the table, and what they are multiplied by."""
OPTIONS = Options(device="cpu", progress=False)


def planned(name: str, recipe: Any, data: Dataset, minutes: float) -> BaseRecipe:
    """The recipe, as long as the minutes; each stage of those in two is timed."""
    if name == "latent diffusion":
        return latent_diffusion(data, minutes)(recipe)
    if name == "StackGAN":
        share = recipe.refine_from
        return lasting(recipe, data, OPTIONS, minutes,
                       ((share, {"refine_from": 0.999}), (1 - share, {"refine_from": 1e-9})))  # fmt: skip
    return lasting(recipe, data, OPTIONS, minutes)


def judged(name: str, notes: Notes, chosen: argparse.Namespace) -> Row:
    """Train a model and judge it, as far as that was not done."""
    base, changed = MODELS[chosen.what][name]
    usual = recipes.get(base).changed(**changed, seed=chosen.seed)
    if chosen.data is not None:
        usual = usual.changed(data=str(chosen.data), modality="image:captions=beside", size=chosen.size)
    path = chosen.folder / name.replace(",", "").replace("'", "").replace(" ", "-")
    run, minutes = run_at(path, lambda: planned(name, usual, open_recipe_data(usual), chosen.minutes), snapshots=12)
    options = {"guidance": 2.0} if name in DIFFUSION else {}
    verdict = belamy.evaluate(run, count=chosen.count, metrics=["frechet"], measures=["all"], options=options,
                              device="cpu", progress=False)  # fmt: skip
    notes.add_verdict(name, verdict, samples=run.recipe.train_samples, cpu_minutes=minutes)
    return notes.rows[-1]


def table(rows: Sequence[Row]) -> str:
    """The figures as Markdown, with those of real pictures below."""
    columns = {name: times for name, times in COLUMNS.items() if any(name in row for row in rows)}
    lines = [f"| model | CPU-minutes | pictures | {' | '.join(columns)} |", "|---|---|---|" + "---|" * len(columns)]
    for row in rows:
        cells = [_said(row.get(name), times) for name, times in columns.items()]
        lines.append(f"| {row['what']} | {_said(row['cpu_minutes'], 1)} | {row['samples']:,} | {' | '.join(cells)} |")
    real = [_said(rows[-1].get(f"real {name}"), times) for name, times in columns.items()]
    return "\n".join([*lines, f"| real pictures | | | {' | '.join(real)} |"])


def _said(value: Any, times: float) -> str:
    if value is None:
        return "–"
    middle, *ends = (
        f"{times * each:,.0f}" if times * each >= 100 else f"{times * each:.3g}"
        for each in (value if isinstance(value, list) else [value])
    )
    return f"{middle} ({' to '.join(ends)})" if ends else middle


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=MODELS)
    parser.add_argument("--data", type=Path, help="pictures with a text file beside each")
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--only", nargs="+", metavar="NAME")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=1000, help="pictures that the Fréchet distance is of")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--write", type=Path, help="the page to write the table into")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    notes = Notes(chosen.folder, minutes=chosen.minutes, seed=chosen.seed)
    rows = [notes.last(name) or judged(name, notes, chosen) for name in chosen.only or MODELS[chosen.what]]
    notes.tell(table(rows), chosen.write, f"words {chosen.what}")


if __name__ == "__main__":
    main()
