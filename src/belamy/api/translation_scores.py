"""What judges say of translations and what these cost, beside inputs as they are and what is made without learning."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import torch
from torch import Tensor

from belamy.api.film_movement import flow_column, movement
from belamy.api.translation_measures import MADE, beside
from belamy.data import Dataset
from belamy.data.one_file import pieces
from belamy.errors import UsageError, nearest
from belamy.evaluation import intervals
from belamy.evaluation.extracted import ExtractedFeatures
from belamy.evaluation.features import Extractor
from belamy.evaluation.features.efficientnet import efficientnet_features
from belamy.evaluation.label_agreement import LabelCounts
from belamy.evaluation.metrics import Metric
from belamy.evaluation.metrics.frechet import Metric as Frechet
from belamy.evaluation.metrics.kernel import Metric as Kernel
from belamy.evaluation.statistics import Interval
from belamy.judges.attribute_predictors import attribute_predictors
from belamy.judges.segmenter import segmenter
from belamy.judges.sides import SIDE, both_sides, kept
from belamy.methods.base import TranslatesBack
from belamy.modalities import modality
from belamy.modalities.fields import Field
from belamy.sampling.draw import placement
from belamy.seeds import SampleDraws
from belamy.training.footprint import Footprint

SCORES = ("movement", "frechet", "kernel", "labels", "attributes", "cycle", "cost")
"""What may be asked for: how films move; distances of all translations from all targets; what a segmenter and judges of
attributes see; how far what is translated back is from the input; seconds and memory."""
TOLD = "movement"
"""What is told unasked, where it can be: it costs nothing."""
ALL = "all"
REAL = "real"
"""Who made what is wanted."""
LEAST = 8
"""Translations that distances of sets need."""
TIMED = 8
"""Translations by which the cost is told, at most."""
PART = 32
_MEGA = 1e6

Item = tuple[Tensor, Tensor, Tensor | None]
"""What was given, made and wanted, where that is known, as files hold them."""
Work = Callable[[Tensor, SampleDraws], Tensor]


@dataclass(frozen=True)
class TranslatedSet:
    """Translations that are to be judged.

    Args:
        method: That made them, in evaluation mode.
        items: In order.
        source: What is given.
        target: What is made.
        work: The way that it was made.
        back: Whether the second of two sides was translated into the first.
        data: What the method learned from, where items are of them.
        seed: Of what is drawn.
    """

    method: Any
    items: Sequence[Item]
    source: Field
    target: Field
    work: Work
    back: bool = False
    data: Dataset | None = None
    seed: int = 0


@dataclass
class Scores:
    """Numbers with intervals of 95 %, by who made what is judged and by name, and what a reader must know."""

    values: dict[str, dict[str, Interval]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, who: str, name: str, value: Interval) -> None:
        """Add a number."""
        self.values.setdefault(who, {})[name] = value


def check_scores(
    names: Sequence[str], method: Any, source: Field, target: Field, data: Dataset | None, targets: bool
) -> list[str]:
    """The scores that are asked for, ``all`` being those that can be told here.

    Args:
        names: As the user types them.
        method: That translates.
        source: What is given.
        target: What is made.
        data: The run's data, where these are translated.
        targets: Whether files of targets are given.

    Raises:
        UsageError: There is no such score, or it cannot be told; the message says why.
    """
    for name in names:
        if name not in (*SCORES, ALL):
            raise UsageError(f"There is no measure '{name}' of translations. {nearest(name, (*SCORES, ALL))}")
    lacks = {name: _lack(name, method, source, target, data, targets) for name in SCORES}
    for name in names:
        if name != ALL and lacks[name]:
            raise UsageError(f"The measure '{name}' {lacks[name]}. Leave it out.")
    return [name for name in SCORES if (name in names or ALL in names or name == TOLD) and not lacks[name]]


def _lack(name: str, method: Any, source: Field, target: Field, data: Dataset | None, targets: bool) -> str:
    """Why a score cannot be told; empty where it can."""
    if name == "cost":
        return ""
    if name == "movement":
        known = data is not None and target.modality == "video" and flow_column(data) is not None
        return "" if known else "needs films whose true flow is known: translate test, by a run of such data"
    if name == "cycle":
        return "" if isinstance(method, TranslatesBack) else "needs a method that translates back, such as cyclegan"
    if target.modality != "image" or target.bits != 8:
        return "is one of pictures of 8 bits, and this run makes others"
    if name in ("frechet", "kernel"):
        return "" if data is not None or targets else "needs targets: give --targets, or translate test"
    if data is None:
        return "needs the run's own data: translate test"
    if name == "labels":
        return "" if source.modality == "label_map" else "asks what became of a label map, and this run is given none"
    return "" if method.target in data.sides else "compares two sides that are no pairs, and this run has pairs"


def scored(names: Sequence[str], made: TranslatedSet, say: Callable[[str], None] | None = None) -> Scores:
    """The scores of translations.

    Args:
        names: What :func:`check_scores` gave.
        made: The translations.
        say: Is told that a judge is being trained.
    """
    found = Scores()
    if "movement" in names:
        _of_movement(found, made)
    if {"frechet", "kernel"} & set(names):
        _of_sets(found, names, made)
    if "labels" in names:
        _of_labels(found, made, say)
    if "attributes" in names:
        _of_attributes(found, made, say)
    if "cycle" in names:
        _of_cycles(found, made)
    if "cost" in names:
        _of_cost(found, made)
    return found


def makers(made: TranslatedSet) -> dict[str, list[Tensor]]:
    """What there is to judge, by who made it: pictures of 8 bits as files hold them, one for each translation."""
    found: dict[str, list[Tensor]] = {MADE: [new for _, new, _ in made.items]}
    kind = modality(made.target.modality)
    for given, new, _ in made.items:
        own = made.target._replace(shape=tuple(new.shape))
        for who, values in beside(given, made.method, made.source, own).items():
            found.setdefault(who, []).append(kind.to_raw(values, own)[0])
    return {who: pictures for who, pictures in found.items() if len(pictures) == len(made.items)}


def _of_sets(found: Scores, names: Sequence[str], made: TranslatedSet) -> None:
    """Fréchet and kernel distances from the targets, or from held-out pictures of the side that is translated into."""
    wanted = [true for *_, true in made.items if true is not None]
    if len(wanted) < len(made.items) and made.data is not None and made.method.target in made.data.sides:
        side = made.data if made.back else made.data.sides[made.method.target]
        wanted = list(side.images(side.held_out if len(side.held_out) else side.indices("all")))
    if min(len(wanted), len(made.items)) < LEAST:
        found.notes.append(
            f"Distances of sets need {LEAST} translations and as many real pictures, but there are {len(made.items)} "
            f"and {len(wanted)}, so they are left out."
        )
        return
    extractor = efficientnet_features(made.target.shape)
    real = _features(extractor, wanted)
    for who, pictures in makers(made).items():
        fake = _features(extractor, pictures)
        metrics: dict[str, Metric] = {"frechet": Frechet(), "kernel": Kernel()}
        for name, metric in metrics.items():
            if name not in names:
                continue
            metric.update(real=real)
            metric.update(fake=fake)
            value = metric.compute()[name]
            found.add(who, name, metric.intervals(made.seed).get(name, Interval(value, float("-inf"), float("inf"))))
            found.notes += [note for note in metric.notes if who == MADE]


def _features(extractor: Extractor, pictures: Sequence[Tensor]) -> ExtractedFeatures:
    """What an extractor sees in pictures, neighbours of one shape together."""
    return ExtractedFeatures(torch.cat([extractor.extract(some).features for some in _stacks(pictures)]))


def _stacks(pictures: Sequence[Tensor]) -> Iterator[Tensor]:
    for some in pieces([tuple(each.shape) for each in pictures], PART):
        yield torch.stack([pictures[number] for number in some])


def _of_movement(found: Scores, made: TranslatedSet) -> None:
    """What changes in films that only moves, and how far the flow that is told is from the true one."""
    assert made.data is not None  # checked before
    flow = made.data.raw(made.data.held_out)[flow_column(made.data) or ""]
    real = [true for *_, true in made.items if true is not None]
    films = makers(made) | ({REAL: real} if len(real) == len(made.items) else {})
    given = [each for each, *_ in made.items]
    for who, numbers in movement(films, given, made.method, made.source, flow).items():
        for name, number in numbers.items():
            found.add(who, name, number)


def _of_labels(found: Scores, made: TranslatedSet, say: Callable[[str], None] | None) -> None:
    """The share of pixels that a segmenter sees as what was asked for, and the mean intersection over union."""
    assert made.data is not None  # checked before
    judge = segmenter(made.data, made.method.source, made.method.target, say=say)
    found.notes.append(f"Labels are told by a network of their own: {judge}.")
    asked = [given for given, *_ in made.items]
    real = [true for *_, true in made.items if true is not None]
    sets = makers(made) | ({REAL: real} if len(real) == len(asked) else {})
    for who, pictures in sets.items():
        seen = zip(_stacks(pictures), _stacks(asked), strict=True)
        counts = [LabelCounts.of(judge(some), maps.long(), judge.classes) for some, maps in seen]
        whole = LabelCounts(*(torch.cat(parts) for parts in zip(*counts, strict=True)))
        found.add(who, "label-accuracy", intervals.mean(whole.accuracy))
        found.add(who, "label-iou", intervals.mean(whole.iou))


def _of_attributes(found: Scores, made: TranslatedSet, say: Callable[[str], None] | None) -> None:
    """How many translations are seen to be of the other side, and of how many all else is still said."""
    assert made.data is not None  # checked before
    told: list[str] = []

    def hear(text: str) -> None:
        told.append(text)
        if say is not None:
            say(text)

    predictors = attribute_predictors(both_sides(made.data, made.method.target), say=hear)
    found.notes += told[-1:]  # how many held-out pictures they tell right
    inputs = torch.stack([given for given, *_ in made.items])
    for who, pictures in makers(made).items():
        after = torch.stack(pictures)
        for judge in predictors:
            verdict = judge.predict(after).verdict
            if judge.name == SIDE:
                found.add(who, "changed", intervals.mean((verdict == int(not made.back)).double()))
            else:
                found.add(who, f"kept {judge.name}", intervals.mean(kept(judge.predict(inputs).verdict, verdict)))


def _of_cycles(found: Scores, made: TranslatedSet) -> None:
    """The mean absolute error of what is translated back, as a share of the range of values."""
    method = made.method
    home: Work = method.translate if made.back else method.translate_back
    there, here = modality(made.target.modality), modality(made.source.modality)
    device, dtype = placement(method)
    errors: list[Tensor] = []
    news = [new for _, new, _ in made.items]
    for some in pieces([tuple(new.shape) for new in news], PART):
        stacked = torch.stack([news[number] for number in some])
        given = torch.stack([made.items[number][0] for number in some])
        values = there.to_float(stacked, made.target._replace(shape=tuple(stacked.shape[1:]))).to(device, dtype)
        with torch.no_grad():
            back = home(values, SampleDraws(made.seed, some)).double().cpu()
        wanted = here.to_float(given, made.source._replace(shape=tuple(given.shape[1:]))).double()
        errors.append((back - wanted).abs().flatten(1).mean(1) / 2)
    found.add(MADE, "cycle", intervals.mean(torch.cat(errors)))


def _of_cost(found: Scores, made: TranslatedSet) -> None:
    """Seconds of a translation by itself, and megabytes that it needs at its peak, weights apart."""
    kind, (device, dtype) = modality(made.source.modality), placement(made.method)
    seconds, most = [], 0
    for number, (given, *_) in enumerate(made.items[:TIMED]):
        values = kind.to_float(given[None].to(device), made.source._replace(shape=tuple(given.shape)))
        values = values.to(dtype) if values.is_floating_point() else values
        draws = SampleDraws(made.seed, [number])
        with torch.no_grad():
            with Footprint() as seen:  # also lets libraries choose their ways before time is taken
                made.work(values, draws)
            started = perf_counter()
            made.work(values, draws).cpu()
            seconds.append(perf_counter() - started)
        most = max(most, *seen.timeline)
    found.add(MADE, "seconds", intervals.mean(seconds))
    found.add(MADE, "megabytes", Interval(most / _MEGA, most / _MEGA, most / _MEGA))
