"""A panel of metrics that judges samples against a split of real images."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import isfinite
from typing import Any

import torch
from torch import Tensor

from belamy.data import Dataset
from belamy.data.grammar import FACT
from belamy.errors import UsageError
from belamy.evaluation.candidate import CHUNK, Candidate, Chunk, Drawn, Stored, heeds_labels
from belamy.evaluation.card import Card, package_versions
from belamy.evaluation.extracted import ExtractedFeatures
from belamy.evaluation.features import Extractor
from belamy.evaluation.metrics import METRICS, Metric
from belamy.evaluation.rows import marks as marks_of
from belamy.evaluation.statistics import Interval
from belamy.methods.base import BaseMethod
from belamy.modalities import modality, spoken
from belamy.modalities.pitches import named
from belamy.registry import Part
from belamy.seeds import generator

USUAL = ("frechet", "modes", "diversity", "label-fidelity")
LOSSY = ("JPEG", "mixed")
"""Beginnings of the formats whose pixels are not those that were drawn."""
LEAST = 2
SHOWN = 64
COPIED = 0.01
"""Share of exact copies from which on they are mentioned."""

Chunks = Iterable[Chunk]
Told = Callable[[int], None]
Doing = Callable[[str], None]
Metrics = Mapping[str, Metric]


@dataclass(frozen=True)
class Judgement:
    """Named numbers, and the card that says how they came about.

    Args:
        values: The numbers.
        card: Their protocol.
        intervals: The numbers' intervals of 95 %, where there are honest ones.
        notes: What the numbers do not mean, in plain words.
        figures: Pictures to look at, uint8 ``[H, W]`` or ``[H, W, 3]``, by title.
        origins: Which metric each number is of.
        shown: The first of the images that were judged, uint8 ``[n, C, H, W]``.
        copies: Share of them that are, pixel for pixel, among the ``real`` ones compared with, and among those learned
            from (``train``), where these were looked at.
        missing: Names of the classes that hardly ever come, though real images of them do.
    """

    values: dict[str, float]
    card: Card
    intervals: dict[str, Interval] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    figures: dict[str, Tensor] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    shown: Tensor = field(default_factory=lambda: torch.empty(0, dtype=torch.uint8), repr=False)
    copies: Mapping[str, float] = field(default_factory=dict)
    missing: tuple[str, ...] = ()


class Panel:
    """Judges samples by several metrics over one extractor's features.

    Args:
        extractor: Turns images into features.
        data: The real images.
        split: Which of them are compared with; what the generator learned from is kinder to copies.
        held: The split that measures of memorisation compare with, beside that of the training images; none for
            ``split``.
        metrics: Names in the registry ``belamy.evaluation.metrics``, with options; by default the usual ones that the
            data and the extractor allow.
        fit: How the real pictures were brought to their size, for the card.
        told: Is called with how many images were looked at.
        usual: The metrics where none are named.

    Raises:
        UsageError: The data have no such split, or too few images in it; or a metric is unknown or lacks something.
    """

    def __init__(
        self,
        extractor: Extractor,
        data: Dataset,
        split: str = "test",
        metrics: Sequence[str] | None = None,
        *,
        held: str | None = None,
        fit: str = "none",
        told: Told | None = None,
        usual: Sequence[str] = USUAL,
    ) -> None:
        self.extractor, self.data, self.split, self.fit = extractor, data, split, fit
        self.told: Told = told or (lambda _count: None)
        self.doing: Doing = lambda _what: None  # is called with what is done now, where that is no looking
        self._marks: dict[str, Tensor] = {}
        self.indices = compared(data, split)
        self.held = self.indices if held is None else data.indices(held)
        self.train = learned_from(data, held or split)
        asked = [METRICS.check(Part.parse(name)) for name in (usual if metrics is None else metrics)]
        lacking = {part.name: self.lacks(part.name) for part in asked}
        if metrics is not None and (missing := [(name, why) for name, why in lacking.items() if why]):
            raise UsageError(f"The metric '{missing[0][0]}' {missing[0][1]}")
        self.parts = {part.name: part for part in asked if not lacking[part.name]}

    def lacks(self, name: str) -> str:
        """What a metric needs and cannot have here, in words with what to do; empty if nothing."""
        if "probabilities" in needs_of(name) and not self.extractor.classes:
            return (
                f"needs classes, but the extractor '{self.extractor.name}' tells none apart. Choose one that does with "
                "--extractor, or leave the metric out."
            )
        return unmet(name, self.data, self.split, self.train)

    @cached_property
    def rest(self) -> Tensor:
        """The real images that are not compared with.  # [n] long"""
        kept = torch.ones(len(self.data), dtype=torch.bool)
        kept[self.indices] = False
        return kept.nonzero().flatten()

    @cached_property
    def asking(self) -> list[str]:
        """The metrics that want to see what was learned from."""
        return [name for name in self.parts if "train" in needs_of(name)]

    @cached_property
    def taught(self) -> Metrics:
        """Those metrics after they have seen it."""
        made = self.built(self.asking)
        self._marks["train"] = self._show(made, Stored(self.data, self.train).chunks(), "train")
        return made

    @cached_property
    def primed(self) -> Metrics:
        """The metrics after they have seen the real images, and what was learned from where they ask for it."""
        made = {**self.built(self.parts), **deepcopy(self.taught)}
        for number, (names, indices) in enumerate(self._sides()):
            marks = self._show({name: made[name] for name in names}, Stored(self.data, indices).chunks(), "real")
            self._marks["real"] = self._marks["real"] if number else marks
        return made

    def _sides(self) -> list[tuple[list[str], Tensor]]:
        """The real images, and the metrics that compare with them."""
        if self.held is self.indices or not self.asking:
            return [([*self.parts], self.indices)]
        return [([name for name in self.parts if name not in self.asking], self.indices), (self.asking, self.held)]

    def built(self, names: Iterable[str]) -> Metrics:
        """Fresh metrics."""
        given = {"classes": self.extractor.classes, "names": self.data.classes}
        return {name: METRICS.build(self.parts[name], **given) for name in names}

    def judge(
        self, chunks: Chunks, seed: int | None = 0, labels: str = "none", *, detail: bool = False, **facts: Any
    ) -> Judgement:
        """The verdict on images that come in parts.

        Args:
            chunks: uint8 images ``[n, C, H, W]`` and the labels that they were asked to be, None for none.
            seed: Of the images, for the card.
            labels: What the images were asked to be, for the card.
            detail: Compute intervals and figures too.
            facts: More for the card.
        """
        metrics = deepcopy(self.primed)
        first: list[Tensor] = []

        def kept() -> Iterator[Chunk]:
            for images, asked in chunks:
                if not first:
                    first.append(images[:SHOWN])
                yield images, asked

        marks = self._show(metrics, kept(), "fake")
        count = len(marks)
        found = judged(metrics, replace(self.card(count, seed, labels), **facts), detail, self.doing)
        said = getattr(self.extractor, "notes", ())
        rare: list[int] = getattr(metrics.get("modes"), "rare", list)() if self.data.classes else []
        copies = {
            side: float(torch.isin(marks, others).double().mean())
            for side, others in self._marks.items()
            if count and len(others)
        }
        return replace(
            found, copies=copies, missing=tuple(self.data.classes[each] for each in rare),
            shown=first[0] if first else found.shown, notes=[*repeats(copies, count), *said, *found.notes],
        )  # fmt: skip

    def judge_method(self, method: BaseMethod, count: int, seed: int = 0, *, detail: bool = False) -> Judgement:
        """The verdict on samples of a trained method, with the classes in turn where its networks use labels."""
        heeds = heeds_labels(method)
        chunks = Drawn(method, count, seed, heeds).chunks()
        return self.judge(chunks, seed, "in turn" if heeds else "none", detail=detail)

    def judge_candidate(self, candidate: Candidate) -> Judgement:
        """The verdict on a candidate; labels that came with its images are matched by the classes' names.

        Raises:
            UsageError: It has fewer than two images.
        """
        if candidate.count < LEAST:
            raise UsageError(
                f"{candidate.name} holds {candidate.count} {spoken('image(s)', candidate.kind.modality)}, but a "
                f"distribution needs at least {LEAST}."
            )
        table = class_table(candidate.classes, self.data.classes)
        foreign = candidate.labels != "none" and table is None
        labels = candidate.labels if table is not None else "none"
        chunks = (
            (images, None if table is None or asked is None else table[asked]) for images, asked in candidate.chunks()
        )
        lossy = f" {candidate.format}" if candidate.format.startswith(LOSSY) else ""
        found = self.judge(
            chunks, candidate.seed, labels, detail=True, quantisation=f"uint8{lossy}", averaged=candidate.averaged,
            fit=candidate.resize if candidate.resize != "none" else self.fit,
        )  # fmt: skip
        if foreign:
            found.notes.append(
                f"The classes of {candidate.name} are not those of {self.data.name}: its labels are left out."
            )
        return found

    def real_baseline(self, count: int, seed: int = 0, *, detail: bool = False) -> Judgement:
        """The verdict on real images that are not among those compared with: what a perfect generator would be told.

        So many are chosen by the seed, of those there are. Metrics that ask what was learned from see one half of the
        compared images against the other, since neither was learned from; so do all where no other images are left.
        """
        metrics: dict[str, Metric] = {}
        rested = [name for name in self.parts if name not in self.asking] if len(self.rest) >= LEAST else []
        if rested:
            chosen = self.rest[_shuffled(len(self.rest), seed)[:count]]
            shown = {name: deepcopy(self.primed[name]) for name in rested}
            count = len(self._show(shown, Stored(self.data, chosen).chunks(), "fake"))
            metrics |= shown
        for names, indices in self._sides():
            apart = [name for name in names if name not in rested]
            if apart and len(indices) >= 2 * LEAST:
                halves = indices[_shuffled(len(indices), seed)].chunk(2)
                shown = {
                    **self.built(apart),
                    **{name: deepcopy(self.taught[name]) for name in apart if name in self.asking},
                }
                self._show(shown, Stored(self.data, halves[0]).chunks(), "real")
                halved = len(self._show(shown, Stored(self.data, halves[1][:count]).chunks(), "fake"))
                count = count if metrics else halved
                metrics |= shown
        ordered = {name: metrics[name] for name in self.parts if name in metrics}
        return judged(ordered, self.card(count, seed, "real"), detail, self.doing)

    def controls(self, count: int, seed: int = 0) -> dict[str, Judgement]:
        """The verdicts on what must not do well: noise, if of pictures, and copies of what was learned from."""
        shape, source = self.data.shape, generator(seed, "noise")
        noise = (
            (torch.randint(0, 256, (size, *shape), dtype=torch.uint8, generator=source), None)
            for size in (min(CHUNK, count - first) for first in range(0, count, CHUNK))
        )
        found = {"noise": self.judge(noise, seed)} if self.data.field.modality == "image" else {}
        if len(self.train):
            chosen = self.train[_shuffled(len(self.train), seed)[:count]]
            found["copies"] = self.judge(Stored(self.data, chosen).chunks(), seed, "given")
        return found

    def card(self, count: int, seed: int | None, labels: str) -> Card:
        """The protocol of a judgement of ``count`` images."""
        extractor = self.extractor
        return Card(
            extractor=extractor.name, weights=extractor.digest, features=extractor.size, data=self.data.fingerprint,
            split=self.split, n_real=len(self.indices), n_generated=count, seed=seed, labels=labels, fit=self.fit,
            layer=extractor.layer, resize=extractor.resize, accuracy=getattr(extractor, "accuracy", ""),
            metrics={name: options_of(part) for name, part in self.parts.items()}, versions=package_versions(),
        )  # fmt: skip

    def work(self, count: int, real_baseline: bool, controls: bool = False) -> int:
        """How many images will be looked at to judge ``count``."""
        looks = sum(len(indices) for _, indices in self._sides()) + count
        looks += count + min(count, len(self.train)) if controls else 0
        looks += len(self.train) if self.asking else 0
        if not real_baseline:
            return looks
        rested = len(self.parts) > len(self.asking) and len(self.rest) >= LEAST
        count = min(count, len(self.rest)) if rested else count
        looks += count if rested else 0
        for names, indices in self._sides():
            if not rested or set(names) & set(self.asking):
                half = len(indices) // 2
                looks += len(indices) - half + min(half, count)
        return looks

    def _show(self, metrics: Metrics, chunks: Chunks, side: str) -> Tensor:
        """Show images to metrics as one side; returns a mark of each, which equal pixels share.  # [n] long"""
        marks = [torch.empty(0, dtype=torch.long)]
        for images, labels in chunks if metrics else ():
            seen: ExtractedFeatures = self.extractor.extract(images, labels)
            seen = replace(seen, images=images if seen.images is None else seen.images, field=self.data.field)
            for metric in metrics.values():
                metric.update(**{side: seen})
            marks.append(marks_of(images.flatten(1)))
            self.told(len(seen))
        return torch.cat(marks)


