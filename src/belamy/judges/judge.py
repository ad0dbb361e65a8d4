"""The trained judge: a classifier of the data's own labels, trained once and kept for all who ask."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, one_hot

from belamy.data import Dataset, to_float
from belamy.data.load_options import LoadOptions
from belamy.errors import UsageError
from belamy.evaluation.features import Extractor
from belamy.evaluation.features.classifier import ClassifierFeatures
from belamy.evaluation.features.efficientnet import efficientnet_features
from belamy.evaluation.features.pixels import PixelFeatures
from belamy.forensics.scores import Ridge
from belamy.methods.classifier import Recipe
from belamy.networks.layers import moving_share
from belamy.progress import Reporter
from belamy.registry import Part
from belamy.runs import files
from belamy.runs.provenance import provenance
from belamy.runs.run import Run
from belamy.seeds import generator
from belamy.training.distribution import World
from belamy.training.session import Session, SessionSettings
from belamy.training.setup import Options, make_trainer

SEED = 12345
PASSES, MANY_PASSES = 4, 12
LEAST, ENOUGH, MOST = 32_000, 120_000, 240_000
"""Training samples of a judge: twelve passes over the data up to ``ENOUGH``, then four; but no fewer and no more."""
FEW, NOISE = 20_000, 0.1
"""Fewer training images than these are put under noise; moving them too was tried and hides what is a pixel wide."""
TESTED = 10_000
"""Held-out images that a judge and a linear model are tested on, at most; the linear model learns from as many."""
ALIKE = 0.95
"""From this share on a judge is trusted that tells as many images right as a linear model does, and no more."""
TOLD = "held-out"
"""The event in a judge's journal that says how it did."""
SIDE = 32
"""The linear model sees images of at most this side."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class HeldOut:
    """What a judge is worth: how many held-out images it tells right, beside a linear model of the same data.

    Args:
        right: Held-out images of which the judge names the class.
        linear: The same of a linear model of the pixels, or of the commonest class if that is more.
        count: Held-out images.
    """

    right: int
    linear: int
    count: int

    @property
    def trusted(self) -> bool:
        """Whether the judge is better than the linear model, or as good where both are nearly always right."""
        if self.right == self.linear:
            return self.count > 0 and self.right >= ALIKE * self.count
        return self.right > self.linear

    def __str__(self) -> str:
        if not self.count:
            return "no image was held out to test it"
        return (
            f"{self.right / self.count:.1%} of {self.count:,} held-out images told right, "
            f"a linear model {self.linear / self.count:.1%}"
        )


def recipe(data: Dataset) -> Recipe:
    """How the judge of a data set learns: 99.3 % or more of MNIST in two CPU-minutes.

    It shares nothing with the generators that it judges: neither seed nor network nor objective. The moving statistics
    of its normalisation forget their beginning within the run, however short.
    """
    count = len(data.indices("train"))
    samples = min(max(min(MANY_PASSES * count, ENOUGH), PASSES * count, LEAST), MOST)
    few = count < FEW
    batch = 64 if few else 128
    return Recipe(
        classifier=Part(name="convnet", momentum=max(moving_share(samples // batch), 0.01)),
        batch=batch,
        train_samples=samples,
        seed=SEED,
        ema_half_life=20_000,
        optimizer=Part(name="adam", lr=2e-3),
        schedule=Part(name="cosine"),
        noise=NOISE if few else 0.0,
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
    labels_of(data)
    chosen = recipe(data)
    how = hashlib.sha256(json.dumps(chosen.model_dump(mode="json"), sort_keys=True).encode()).hexdigest()
    folder = (LoadOptions(cache=cache).cache_folder) / "judges" / f"{data.fingerprint[:16]}-{how[:8]}"
    if not folder.is_dir():
        with files.locked(folder.with_name(f"{folder.name}.lock")):
            if not folder.is_dir():
                if say:
                    say(f"Training the judge of {data.name}, once for all: {chosen.train_samples:,} samples …")
                _train(folder, chosen, data)
    return Run.open(folder)


def extractor(data: Dataset, run: Run | None, *, always: bool = False) -> Extractor:
    """Who judges images of a data set: its judge if that can be trusted, else the embedded EfficientNet-lite0.

    Args:
        data: The data set.
        run: Its judge; None where there are no labels, and then the pixels themselves judge.
        always: Take the judge even if it is no better than a linear model.
    """
    if run is None:
        return PixelFeatures(data.shape)
    found = held_out(run)
    doubt = f"The judge trained on {data.name} cannot be trusted ({found})"
    if always or found.trusted:
        network, name = run.method().networks()["classifier"], f"judge-{run.recipe.classifier.name}"  # type: ignore[attr-defined]
        return ClassifierFeatures(network, name, str(found), () if found.trusted else (f"{doubt}.",))
    embedded = efficientnet_features(data.shape)
    embedded.notes = (
        f"{doubt}, so EfficientNet-lite0 looks instead. It tells no classes apart; --extractor classifier takes the "
        "judge all the same.",
    )
    return embedded


def held_out(run: Run) -> HeldOut:
    """How a judge did on held-out images when it was trained."""
    told = [row for row in run.journal() if row.get("event") == TOLD]
    return HeldOut(*(int(told[-1][name]) for name in ("right", "linear", "count"))) if told else HeldOut(0, 0, 0)


def _train(folder: Path, chosen: Recipe, data: Dataset) -> None:
    """Train into a folder beside, going on with what is there, test it, and give it its name."""
    beside = folder.with_name(f"{files.NEW}{folder.name}")
    options = Options(device="cpu", snapshots=1, watch=False)
    trainer = make_trainer(chosen, data.spec, data, options, World())
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
    run.log(TOLD, chosen.train_samples, **asdict(examined(run.method().networks()["classifier"], data)))
    os.rename(beside, folder)


@torch.no_grad()
def examined(network: nn.Module, data: Dataset) -> HeldOut:
    """How a classifier and a linear model of the pixels do on the same held-out images.

    The linear model is a ridge regression of the classes on standardised pixels, see :class:`Ridge`.
    """
    labels = labels_of(data)
    order = generator(SEED, "linear model")
    train, held = (
        rows[torch.randperm(len(rows), generator=order)[:TESTED]] for rows in (data.indices("train"), data.held_out)
    )
    if not len(held):
        return HeldOut(0, 0, 0)
    truth = labels[held]
    codes = one_hot(labels[train], len(data.classes)).float()
    ridge = Ridge(_pixels(data, train))
    scores = ridge.rows(_pixels(data, held)) @ ridge.fit(codes) + codes.mean(0)
    commonest = int((truth == codes.sum(0).argmax()).sum())
    linear = max(int((scores.argmax(1) == truth).sum()), commonest)
    return HeldOut(int(right(network, data, held).sum()), linear, len(held))


@torch.no_grad()
def right(network: nn.Module, data: Dataset, indices: Tensor) -> Tensor:
    """Whether a classifier, wherever it is, tells the label of each image.  # [n] bool"""
    where = next(network.parameters(), torch.empty(0))
    network.eval()
    told = [network(to_float(data.images(part)).to(where)).argmax(1).cpu() for part in indices.split(500)]
    return torch.cat(told) == labels_of(data)[indices]


def labels_of(data: Dataset) -> Tensor:
    """The labels of data, where a classifier can learn them.  # [N] long

    Raises:
        UsageError: There are none, or all are alike.
    """
    if data.labels is None or len(data.classes) < 2:
        raise UsageError(f"{data.name} has no labels of two classes or more to learn. Name labels with --labels.")
    return data.labels


def _pixels(data: Dataset, rows: Tensor) -> Tensor:
    """What the linear model sees of some images.  # [n, pixels] float32"""
    factor = -(-max(data.shape[1:]) // SIDE)
    return torch.cat([avg_pool2d(data.images(part).float(), factor).flatten(1) for part in rows.split(500)])
