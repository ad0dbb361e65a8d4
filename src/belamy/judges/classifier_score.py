"""Classifier accuracy score: what a classifier learns from generated images alone is worth on real ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from belamy.data import Dataset
from belamy.data.dataset import Memory
from belamy.errors import UsageError
from belamy.evaluation import intervals
from belamy.evaluation.candidate import Chunk, heeds_labels
from belamy.evaluation.statistics import Interval
from belamy.judges import judge as judges
from belamy.judges.judge import Say
from belamy.methods.base import BaseMethod
from belamy.methods.classifier import Recipe
from belamy.sampling.draw import draw
from belamy.training.distribution import World
from belamy.training.setup import Options, make_trainer

CHUNK = 1000
"""Images drawn together."""

Samples = Callable[[int], Iterable[Chunk]]
"""Of a seed, generated uint8 images in chunks and the labels that they were asked to be."""


@dataclass(frozen=True)
class ClassifierScore:
    """How a classifier of generated images does on real ones, beside one of real images.

    Args:
        accuracy: On real held-out images, the mean over seeds. With several seeds the interval is Student's, for other
            samples and other classifiers on the same held-out images; with one it is Wilson's, for other held-out
            images and the same classifier.
        by_seed: The accuracy of each classifier.
        per_class: The same by class, with Wilson's interval.
        real: Accuracy of the judge, which learned from real images in the same way: the ceiling.
        real_per_class: The same by class.
        gan_test: Share of generated images that the judge takes for what they were asked to be ("GAN-test"): high where
            images are clear, even if they are all alike.
        count: Generated images that each classifier learned from.
        recipe: How each learned.
        seed: Of the first samples and classifier; the others' follow.
    """

    accuracy: Interval
    by_seed: tuple[float, ...]
    per_class: dict[str, Interval]
    real: Interval
    real_per_class: dict[str, Interval]
    gan_test: Interval
    count: int
    recipe: Recipe
    seed: int

    def facts(self) -> dict[str, Any]:
        """Everything as plain data."""
        return {
            "classifier-score": list(self.accuracy),
            "by_seed": list(self.by_seed),
            "per_class": {name: list(share) for name, share in self.per_class.items()},
            "real": list(self.real),
            "real_per_class": {name: list(share) for name, share in self.real_per_class.items()},
            "gan-test": list(self.gan_test),
            "count": self.count,
            "recipe": self.recipe.model_dump(mode="json"),
            "seed": self.seed,
        }


def classifier_score(
    samples: Samples,
    data: Dataset,
    judge: nn.Module,
    *,
    seeds: int = 1,
    seed: int = 0,
    recipe: Recipe | None = None,
    device: str = "cpu",
    say: Say | None = None,
) -> ClassifierScore:
    """Classifiers trained only on generated images, each on others, and tested on real held-out ones.

    They learn as the judge did: the same network, optimiser and number of training samples. A generator that drops
    modes, blurs, or mistakes labels teaches less than real images do.

    *Departs from the paper* in the network, which is the judge's, and in that each seed draws samples of its own.

    References:
        Ravuri & Vinyals 2019, arXiv 1905.10887, section 3; "GAN-train" and "GAN-test": Shmelkov et al. 2018,
        arXiv 1807.09499, section 3.

    Args:
        samples: Gives the samples of a seed; :func:`conditional_samples` makes one of a method.
        data: Labelled images; those of its split ``test`` are tested on.
        judge: A classifier of real images, as ``trained_judge(data).method().networks()["classifier"]``.
        seeds: How many classifiers; three or more tell chance from quality.
        seed: Of the first.
        recipe: How each learns; by default as the judge of this many real training images. One too short, whose
            averages have not settled, scores itself.
        device: Where to compute.
        say: Is told before each classifier learns.

    Raises:
        UsageError: Data without labels or held-out images, samples without labels or of another shape.
    """
    check(data, seeds)
    chosen = recipe or judges.recipe(data)
    held = data.indices("test")
    rights, fidelity, count = [], [], 0
    for number in range(seed, seed + seeds):
        made = gathered(samples(number), data)
        count = len(made)
        if say:
            say(f"Classifier {number - seed + 1} of {seeds} learns from {count:,} generated images …")
        network = learned(made, chosen.changed(seed=chosen.seed + number), device)
        rights.append(judges.right(network, data, held))
        fidelity.append(judges.right(judge, made, made.indices("train")))
    shares, truth = torch.stack(rights).double(), judges.right(judge, data, held)
    by_seed = tuple(shares.mean(1).tolist())
    labels, told = judges.labels_of(data)[held], torch.cat(fidelity)
    return ClassifierScore(
        accuracy=intervals.mean(by_seed) if seeds > 1 else intervals.wilson(float(shares.sum()), len(held)),
        by_seed=by_seed,
        per_class=by_class(shares.mean(0), labels, data.classes),
        real=intervals.wilson(int(truth.sum()), len(held)),
        real_per_class=by_class(truth.double(), labels, data.classes),
        gan_test=intervals.wilson(int(told.sum()), len(told)),
        count=count,
        recipe=chosen,
        seed=seed,
    )


def conditional_samples(method: BaseMethod, data: Dataset) -> Samples:
    """As many samples as there are training images, of the same classes.

    Raises:
        UsageError: The method draws none, or its networks use no labels.
    """
    if not heeds_labels(method):
        raise UsageError(
            "This run's networks do not use labels, so its samples teach no classifier. Judge a conditional one, e.g. "
            "train one with --generator-condition embedding --discriminator-condition projection."
        )
    if tuple(method.spec.classes) != tuple(data.classes):
        raise UsageError(f"This run's classes are not those of {data.name}. Give the data that it was trained on.")
    asked = judges.labels_of(data)[data.indices("train")]

    def samples(seed: int) -> Iterator[Chunk]:
        first = 0
        for labels in asked.split(CHUNK):
            yield draw(method, len(labels), seed=seed, start=first, labels=labels.tolist(), batch=250), labels
            first += len(labels)

    return samples


def check(data: Dataset, seeds: int) -> None:
    """Refuse what cannot be scored.

    Raises:
        UsageError: No labels, nothing held out, or no classifier asked for.
    """
    judges.labels_of(data)
    if not len(data.held_out):
        raise UsageError(f"{data.name} holds no images out to test a classifier on. Give more images.")
    if seeds < 1:
        raise UsageError(f"seeds is {seeds}, but it must be at least 1; 3 or more tell chance from quality.")


def gathered(chunks: Iterable[Chunk], data: Dataset) -> Dataset:
    """Generated images as a data set that is all trained on.

    Raises:
        UsageError: No labels, an unknown class, or images of another shape.
    """
    images, labels = [], []
    for pixels, asked in chunks:
        if asked is None:
            raise UsageError("These samples have no labels, so no classifier can learn from them. Give labelled ones.")
        images.append(pixels)
        labels.append(asked)
    whole, classes = torch.cat(images), torch.cat(labels)
    if tuple(whole.shape[1:]) != data.shape or int(classes.max()) >= len(data.classes):
        raise UsageError(
            f"These samples are of shape {list(whole.shape[1:])} in {int(classes.max()) + 1} classes, but {data.name} "
            f"has {list(data.shape)} in {len(data.classes)}. Give the data that they are samples of."
        )
    everything = {"train": torch.arange(len(whole))}
    return Dataset("samples", Memory(whole), labels=classes, classes=data.classes, official=everything)


def learned(data: Dataset, recipe: Recipe, device: str = "cpu") -> nn.Module:
    """A classifier trained on all of some data, with averaged weights where the recipe averages."""
    options = Options(device=device, watch=False, progress=False)
    trainer = make_trainer(recipe, data.spec, data, options, World())
    while trainer.clock.samples < recipe.train_samples:
        trainer.step()
    trainer.check_finite()
    return trainer.averages.best(trainer.method)["classifier"].eval()


def by_class(shares: Tensor, labels: Tensor, classes: tuple[str, ...]) -> dict[str, Interval]:
    """Mean share by class, of those that are there.

    Args:
        shares: How often each image was told right, 0 to 1.  # [n] float64
        labels: Of the images.  # [n] long
        classes: Names.
    """
    found = {}
    for number, name in enumerate(classes):
        mine = shares[labels == number]
        if len(mine):
            found[name] = intervals.wilson(float(mine.sum()), len(mine))
    return found
