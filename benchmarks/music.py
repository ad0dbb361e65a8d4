"""Music of every family, at equal CPU-minutes of one thread, judged by `belamy evaluate` beside held-out music.

Each recipe is made as long as the minutes are, by the time of a few steps, and trained as a run. Of 200 samples are
told rules of voice leading that are broken in a bar, the measures of bars, and how much of the training music is
copied. It goes on where its folder was: a run that is there is not made again.

    python benchmarks/music.py chorales.npz --folder DIR [--minutes 10] [--only NAME …] [--seed 0] [--write PAGE]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from minutes import lasting, run_at
from notes import Notes, Row

import belamy
from belamy import recipes
from belamy.methods.base import BaseRecipe
from belamy.training.setup import Options, open_recipe_data

MODELS: dict[str, tuple[str, int, dict[str, float]]] = {
    "n-grams": ("music-n-grams", 0, {}),
    "transformer": ("music-transformer", 1, {}),
    "transformer at temperature 0.8": ("music-transformer", 1, {"temperature": 0.8}),
    "MuseGAN": ("musegan-small", 1, {}),
    "MuseGAN, told the soprano": ("musegan-accompaniment", 1, {}),
    "two bars by a VAE": ("bar-vae", 1, {}),
}
"""Recipes, bars from one sample to the next (0 for samples that do not overlap), and how samples are drawn."""
METRICS = ("voice-leading", "bars", "copied-passages")
COLUMNS = {
    "broken-rules": "rules broken in a bar", "parallels": "parallels", "leaps": "leaps", "empty-bars": "empty bars",
    "used-pitch-classes": "pitch classes", "tonal-distance": "tonal distance", "longest-copy": "longest copy, beats",
    "copied-pieces": "with a copy of 8 beats",
}  # fmt: skip
SAMPLES = 200


def judged(name: str, notes: Notes, chosen: argparse.Namespace) -> Row:
    """Train a model and judge it, as far as that was not done."""
    base, stride, drawn = MODELS[name]
    modality = f"music:key=common,stride={stride}" if stride else "music:key=common"
    usual = recipes.get(base).changed(data=str(chosen.data), modality=modality, seed=chosen.seed)

    def planned() -> BaseRecipe:
        options = Options(device="cpu", progress=False)
        return lasting(usual, open_recipe_data(usual), options, chosen.minutes) if stride else usual

    run, minutes = run_at(chosen.folder / base, planned)
    verdict = belamy.evaluate(run, count=SAMPLES, metrics=METRICS, options=drawn, device="cpu", progress=False)
    notes.add_verdict(name, verdict, samples=run.recipe.train_samples, cpu_minutes=minutes)
    return notes.rows[-1]


def table(rows: list[Row]) -> str:
    """The figures as Markdown, those of as much held-out music in brackets."""
    lines = [f"| | CPU-minutes | {' | '.join(COLUMNS.values())} |", "|---|---|" + "---|" * len(COLUMNS)]
    for row in rows:
        cells = [f"{row[name][0]:.2f} ({row[f'real {name}']:.2f})" if name in row else "–" for name in COLUMNS]
        minutes = "–" if row["cpu_minutes"] is None else f"{row['cpu_minutes']:.1f}"
        lines.append(f"| {row['what']} | {minutes} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Train, judge, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="an archive of steps, or a folder of MIDI files")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--only", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--write", type=Path, help="the page to write the table into")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    notes = Notes(chosen.folder, minutes=chosen.minutes, seed=chosen.seed)
    rows = [notes.last(name) or judged(name, notes, chosen) for name in chosen.only]
    notes.tell(table(rows), chosen.write, "music")


if __name__ == "__main__":
    main()
