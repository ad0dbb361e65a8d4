"""Every test of suspects against real images in one format: traces, neighbours, rules, all together, the detector."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from belamy.evaluation.intervals import wilson
from belamy.evaluation.ranking import Operating, auroc_interval, average_precision_interval, operating
from belamy.evaluation.statistics import Interval
from belamy.forensics import neighbours
from belamy.forensics.detector import Detected, DetectorData, detect
from belamy.forensics.scores import PERMUTATIONS, CueScores, Shuffled, deal, ridge_scores
from belamy.forensics.specifications import SPECIFICATIONS, Limits, learn, surprise
from belamy.forensics.testing import effect_size, rank_p, share_effect, share_p
from belamy.forensics.traces import TRACES
from belamy.forensics.treatments import to_pixels

RULE_ALARMS = 0.01
"""Share of real images that may break a rule."""
DETECTOR_FOLDS = 3
TOGETHER, DETECTOR, NEIGHBOURS, RULES = "together", "detector", "neighbours", "rules"

Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class Sets:
    """Images in [0, 1] in one format, all float32.

    Args:
        reference: Real images that limits and thresholds are taken from and neighbours are sought in.  # [k, C, H, W]
        real: Real images that suspects are compared with.  # [m, C, H, W]
        suspect: Suspects.  # [n, C, H, W]
    """

    reference: Tensor
    real: Tensor
    suspect: Tensor

    def __iter__(self) -> Iterator[Tensor]:
        return iter((self.reference, self.real, self.suspect))

    def treated(self, apply: Callable[[Tensor], Tensor]) -> Sets:
        """All of them after the same change."""
        return Sets(*(apply(each) for each in self))


@dataclass(frozen=True)
class CueResult:
    """One cue, and how well it tells suspects from real images.

    Args:
        name: Of the trace, or what else was asked.
        title: In words.
        auroc: Probability that a suspect scores above a real image.
        precision: Average precision, with as many suspects as real images compared.
        effect: Difference of the mean scores in deviations (Hedges' g).
        p: Probability of so large an area by chance.
        operating: What a threshold for the stated false-alarm rate achieves.
        scores: Of every image.
    """

    name: str
    title: str
    auroc: Interval
    precision: Interval
    effect: float
    p: float
    operating: Operating
    scores: CueScores = field(repr=False, compare=False)


@dataclass(frozen=True)
class Rule:
    """A rule that real images keep, and who breaks it.

    Args:
        name: Of the specification.
        title: In words.
        says: The rule with its limits.
        limits: What was learned from the reference.
        real: Share of the real images compared that break it.
        suspect: Share of the suspects that do.
        effect: Difference of the shares (Cohen's h).
        p: Probability of so many suspects among those who break it by chance.
        broken: Which suspects do.  # [n] bool
        numbers: What was measured of the suspects.  # [n]
    """

    name: str
    title: str
    says: str
    limits: Limits
    real: Interval
    suspect: Interval
    effect: float
    p: float
    broken: Tensor = field(repr=False, compare=False)
    numbers: Tensor = field(repr=False, compare=False)


@dataclass(frozen=True)
class Comparison:
    """All tests of one pair of sets in one format.

    Args:
        format: Of all images: ``as given``, ``uint8``, ``jpeg:75``.
        tests: By name.
        rules: By name; none where values are not rounded.
        detected: What the trained detector says; None where none was trained.
        silent: Cues that have nothing to say of these images, and why.
        nearest: Distance of each suspect to the nearest reference image and which it is.  # [n, 2] float64
    """

    format: str
    tests: dict[str, CueResult]
    rules: dict[str, Rule]
    detected: Detected | None
    silent: dict[str, str]
    nearest: Tensor = field(repr=False, compare=False)

    def p_values(self) -> dict[str, float]:
        """Of every test and every rule, under names that no other comparison has."""
        tests = {f"{self.format}: {name}": test.p for name, test in self.tests.items()}
        return {**tests, **{f"{self.format}: rule {name}": rule.p for name, rule in self.rules.items()}}

    @property
    def headline(self) -> CueResult:
        """The test that was to decide before any was looked at: the detector, or all cues together."""
        return self.tests.get(DETECTOR) or self.tests[TOGETHER]


def compare(
    sets: Sets,
    format: str,
    *,
    rounded: bool,
    false_alarms: float,
    seed: int,
    permutations: int = PERMUTATIONS,
    progress: Progress | None = None,
) -> Comparison:
    """Every test that suits the images.

    Args:
        sets: The images.
        format: What they have in common.
        rounded: Whether they have 256 values: then rules and the detector are tested too, otherwise the traces alone.
        false_alarms: Rate at which thresholds are set.
        seed: Of folds, permutations and the detector.
        permutations: For each p-value.
        progress: Called with the share that is done and what is being done.
    """
    told = progress or (lambda share, text: None)
    shuffled = Shuffled(deal(len(sets.real), len(sets.suspect), len(sets.reference), seed), seed, permutations)
    described, titles, silent = traces_of(sets, rounded, told)
    distances, places = _neighbours(sets)
    measured = {} if not rounded else measures_of(sets)
    described[NEIGHBOURS], titles[NEIGHBOURS] = distances, "Nearest real image"
    tests, everything = tests_of(
        described, titles, silent, shuffled, false_alarms=false_alarms, more=list(measured.values()), told=told
    )
    detected = None
    if rounded:
        tests[RULES] = _test(RULES, "All rules", _rule_scores(measured), false_alarms, seed)
        detected = _detected(sets, everything, seed, told)
        tests[DETECTOR] = _test(DETECTOR, "Trained detector", detected.scores, false_alarms, seed)
    rules = {name: _rule(name, parts) for name, parts in measured.items()}
    nearest = torch.stack([distances[2][:, 0], places.double()], 1)
    return Comparison(format, tests, rules, detected, silent, nearest)


def tests_of(
    described: Mapping[str, tuple[Tensor, ...]],
    titles: Mapping[str, str],
    silent: dict[str, str],
    shuffled: Shuffled,
    *,
    false_alarms: float,
    more: Sequence[tuple[Tensor, ...]],
    told: Progress,
) -> tuple[dict[str, CueResult], list[Tensor]]:
    """The test of each cue and that of all together, and all numbers of each set side by side.

    Args:
        described: What each cue says of the reference, the real samples and the suspects, by name.
        titles: Of the cues.
        silent: Takes the cues in which all samples are alike.
        shuffled: The folds, and permutations of the labels within them.
        false_alarms: Rate at which thresholds are set.
        more: Numbers that only all together look at.
        told: Is told of the progress.
    """
    tests: dict[str, CueResult] = {}
    for number, (name, parts) in enumerate(described.items()):
        told(0.2 + 0.3 * number / len(described), f"testing {titles[name].lower()}")
        scores = ridge_scores(parts[1], parts[2], parts[0], shuffled)
        if scores is None:
            silent[name] = "all samples are alike in it"
            continue
        tests[name] = _test(name, titles[name], scores, false_alarms, shuffled.seed)
    everything = [torch.cat(parts, 1) for parts in zip(*described.values(), *more, strict=True)]
    told(0.5, "testing all together")
    joint = ridge_scores(everything[1], everything[2], everything[0], shuffled)
    if joint is not None:
        tests[TOGETHER] = _test(TOGETHER, "All cues together", joint, false_alarms, shuffled.seed)
    return tests, everything


def traces_of(
    sets: Sets, rounded: bool, told: Progress | None = None, together: bool = True
) -> tuple[dict[str, tuple[Tensor, ...]], dict[str, str], dict[str, str]]:
    """What each trace says of the three sets, its title, and why others are silent.

    A trace that describes an image by the others of its set is given all images at once: then what it says knows no
    labels, and permuting them is fair.

    Args:
        sets: The images.
        rounded: Leave out traces that need unrounded values.
        told: Is told of the progress.
        together: Include traces that describe an image by others.
    """
    described, titles, silent = {}, {}, {}
    names = TRACES.names()
    for number, name in enumerate(names):
        trace: Any = TRACES.load(name)()
        shape = tuple(sets.real.shape[1:])
        if told:
            told(0.2 * number / len(names), f"looking at {trace.title.lower()}")
        if reason := trace.unfit(shape):
            silent[name] = reason
        elif rounded and not trace.quantised:
            silent[name] = "it needs values that were not rounded"
        elif together or not trace.together:
            described[name], titles[name] = _described(trace, sets), trace.title
    return described, titles, silent


def measures_of(sets: Sets) -> dict[str, tuple[Tensor, ...]]:
    """What each specification measures of the three sets, as tables of one column.  # [k, 1], [m, 1], [n, 1]"""
    pixels = [to_pixels(each) for each in sets]
    made = {name: SPECIFICATIONS.load(name)() for name in SPECIFICATIONS.names()}
    return {name: tuple(rule.measure(each)[:, None] for each in pixels) for name, rule in made.items()}


def _described(trace: Any, sets: Sets) -> tuple[Tensor, ...]:
    counts = [len(each) for each in sets]
    if trace.together:
        parts = trace.describe(torch.cat(list(sets))).split(counts)
    else:
        parts = tuple(torch.cat([trace.describe(piece) for piece in each.split(500)]) for each in sets)
    if not all(torch.isfinite(each).all() for each in parts):
        raise ValueError(f"the trace '{trace.title}' gives numbers that are not finite")
    return tuple(parts)


def _neighbours(sets: Sets) -> tuple[tuple[Tensor, ...], Tensor]:
    """What the nearest reference images say of the three sets, and which is nearest to each suspect.  # [n]"""
    found = [neighbours.nearest(each, sets.reference) for each in sets]
    return tuple(neighbours.describe(each.distances) for each in found), found[2].indices[:, 0]


def _test(name: str, title: str, scores: CueScores, false_alarms: float, seed: int) -> CueResult:
    real, suspect = scores.real, scores.suspect
    return CueResult(
        name, title, auroc_interval(real, suspect), average_precision_interval(real, suspect, seed),
        effect_size(real, suspect), scores.p, operating(scores.fresh, real, suspect, false_alarms), scores,
    )  # fmt: skip


def _rule(name: str, parts: tuple[Tensor, ...]) -> Rule:
    reference, real, suspect = (each[:, 0] for each in parts)
    made: Any = SPECIFICATIONS.load(name)()
    limits = learn(reference, RULE_ALARMS)
    broken, breaks = limits.broken(suspect), limits.broken(real)
    counts = int(broken.sum()), len(suspect), int(breaks.sum()), len(real)
    shares = wilson(*counts[2:]), wilson(*counts[:2])
    says = made.says.format(low=f"{limits.low:.4g}", high=f"{limits.high:.4g}")
    effect = share_effect(shares[1].value, shares[0].value)
    return Rule(name, made.title, says, limits, *shares, effect, share_p(*counts), broken, suspect)


def _rule_scores(measured: dict[str, tuple[Tensor, ...]]) -> CueScores:
    """How far out an image's numbers lie among the reference's: fixed before it was seen, so ranks give the p-value."""
    totals = []
    for which in range(3):
        columns = [surprise(parts[0][:, 0], parts[which][:, 0], itself=not which) for parts in measured.values()]
        # the sum of the tails' logarithms (Fisher 1925): one number far out counts more than many a little out
        totals.append(-torch.stack([(1 - column).clamp_min(1e-4).log() for column in columns]).sum(0))
    return CueScores(totals[1], totals[2], totals[0], rank_p(totals[1], totals[2]))


def _detected(sets: Sets, numbers: list[Tensor], seed: int, told: Progress) -> Detected:
    folds = deal(len(sets.real), len(sets.suspect), len(sets.reference), seed, DETECTOR_FOLDS)
    evidence = [DetectorData(images, table) for images, table in zip(sets, numbers, strict=True)]

    def step(done: int, total: int) -> None:
        told(0.55 + 0.45 * done / total, "training the detector")

    return detect(evidence[1], evidence[2], evidence[0], folds, seed, step)
