"""Quality per CPU-minute of every family on one protocol: digits, one thread, the same minutes for each.

Each recipe is made as long as the minutes are, by the time of a few steps, and trained on one thread; only training
counts as time. Then samples of its averaged weights are judged in the usual classifier's features against held-out
digits, 64 of them are timed, and held-out digits are scored where the method knows likelihoods. It goes on where its
folder was: a recipe that is there is left as it is.

    python benchmarks/families.py [--minutes 2] [--only RECIPE …] [--seed 0] [--count 2000] [--scored 500]
                                  --folder DIR [--write PAGE]
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from minutes import lasting, trained_through
from notes import Notes, Row
from PIL import Image
from watch import write

from belamy import recipes
from belamy.data import Dataset, open_data
from belamy.evaluation.intervals import mean
from belamy.evaluation.panel import Panel
from belamy.evaluation.statistics import Interval
from belamy.judges.judge import extractor, trained_judge
from belamy.methods.base import BaseRecipe, HasLikelihood, HasNormaliser
from belamy.modalities.grid import grid
from belamy.runs.files import save_png
from belamy.sampling.draw import draw, placement
from belamy.seeds import SampleDraws
from belamy.training.setup import Options
from belamy.training.trainer import Trainer

FAMILIES = {
    "digits": "GAN",
    "vae-digits": "variational autoencoder",
    "vae-nats": "variational autoencoder with a bound",
    "vq-vae-mnist": "codes and their law",
    "edm-mnist": "diffusion",
    "flow-mnist": "rectified flow",
    "real-nvp-mnist": "normalizing flow",
    "glow-mnist": "normalizing flow",
    "gated-pixel-cnn": "autoregressive, pixel by pixel",
    "made-mnist": "autoregressive, dense",
    "rbm-mnist": "Boltzmann machine",
}
"""Recipes, and the family that each stands for."""
BEGIN, END = "<!-- families: begin -->", "<!-- families: end -->"
TIMED, COLUMNS = 64, 16
"""Samples whose drawing is timed and which are shown, and the columns of their sheet."""
STAGES = {"vq-vae-mnist": ((0.5, {"first_stage": 1.0}), (0.5, {"first_stage": 1e-9}))}
"""Shares of a run whose steps take another time, and how each is measured."""
MARKS = "abcdefgh"
"""Marks of what nats are of, in the table."""
SPENT = 1.2
"""A run that has taken so many times its minutes is stopped where it is."""


@torch.no_grad()
def nats_of(method: Any, data: Dataset, count: int) -> Mapping[str, Any]:
    """Nats of held-out digits with what they are; nothing of a method that knows none."""
    likely = isinstance(method, HasLikelihood)
    if not likely:
        return {}
    device, dtype = placement(method)
    found = [-method.log_prob(data.batch(part, device, dtype), SampleDraws(0, part.tolist())).double().cpu()
             for part in data.held_out[:count].split(50)]  # fmt: skip
    nats = mean(torch.cat(found))
    bits = nats.value / math.log(2) / math.prod(data.shape)
    told = {"nats": nats, "bits_per_dimension": bits, "likelihood": method.likelihood, "of": method.scored}
    if isinstance(method, HasNormaliser):
        normaliser = method.normaliser()
        low, high = (nats.value - normaliser.value + each for each in (normaliser.low, normaliser.high))
        told["nats"] = Interval(nats.value, low, high)
    return told


def judged(trainer: Trainer, panel: Panel, data: Dataset, chosen: argparse.Namespace) -> tuple[Row, np.ndarray]:
    """Figures of what was learned, and a sheet of samples."""
    method = trainer.method
    with trainer.averages.in_place(method):
        method.eval()
        started = time.process_time()
        samples = draw(method, TIMED, seed=1)
        seconds = time.process_time() - started
        found = panel.judge_method(method, chosen.count, 1, detail=True)
        figures = {**{name: found.intervals.get(name, value) for name, value in found.values.items()},
                   "seconds_of_64": seconds, **nats_of(method, data, chosen.scored)}  # fmt: skip
        method.train()
    return figures, grid(samples, columns=COLUMNS)


def trained(name: str, notes: Notes, panel: Panel, data: Dataset, chosen: argparse.Namespace) -> None:
    """Train a recipe for the minutes and judge it, unless that was done."""
    if notes.last(name) is not None:
        return
    options = Options(device="cpu")

    def plan(usual: BaseRecipe) -> BaseRecipe:
        return lasting(usual, data, options, chosen.minutes, STAGES.get(name, ((1.0, {}),)))

    usual = recipes.get(name).changed(seed=chosen.seed)
    trainer, before = notes.trainer(name, usual, plan, data, options)
    for share, spent in trained_through(trainer, before, tuple(number / 20 for number in range(1, 21))):
        if share < 1 and spent < SPENT * chosen.minutes:
            continue
        figures, sheet = judged(trainer, panel, data, chosen)
        notes.keep(name, trainer, chosen.minutes, spent, {"share": share, **figures}, sheet)
        return


def table(notes: Notes) -> str:
    """The figures as Markdown, the nearest first."""
    rows = sorted((row for row in notes.rows if row["what"] in FAMILIES), key=lambda row: row["frechet"][0])
    kinds = list(dict.fromkeys(row["of"] for row in rows if "nats" in row))
    lines = []
    for row in rows:
        nats = "–"
        if "nats" in row:
            sign, mark = {"exact": "", "bound": "≤ "}.get(row["likelihood"], "≈ "), MARKS[kinds.index(row["of"])]
            nats = f"{sign}{row['nats'][0]:,.1f} ({row['nats'][1]:,.1f} to {row['nats'][2]:,.1f}) *{mark}*"
        value, low, high = row["frechet"]
        lines.append(
            f"| `{row['what']}` | {FAMILIES[row['what']]} | {row['cpu_minutes']:.1f} | {row['samples']:,} | "
            f"{value:.2f} ({low:.2f} to {high:.2f}) | {first(row['precision']):.2f} | {first(row['recall']):.2f} | "
            f"{row['seconds_of_64']:.2g} | {nats} |"
        )
    return "\n".join([
        "| recipe | family | CPU-minutes | digits | Fréchet distance | precision | recall | seconds of 64 | nats |",
        "|---|---|---|---|---|---|---|---|---|",
        *lines,
        "",
        "Nats are of: " + "; ".join(f"*{mark}* {each}" for mark, each in zip(MARKS, kinds, strict=False)) + ".",
    ])  # fmt: skip


def first(value: Any) -> float:
    """A number, or that of an interval."""
    return float(value[0] if isinstance(value, list) else value)


def pictured(folder: Path, notes: Notes, minutes: float) -> None:
    """The sheets of all, one below the other in the order of the table, as one picture."""
    rows = sorted((row for row in notes.rows if row["what"] in FAMILIES), key=lambda row: row["frechet"][0])
    sheets = [np.asarray(Image.open(folder / f"{row['what']}-{minutes:g}.png").convert("RGB")) for row in rows]
    gap = np.full((8, max(sheet.shape[1] for sheet in sheets), 3), 255, dtype=np.uint8)
    stacked = [part for sheet in sheets for part in (sheet, gap[:, : sheet.shape[1]])][:-1]
    save_png(np.concatenate(stacked), folder / "families.png")
    Image.open(folder / "families.png").save(folder / "families.webp", quality=80)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=2)
    parser.add_argument("--only", nargs="+", default=list(FAMILIES), choices=list(FAMILIES))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=2000, help="samples that are judged")
    parser.add_argument("--scored", type=int, default=500, help="held-out digits whose likelihood is told")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--write", type=Path, help="the page to write the table into")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    notes = Notes(chosen.folder, minutes=chosen.minutes, seed=chosen.seed, judged=chosen.count, scored=chosen.scored)
    data = open_data("mnist")
    panel = Panel(extractor(data, trained_judge(data, say=notes.console.print)), data,
                  metrics=("frechet", "precision-recall"))  # fmt: skip
    for name in chosen.only:
        trained(name, notes, panel, data, chosen)
    notes.console.print(table(notes), soft_wrap=True, markup=False)
    pictured(chosen.folder, notes, chosen.minutes)
    if chosen.write:
        write(chosen.write, table(notes), BEGIN, END)


if __name__ == "__main__":
    main()