def compared(data: Dataset, split: str) -> Tensor:
    """Which images of a data set are compared with.  # [n] long

    Raises:
        UsageError: There is no such split, or too few images in it.
    """
    indices = data.indices(split)
    if len(indices) < LEAST:
        raise UsageError(
            f"The split '{split}' of {data.name} holds {len(indices)} {spoken('image(s)', data.field.modality)}, but a "
            f"distribution needs at least {LEAST}. Choose another, e.g. --split all."
        )
    return indices


def learned_from(data: Dataset, split: str) -> Tensor:
    """What a generator learned from, where that is not what it is compared with.  # [n] long"""
    separate = split not in ("train", "all") and "train" in data.splits
    return data.indices("train") if separate else torch.empty(0, dtype=torch.long)


def unmet(name: str, data: Dataset, split: str, train: Tensor) -> str:
    """What a metric needs of the data and does not find, in words with what to do; empty if nothing."""
    needs = needs_of(name)
    kinds: tuple[str, ...] = getattr(METRICS.load(name), "modalities", ())
    if kinds and data.field.modality not in kinds:
        judged, held = (modality(kind).words[1] for kind in (kinds[0], data.field.modality))
        return f"judges {judged}, but {data.name} holds {held}. Leave it out."
    if "grammar" in needs and FACT not in data.field.facts:
        return f"needs the grammar of the sentences, but {data.name} was not drawn from one. Leave it out."
    if "labels" in needs and data.labels is None:
        return f"needs labels, but {data.name} has none. Name some with --labels, or leave the metric out."
    if "pitches" in needs and (strange := [each for each in data.classes if named(each) is None]):
        return (
            f"needs classes that are pitches, C4 or its MIDI number 60, but {data.name} has '{strange[0]}'. Name them "
            "with --labels, or leave the metric out."
        )
    if "train" in needs and not len(train):
        many = spoken("images", data.field.modality)
        return (
            f"compares with the {many} that were learned from, and the split '{split}' leaves none of them out. "
            "Choose --split test."
        )
    return ""


