"""Few pictures: with and without adaptive augmentation, and begun from a run on other pictures.

The file holds ``images`` [n, H, W, 3]. A thousand pictures are held out; a hundred, five hundred and two thousand of
the rest are learned from, with the networks of ``pictures`` and the losses of ``digits`` (adaptive augmentation needs
scores whose sign says real or fake), and as ``pictures`` does. The watch looks on. Samples are judged against those
held out and those learned from, in features of the embedded EfficientNet; ``copies`` is the watch's share of samples
that lie within 0.4 of the usual distance to a training picture. Of 32 samples, the twelve nearest to such pictures are
shown above them.

    python benchmarks/small_data.py toon32.npz FOLDER [--samples 200000] [--only 100-none …]
    python benchmarks/small_data.py toon32.npz FOLDER --start-from av32.npz [--count 500]

With ``--start-from`` a run on the other file is trained first; then one begins from it and one anew, both judged on the
way, and it is said after how many samples the first is as near as the other at its end.
"""

from __future__ import annotations

import argparse
import json
import shutil
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from torch import Tensor

from belamy import recipes
from belamy.data.dataset import Dataset, Memory
from belamy.evaluation.features.efficientnet import efficientnet_features
from belamy.evaluation.neighbours import nearest
from belamy.evaluation.panel import Panel
from belamy.methods.base import BaseRecipe
from belamy.modalities.grid import grid
from belamy.progress import Reporter
from belamy.registry import Part
from belamy.runs.files import save_png
from belamy.runs.provenance import provenance
from belamy.runs.run import Run
from belamy.sampling.draw import draw
from belamy.seeds import generator
from belamy.training.distribution import World
from belamy.training.session import Session, SessionSettings
from belamy.training.setup import Options, make_trainer
from belamy.training.trainer import Trainer
from belamy.training.transfer import transfer
from belamy.training.watch.diagnosis import examine
from belamy.training.watch.history import RunHistory

HELD = 1_000
JUDGED = 2_000
SHOWN = 12
COUNTS = (100, 500, 2_000)
NOTHING = Part(name="unconditional")
PLAIN: dict[str, Any] = {
    "adversarial": Part(name="non-saturating"),
    "penalties": (Part(name="r1", weight=1.0, every=8),),
}
WAYS: dict[str, dict[str, Any]] = {
    "none": {**PLAIN, "views": ()},
    "adaptive": {**PLAIN, "views": (Part(name="adaptive", speed=100_000),)},
    "pictures": {},
}
MOMENTS = tuple(5_000 * 2 ** (step / 2) for step in range(14))
"""Samples after which transfer is judged."""


def opened(path: Path, count: int) -> Dataset:
    """So many pictures to learn from, and those held out, which are always the same."""
    with np.load(path, allow_pickle=False) as held:
        pixels = torch.from_numpy(held["images"]).permute(0, 3, 1, 2).contiguous()
    order = torch.randperm(len(pixels), generator=generator(0, "few"))
    official = {"train": order[HELD : HELD + count].sort().values, "test": order[:HELD].sort().values}
    return Dataset(path.stem, Memory(pixels), official=official, rule="a thousand held out")


