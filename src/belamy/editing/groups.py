"""Named groups of images that have latents: those of the run's data, or images that the run generates."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor

from belamy.data import Dataset
from belamy.data.measures import MEASURES
from belamy.editing.attribute_predictors import ClassifierPredictor
from belamy.editing.expressions import Group, Word
from belamy.errors import UsageError, nearest
from belamy.methods.base import BaseMethod, Encodes
from belamy.registry import Part
from belamy.sampling.points import class_weights, encoded, pixels_at, sampler
from belamy.sampling.walk import completed
from belamy.seeds import generator

HIGH, LOW = 2 / 3, 1 / 3
"""Quantiles beyond which a measure is high or low."""
GENERATED = 2000
MEASURED = 5000
"""Images that a measure looks at, at most."""
YES, NO = "yes", "no"
PLAIN, CLASS = "plain", "class"


@dataclass(frozen=True, eq=False)
class Members:
    """Some of the images of a group.

    Args:
        latents: Where they are.  # [n, latent]
        weights: Of the classes, where labels matter.  # [n, classes]
        images: uint8.  # [n, C, H, W]
        count: How many the group has.
    """

    latents: Tensor
    weights: Tensor | None
    images: Tensor
    count: int


@dataclass(frozen=True, eq=False)
class ReferenceSet:
    """Images, what is known of each, and where each is in the latent space.

    Measured words are relative: ``thick 7`` is the thicker third of the 7s, since they are applied last, among the
    images of which the other words hold.

    Args:
        count: How many there are.
        read: uint8 images ``[n, C, H, W]`` by their indices.
        place: Latents ``[n, latent]`` and class weights of those images.
        known: The values of each attribute, and which of them every image has, by name.
        source: What the images are, in words.
        settle: What is done to the latent of a sum of groups, given a seed: a sum of drawn latents is completed to a
            latent's length, since means are too short; codes of an encoder stay.
    """

    count: int
    read: Callable[[Tensor], Tensor]
    place: Callable[[Tensor, Tensor], tuple[Tensor, Tensor | None]]
    known: Mapping[str, tuple[tuple[str, ...], Tensor]]
    source: str
    settle: Callable[[Tensor, int], Tensor] = lambda latent, _: latent
    _measured: dict[str, Tensor] = field(default_factory=dict)

    def members(self, group: Group, count: int, seed: int = 0) -> Members:
        """At most ``count`` images of a group, drawn by the seed.

        Raises:
            UsageError: A word is unknown, or no image is in the group.
        """
        chosen = self.indices(group)
        order = torch.randperm(len(chosen), generator=generator(seed, "members", str(group)))
        drawn = chosen[order[:count]].sort().values
        images = self.read(drawn)
        return Members(*self.place(drawn, images), images, len(chosen))

    def indices(self, group: Group) -> Tensor:
        """Which images are in a group.

        Raises:
            UsageError: A word is unknown, or none is.
        """
        kept = torch.ones(self.count, dtype=torch.bool)
        measured = {word: found for word in group.words if (found := self._measure(word))}
        for word in group.words:
            if word not in measured:
                holds = self._holds(word)
                kept &= holds if word.wanted else ~holds
        chosen = kept.nonzero().flatten()
        for measure, high in measured.values():
            if len(chosen):
                chosen = self._extreme(chosen, measure, high)
        if not len(chosen):
            raise UsageError(f"None of {self.source} is {group}: leave a word out, or take another.")
        return chosen

    def words(self) -> list[str]:
        """All words that mean something here."""
        found = [value for values, _ in self.known.values() for value in values if value not in (YES, NO)]
        found += [name for name, (values, _) in self.known.items() if set(values) == {YES, NO}]
        found += [f"{name}=" for name, (values, _) in self.known.items() if set(values) != {YES, NO}]
        return sorted({*found, *_adjectives(), *([PLAIN] if self._answers() else [])})

    def _holds(self, word: Word) -> Tensor:
        """Of which images a word holds: a class, an attribute, one of an attribute's values."""
        if word.value is not None:
            values, codes = self.known.get(word.name) or self._unknown(word)
            if word.value not in values:
                raise UsageError(f"{word.name} is never '{word.value}'. {nearest(word.value, values)}")
            return codes == values.index(word.value)
        if word.name in self._answers():
            values, codes = self.known[word.name]
            return codes == values.index(YES)
        if word.name == PLAIN and self._answers():
            return ~torch.stack([self._holds(Word(name)) for name in self._answers()]).any(0)
        holding = {name: codes == values.index(word.name) for name, (values, codes) in self.known.items()
                   if word.name in values}  # fmt: skip
        if len(holding) > 1:
            ways = " or ".join(f"{name}={word.name}" for name in holding)
            raise UsageError(f"'{word.name}' means several things here: write {ways}.")
        return next(iter(holding.values())) if holding else self._unknown(word)

    def _answers(self) -> list[str]:
        """Attributes that are yes or no."""
        return [name for name, (values, _) in self.known.items() if set(values) == {YES, NO}]

    def _unknown(self, word: Word) -> Any:
        raise UsageError(
            f"There is no group '{word.name}' in {self.source} (character {word.at + 1} of the expression). "
            f"{nearest(word.name, self.words())}"
        )

    def _measure(self, word: Word) -> tuple[str, bool] | None:
        """The measure that a word is about, and whether it is its high end; None if it is about none."""
        if word.measure is not None:
            name = word.measure.replace("_", "-")
            if name not in MEASURES.names():
                raise UsageError(f"There is no measure '{word.measure}'. {nearest(word.measure, MEASURES.names())}")
            return name, (word.name == "high") == word.wanted
        if word.value is not None or any(word.name in (name, *values) for name, (values, _) in self.known.items()):
            return None
        found = _adjectives().get(word.name)
        return (found[0], found[1] == word.wanted) if found else None

    def _extreme(self, chosen: Tensor, measure: str, high: bool) -> Tensor:
        """Those of the chosen images whose measure is in their upper or lower third."""
        if len(chosen) > MEASURED:
            order = torch.randperm(len(chosen), generator=generator(0, "measured"))
            chosen = chosen[order[:MEASURED]].sort().values
        if measure not in self._measured:
            self._measured[measure] = torch.full((self.count,), torch.nan, dtype=torch.float64)
        values = self._measured[measure]
        new = chosen[values[chosen].isnan()]
        if len(new):
            values[new] = MEASURES.build(Part(name=measure))(self.read(new))
        among = values[chosen]
        cut = torch.quantile(among, HIGH if high else LOW)
        return chosen[among >= cut if high else among <= cut]