def judged(metrics: Metrics, card: Card, detail: bool, doing: Doing) -> Judgement:
    """The values of metrics after all features were seen."""
    values: dict[str, float] = {}
    intervals: dict[str, Interval] = {}
    notes: list[str] = []
    figures: dict[str, Tensor] = {}
    origins: dict[str, str] = {}
    for name, metric in metrics.items():
        doing(f"computing {name}")
        found = metric.compute()
        values |= found
        origins |= dict.fromkeys(found, name)
        notes += [
            f"{key} is {value}, which is no number to compare." for key, value in found.items() if not fine(value)
        ]
        notes += [note for note in getattr(metric, "notes", ()) if note not in notes]
        if detail and hasattr(metric, "intervals"):
            intervals |= metric.intervals(card.seed or 0)
        if detail and hasattr(metric, "figures"):
            figures |= metric.figures()
    return Judgement(values, card, intervals, notes, figures, origins)


def repeats(copies: Mapping[str, float], count: int) -> list[str]:
    """What is to be said of images that are copies, pixel for pixel."""
    share = copies.get("real", 0.0)
    if share == 1:
        return [
            f"Both sides are the same pictures: all {count:,} judged ones are, pixel for pixel, among those compared "
            "with. Distances then say nothing about a generator; those without bias (kernel, frechet-infinity) may be "
            "far below 0."
        ]
    sides = {"real": "real ones that they are compared with", "train": "images that were learned from"}
    return [
        f"{copies[side]:.0%} of the {count:,} judged images are, pixel for pixel, {words}."
        for side, words in sides.items()
        if copies.get(side, 0.0) >= COPIED
    ]