def recipe(way: str, samples: int, seed: int) -> BaseRecipe:
    """The networks of ``pictures`` without labels."""
    return recipes.get("pictures").changed(
        generator_condition=NOTHING, discriminator_condition=NOTHING, auxiliary=0.0, train_samples=samples,
        ema_half_life=min(samples // 20, 20_000), seed=seed, **WAYS[way],
    )  # fmt: skip


def begun(data: Dataset, chosen: BaseRecipe) -> Trainer:
    """A trainer at its beginning, one thread."""
    return make_trainer(chosen, data.spec, data, Options(device="cpu", precision="bfloat16"), World())


def panels(data: Dataset) -> dict[str, Panel]:
    """Who judges against the pictures held out, and against those learned from."""
    features = efficientnet_features(data.shape)
    return {split: Panel(features, data, split, ["frechet"]) for split in ("test", "train")}


def distances(trainer: Trainer, judges: dict[str, Panel]) -> dict[str, float]:
    """Fréchet distances of samples drawn with averaged weights."""
    with trainer.averages.in_place(trainer.method):
        return {name: judge.judge_method(trainer.method, JUDGED, seed=1).values["frechet"]
                for name, judge in judges.items()}  # fmt: skip


def above_neighbours(samples: Tensor, data: Dataset) -> Tensor:
    """The samples nearest to pictures that were learned from, and then those pictures.  # uint8 [2 SHOWN, C, H, W]"""
    features, learned = efficientnet_features(data.shape), data.images(data.indices("train"))
    found = nearest(features.extract(samples).features, features.extract(learned).features)
    first = found.distances[:, 0].argsort()[:SHOWN]
    return torch.cat([samples[first], learned[found.indices[first, 0]]])


def watched(data: Dataset, chosen: BaseRecipe, folder: Path) -> dict[str, Any]:
    """Train with the watch, and judge at the end."""
    shutil.rmtree(folder, ignore_errors=True)
    trainer = begun(data, chosen)
    run = Run.create(
        folder, recipe=chosen, recipe_name="pictures", spec=data.spec, card=data.card(),
        provenance=provenance("cpu", "bfloat16", 1, 1, ""),
    )  # fmt: skip
    session = Session(run, trainer, SessionSettings(snapshots=1, checkpoint_seconds=inf), Reporter())
    while trainer.clock.samples < chosen.train_samples:
        session.step()
    looks = [row["watch"] for row in run.metrics() if "watch" in row]
    found = [f"{each.sign} ({each.severity})" for each in examine(RunHistory.of(run)) if each.severity != "note"]
    with trainer.averages.in_place(trainer.method):
        samples = draw(trainer.method, 32, seed=1)
    save_png(grid(samples, columns=8), folder.with_suffix(".png"))
    save_png(grid(above_neighbours(samples, data), columns=SHOWN), folder.with_name(f"{folder.name}-nearest.png"))
    copies = float(np.mean([look["copies"] for look in looks[-4:]]))
    return {**distances(trainer, panels(data)), "copies": copies, "found": found}


def course(data: Dataset, trainer: Trainer, last: int) -> list[tuple[int, float]]:
    """Distances to the pictures held out, on the way."""
    judges, rows = {"test": panels(data)["test"]}, []
    for moment in (*(each for each in MOMENTS if each < last), last):
        while trainer.clock.samples < moment:
            trainer.step()
        rows.append((trainer.clock.samples, distances(trainer, judges)["test"]))
        Console().print(*rows[-1])
    return rows


def saved(folder: Path, name: str, facts: Any) -> None:
    """Write what was measured, and show it."""
    Console().print(name, json.dumps(facts))
    (folder / f"{name}.json").write_text(json.dumps(facts))


def compare_beginnings(form: argparse.Namespace) -> None:
    """The course of a run from another's networks, and of one from nothing."""
    source = begun(opened(form.start_from, COUNTS[-1]), recipe("pictures", form.samples, form.seed))
    while source.clock.samples < form.samples:
        source.step()
    data, chosen = opened(form.file, form.count), recipe("pictures", form.samples, form.seed)
    anew = begun(data, chosen)
    rows = course(data, anew, form.samples)
    other = begun(data, chosen)
    transfer(other, source.method.recipe, source.method.spec, source.state())
    from_it = course(data, other, form.samples)
    reached = next((seen for seen, distance in from_it if distance <= rows[-1][1]), None)
    saved(form.folder, f"transfer-{form.count}", {"anew": rows, "from": from_it, "as near after": reached})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--samples", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="+", metavar="COUNT-WAY")
    parser.add_argument("--start-from", type=Path, help="another file of pictures of the same size")
    parser.add_argument("--count", type=int, default=500, help="pictures to learn from beside --start-from")
    form = parser.parse_args()
    torch.set_num_threads(1)
    form.folder.mkdir(parents=True, exist_ok=True)
    if form.start_from:
        compare_beginnings(form)
        return
    for name in form.only or [f"{count}-{way}" for count in COUNTS for way in WAYS]:
        count, _, way = name.partition("-")
        facts = watched(opened(form.file, int(count)), recipe(way, form.samples, form.seed), form.folder / name)
        saved(form.folder, name, facts)


if __name__ == "__main__":
    main()
