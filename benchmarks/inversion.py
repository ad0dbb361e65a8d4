"""How well runs take unseen images in: decibels, what a judge still recognises, time, and what batches save.

    belamy train digits --out runs/digits
    belamy train vae-mnist --latent 20 --out runs/vae
    python benchmarks/inversion.py runs/digits runs/vae [--picture sheet.png] [--json facts.json]

Each run inverts the first held-out images in every way that it can. The judge is the classifier of the data's labels
that `belamy evaluate` uses; it has seen neither generators nor encoders. Seconds are those of one thread's processor;
those of a batch and of single images are taken in turn, and their medians compared. Where labels matter, the images are
made anew as the next class too, and the judge says in how many it sees that class.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import Tensor

from belamy.cli.verbs.sample import heeds_labels
from belamy.editing.inversion import Inversion, Way, invert
from belamy.evaluation.features import Extractor
from belamy.evaluation.intervals import mean, wilson
from belamy.judges.judge import extractor, trained_judge
from belamy.methods.base import BaseMethod, Encodes
from belamy.modalities.grid import grid
from belamy.runs.run import Run
from belamy.sampling.picture import Picture, named
from belamy.sampling.points import class_weights, pixels_at
from belamy.training.setup import open_recipe_data

SHOWN = 10
HEADINGS = ("run", "way", "PSNR, dB", "recognised", "label found", "made another class", "s per image, batch",
            "one by one", "ratio")  # fmt: skip


def ways(method: BaseMethod) -> list[tuple[str, Way, bool]]:
    """What a run can do: a name, the way, and whether the label is told."""
    if isinstance(method, Encodes):
        return [("encoder", "encoder", False), ("optimisation", "optimisation", False), ("hybrid", "hybrid", False)]
    known: list[tuple[str, Way, bool]] = [("optimisation, label known", "optimisation", True)]
    return [("optimisation", "optimisation", False), *(known if heeds_labels(method) else [])]


def measure(
    method: BaseMethod, images: Tensor, labels: Tensor, way: Way, told: bool, judge: Extractor, form: argparse.Namespace
) -> tuple[Inversion, dict[str, Any]]:
    """The inversion of all images, and its row of the table."""
    known = labels if told else None
    together, alone = [], []
    for turn in range(form.rounds):
        found, seconds = timed(method, images, way, known, form.prior)
        together.append(seconds / len(images))
        for place in range(turn * form.alone, (turn + 1) * form.alone):
            part = slice(place, place + 1)
            own = None if known is None else known[part]
            alone.append(timed(method, images[part], way, own, form.prior)[1])
    seen = judge.extract(found.images, None).probabilities
    assert seen is not None  # a classifier gives them
    right = seen.argmax(1) == labels
    matter = heeds_labels(method) and found.weights is not None
    share, decibels = wilson(float(right.sum()), len(right)), mean(found.psnr)
    row = {
        "psnr": [round(each, 2) for each in (decibels.value, decibels.low, decibels.high)],
        "recognised": [round(each, 4) for each in (share.value, share.low, share.high)],
        "label_found": share_of(found.weights.argmax(1) == labels) if matter and not told else None,  # type: ignore[union-attr]
        "made_another": another(method, found, labels, judge) if matter else None,
        "seconds_batch": median(together), "seconds_alone": median(alone), "ratio": median(alone) / median(together),
    }  # fmt: skip
    return found, row


def another(method: BaseMethod, found: Inversion, labels: Tensor, judge: Extractor) -> float:
    """Share of the images made anew as the next class in which the judge sees that class."""
    classes = len(method.spec.classes)
    wanted = (labels + 1) % classes
    seen = judge.extract(pixels_at(method, found.latents, class_weights(wanted, classes)), None).probabilities
    assert seen is not None
    return share_of(seen.argmax(1) == wanted)


def share_of(right: Tensor) -> float:
    """Of all."""
    return round(float(right.double().mean()), 4)


def timed(method: BaseMethod, images: Tensor, way: Way, labels: Tensor | None, prior: float) -> tuple[Inversion, float]:
    """An inversion and the seconds of the processor that it took."""
    began = time.process_time()
    found = invert(method, images, way, labels=labels, prior=prior)
    return found, time.process_time() - began


def markdown(rows: list[dict[str, Any]]) -> str:
    """The table."""
    lines = [HEADINGS, tuple("---" for _ in HEADINGS)]
    for row in rows:
        value, low, high = row["recognised"]
        shares = ("–" if row[name] is None else f"{row[name]:.1%}" for name in ("label_found", "made_another"))
        cells = (f"{row['psnr'][0]:.1f}", f"{value:.1%} ({low:.0%}–{high:.0%})", *shares)
        times = (f"{row['seconds_batch']:.2g}", f"{row['seconds_alone']:.2g}", f"{row['ratio']:.1f}")
        lines.append((row["run"], row["way"], *cells, *times))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> None:
    """Measure, print and draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+")
    parser.add_argument("--count", type=int, default=200, help="held-out images")
    parser.add_argument("--rounds", type=int, default=3, help="times that the batch is timed")
    parser.add_argument("--alone", type=int, default=4, help="single images in each round")
    parser.add_argument("--prior", type=float, default=1e-3, help="how strongly latents are held to the centre")
    parser.add_argument("--picture", type=Path, help="PNG file: given and inverted images")
    parser.add_argument("--json", type=Path)
    form = parser.parse_args()
    torch.set_num_threads(1)
    data = open_recipe_data(Run.open(form.runs[0]).recipe)
    held = data.indices("test")[: form.count]
    assert data.labels is not None
    images, labels = data.images(held), data.labels[held]
    judge = extractor(data, trained_judge(data))
    seen = judge.extract(images, None).probabilities
    assert seen is not None
    rows: list[dict[str, Any]] = []
    shown = torch.tensor([int((labels == number).nonzero()[0]) for number in labels.unique()[:SHOWN]])
    sheet, titles = [images[shown]], ["given"]
    for path in form.runs:
        run = Run.open(path)
        method = run.method()
        for name, way, told in ways(method):
            found, row = measure(method, images, labels, way, told, judge, form)
            rows.append({"run": run.recipe_name, "path": path, "samples": run.samples_seen, "way": name, **row})
            sheet.append(found.images[shown])
            titles.append(f"{run.recipe_name}, {name}")
            sys.stderr.write(f"{rows[-1]}\n")
    sys.stdout.write(f"{markdown(rows)}\n\nThe judge recognises {float((seen.argmax(1) == labels).double().mean()):.1%}"
                     f" of the {len(images)} given images.\n")  # fmt: skip
    if form.json:
        form.json.write_text(f"{json.dumps(rows, indent=1)}\n", encoding="utf-8")
    if form.picture:
        Picture(named(grid(torch.cat(sheet), len(shown), scale=2, pad=1), titles)).save(form.picture)


if __name__ == "__main__":
    main()
