"""Predictors of attributes: measures of the picture, and classifiers that know nothing of the generator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from belamy.data import to_float
from belamy.data.assembly import class_names
from belamy.data.measures import MEASURES, Measure
from belamy.methods.base import Player, Turn
from belamy.methods.learning import fit
from belamy.networks.convnet import Classifier
from belamy.networks.layers import fit_moving_statistics
from belamy.registry import Part
from belamy.seeds import derive, generator

BATCH = 128
"""Images in a step of a network that learns attributes."""
ADAM, SCHEDULE = Part(name="adam", lr=3e-3), Part(name="cosine", warmup=0.3)


class Prediction(NamedTuple):
    """What an observer says of images.

    Args:
        verdict: Which of the observer's values each image has.  # [n] long
        score: A number that rises from the first to the last of two values; of more, the verdict.  # [n] float64
    """

    verdict: Tensor
    score: Tensor


class AttributePredictor(Protocol):
    """Looks at uint8 images ``[n, C, H, W]``."""

    @property
    def name(self) -> str:
        """Name of the attribute."""

    @property
    def values(self) -> tuple[str, ...]:
        """Names of the attribute's values."""

    def predict(self, images: Tensor) -> Prediction:
        """The attribute predicted for each image."""


@dataclass(frozen=True, eq=False)
class MeasurePredictor:
    """A measure; above the threshold an image has the attribute.

    Args:
        name: Of the measure, with its options.
        threshold: Where its second word begins.
    """

    name: str
    threshold: float

    @property
    def measure(self) -> Measure:
        """The measure."""
        made: Measure = MEASURES.build(Part.parse(self.name))
        return made

    @property
    def values(self) -> tuple[str, ...]:
        """The measure's words."""
        return class_names(self.measure.words, 2)

    def predict(self, images: Tensor) -> Prediction:
        """The measure, and the side of the threshold."""
        values = self.measure(images)
        return Prediction((values > self.threshold).long(), values)


def measured(name: str, images: Tensor) -> MeasurePredictor:
    """A measure with the median of these images as threshold; where hardly any are above it, just below it."""
    measure: Measure = MEASURES.build(Part.parse(name))
    values = measure(images)
    middle = float(values.median())
    below = values[values < middle]
    return MeasurePredictor(name, middle if bool((values > middle).any()) or not len(below) else float(below.max()))


@dataclass(frozen=True, eq=False)
class ClassifierPredictor:
    """A classifier of one attribute.

    Args:
        name: Of the attribute.
        values: What it can be.
        probabilities: uint8 images to ``[n, K]``.
    """

    name: str
    values: tuple[str, ...]
    probabilities: Callable[[Tensor], Tensor]

    def predict(self, images: Tensor) -> Prediction:
        """The likeliest value; of two, the score is the logit of the second."""
        chances = self.probabilities(images).double()
        verdict = chances.argmax(1)
        return Prediction(verdict, torch.logit(chances[:, 1], eps=1e-9) if len(self.values) == 2 else verdict.double())


def learned_network(
    images: Callable[[Tensor], Tensor],
    rows: Tensor,
    shape: tuple[int, ...],
    outputs: int,
    loss: Callable[[Tensor, Tensor], Tensor],
    *,
    samples: int,
    noise: float,
    seed: int,
) -> Classifier:
    """A small convolutional network that has learned from images with noise on them, in evaluation mode.

    Args:
        images: uint8 images of row numbers.
        rows: Which to learn from.  # [n] long
        shape: (channels, height, width) of the images.
        outputs: How many numbers the network gives.
        loss: Of the outputs ``[batch, outputs]`` of some rows ``[batch]``, one value per image.
        samples: Images to see, repetitions counted.
        noise: Standard deviation of the noise, on the scale [-1, 1]: it keeps the network from trusting single pixels,
            and hides what is a few pixels large.
        seed: Of weights, order, noise and dropout.
    """
    steps, numbers = max(samples // BATCH, 1), generator(seed, "attributes")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive(seed, "weights"))
        network = Classifier(shape, outputs)
    fit_moving_statistics(network, steps)

    def play(_step: int) -> Turn:
        taken = rows[torch.randint(len(rows), (BATCH,), generator=numbers)]
        seen = to_float(images(taken))
        seen = seen + noise * torch.randn(seen.shape, generator=numbers)
        return Turn("network", {"loss": loss(network(seen), taken)})

    fit({"network": Player(network, ADAM)}, play, steps, schedule=SCHEDULE, seed=derive(seed, "dropout"))
    return network.eval().requires_grad_(False)