def fine(value: float) -> bool:
    """Whether a number can be compared; infinite ones can."""
    return isfinite(value) or value in (float("inf"), float("-inf"))


def needs_of(name: str) -> frozenset[str]:
    """The inputs that a metric requires."""
    found: frozenset[str] = getattr(METRICS.load(name), "needs", frozenset())
    return found


def options_of(part: Part) -> str:
    """All options of a metric as they were, the defaults too."""
    values = {name: part.options.get(name, option.default) for name, option in METRICS.options(part.name).items()}
    return ",".join(f"{name}={value}" for name, value in values.items())


def class_table(found: Sequence[str], known: Sequence[str]) -> Tensor | None:
    """The number that each class has among the known ones; None where a name (or a number, in its place) is not known.

    Example:
        >>> class_table(["dog", "cat"], ["cat", "dog"])
        tensor([1, 0])
        >>> class_table(["0", "1"], ["cat", "dog"])
        tensor([0, 1])
    """
    if not found:
        return None
    if all(name in known for name in found):
        return torch.tensor([known.index(name) for name in found])
    if all(name.isdecimal() and int(name) < len(known) for name in found):
        return torch.tensor([int(name) for name in found])
    return None


def _shuffled(count: int, seed: int) -> Tensor:
    return torch.randperm(count, generator=generator(seed, "floor"))
