"""The trained judge: a classifier of the data's own labels, trained once and kept for all who ask."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

from belamy.data import Dataset
from belamy.data.load_options import LoadOptions
from belamy.errors import UsageError
from belamy.evaluation.features import Extractor
from belamy.evaluation.features.classifier import ClassifierFeatures
from belamy.evaluation.features.pixels import PixelFeatures
from belamy.methods.base import DataSpec
from belamy.methods.classifier import Recipe
from belamy.progress import Reporter
from belamy.registry import Part
from belamy.runs import files
from belamy.runs.provenance import provenance
from belamy.runs.run import Run
from belamy.training.distribution import World
from belamy.training.session import Session, SessionSettings
from belamy.training.setup import Options, make_trainer

PASSES = 4
LEAST, MOST = 20_000, 240_000
"""Training samples of a judge: four passes over the data, but no fewer and no more than these."""

Say = Callable[[str], None]


def recipe(count: int) -> Recipe:
    """How the judge of ``count`` training images learns: 99.3 % or more of MNIST in two CPU-minutes.

    It shares nothing with the generators that it judges: neither seed nor network nor objective.
    """
    return Recipe(
        classifier=Part(name="convnet"),
        batch=128,
        train_samples=min(max(PASSES * count, LEAST), MOST),
        seed=12345,
        ema_half_life=20_000,
        optimizer=Part(name="adam", lr=2e-3),
        schedule=Part(name="cosine"),
    )


def trained_judge(data: Dataset, cache: Path | None = None, say: Say | None = None) -> Run:
    """The judge of labelled data, from the cache or trained into it.

    A judge is found by the fingerprint of the data and by how it learned. It appears in the cache whole or not at all;
    of several processes one trains it while the others wait, and a training that was cut short is gone on with.

    Args:
        data: Labelled images.
        cache: Where judges are kept; None is $BELAMY_CACHE or the platform's cache.
        say: Is told that a judge is being trained.

    Raises:
        UsageError: The data have no labels.
    """
    if data.labels is None or len(data.classes) < 2:
        raise UsageError(
            f"{data.name} has no labels of two classes or more, so no judge can learn them. Name labels with --labels."
        )
    chosen = recipe(len(data.indices("train")))
    how = hashlib.sha256(json.dumps(chosen.model_dump(mode="json"), sort_keys=True).encode()).hexdigest()
    folder = (LoadOptions(cache=cache).cache_folder) / "judges" / f"{data.fingerprint[:16]}-{how[:8]}"
    if not folder.is_dir():
        with files.locked(folder.with_name(f"{folder.name}.lock")):
            if not folder.is_dir():
                if say:
                    say(f"Training the judge of {data.name}, once for all: {chosen.train_samples:,} samples …")
                _train(folder, chosen, data)
    return Run.open(folder)


def extractor(data: Dataset, run: Run | None) -> Extractor:
    """Who judges images of a data set: its judge, or the pixels themselves where there are no labels."""
    if run is None:
        return PixelFeatures(data.shape)
    return ClassifierFeatures(run.method().networks()["classifier"], f"judge-{run.recipe.classifier.name}")  # type: ignore[attr-defined]


def _train(folder: Path, chosen: Recipe, data: Dataset) -> None:
    """Train into a folder beside, going on with what is there, and give it its name."""
    beside = folder.with_name(f"{files.NEW}{folder.name}")
    options = Options(device="cpu", snapshots=1, watch=False)
    trainer = make_trainer(chosen, DataSpec(data.shape, tuple(data.classes)), data, options, World())
    if (beside / "recipe.json").is_file():
        run = Run.open(beside)
        run.rewind()
        state = run.load_checkpoint()
        if state is not None:
            trainer.load_state(state)
    else:
        facts = provenance("cpu", "float32", 1, 1, data.fingerprint)
        run = Run.create(
            beside, recipe=chosen, recipe_name="judge", spec=trainer.method.spec, provenance=facts, card=data.card()
        )
    session = Session(run, trainer, SessionSettings(snapshots=1, watch=False), Reporter())
    if not session.go():
        raise KeyboardInterrupt
    os.rename(beside, folder)