def make_reference_set(
    method: BaseMethod,
    data: Dataset,
    *,
    judges: Sequence[ClassifierPredictor] = (),
    labels_matter: bool = False,
    seed: int = 0,
) -> ReferenceSet:
    """Where the groups of a method's expressions are found.

    A method that encodes takes its training images, with all that is known of them. One that only generates takes
    2,000 images of its own: their class is the one asked for where labels matter; the rest is told by judges.

    Args:
        method: It samples.
        data: What it was trained on.
        judges: Classifiers of the data's attributes and classes, for generated images.
        labels_matter: Whether the generator heeds labels.
        seed: Decides generated images.

    Raises:
        UsageError: The method does not sample.
    """
    if isinstance(method, Encodes):
        return _of_data(method, data)
    return _generated(method, data.classes, judges, labels_matter, seed)


def _of_data(method: BaseMethod, data: Dataset) -> ReferenceSet:
    train = data.indices("train")
    known = {name: (attribute.values, attribute.codes[train]) for name, attribute in data.attributes.items()}
    if data.labels is not None:
        alike = [name for name, (values, codes) in known.items()
                 if values == data.classes and torch.equal(codes, data.labels[train])]  # fmt: skip
        known = {name: held for name, held in known.items() if name not in alike or set(held[0]) == {YES, NO}}
        if not alike or set(data.classes) != {YES, NO}:
            known[CLASS] = (data.classes, data.labels[train])
    return ReferenceSet(
        len(train),
        lambda chosen: data.images(train[chosen]),
        lambda _, images: (encoded(method, images), None),
        known,
        f"the training images of {data.name}",
    )


def _generated(
    method: BaseMethod, classes: tuple[str, ...], judges: Sequence[ClassifierPredictor], labels_matter: bool, seed: int
) -> ReferenceSet:
    latents = sampler(method).latents(seed, range(GENERATED))
    weights = class_weights(torch.arange(GENERATED) % len(classes), len(classes)) if labels_matter else None
    images = pixels_at(method, latents, weights)
    known = {judge.name: (judge.values, judge.probabilities(images).argmax(1)) for judge in judges}
    if weights is not None:
        known[CLASS] = (classes, weights.argmax(1))
    return ReferenceSet(
        GENERATED,
        lambda chosen: images[chosen],
        lambda chosen, _: (latents[chosen], None if weights is None else weights[chosen]),
        known,
        f"{GENERATED:,} images of this run",
        partial(completed, method),
    )


def _adjectives() -> dict[str, tuple[str, bool]]:
    """The words of each measure: what it measures, and whether the word is its high end."""
    found: dict[str, tuple[str, bool]] = {}
    for name in MEASURES.names():
        low, high = MEASURES.build(Part(name=name)).words
        found |= {low: (name, False), high: (name, True)}
    return found
