"""What an evaluation says in two plain sentences: how far from real, and what is wrong.

Each rule is a function from the evidence to a phrase, or to nothing. A rule speaks only where the interval of a number
lies on the wrong side of what real images are told, so that chance alone seldom makes it speak.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from belamy.evaluation.measures import Measure, number
from belamy.evaluation.panel import COPIED
from belamy.evaluation.statistics import Interval

NEAR = 0.05
"""Share of images nearer to a training image than 1 in 100 unseen ones is, from which on they are mentioned."""
BLURRED, NOISY = 0.8, 1.25
"""Fine detail, against real images', below and above which images are called blurred and noisy."""
UNEVEN = 0.05
"""Divergence of the kinds' shares, in nats, from which on they are called uneven."""
CLIPPED = 0.7
"""Share of the values that are neither black nor white in real images below which samples are called saturated."""
NARROW = 0.75
"""Share of the variety of real images below which it is said to be missing."""
BY_DEFAULT = "by default"
"""What samples that were drawn without any options are called among the controls."""
GRADES = ("close to", "clearly apart from", "far from")
TIMES = (3.0, 10.0)
"""How many times as far as other real images they must be for the next grade."""
SHARES = (0.5, 0.1)
"""Share of real images' precision or recall below which they are of the next grade."""
DISTANCES = ("frechet", "kernel", "frechet-infinity")
LIKE = "cannot be told from real ones"
NAMED = 5


@dataclass(frozen=True)
class Observations:
    """What the sentences are made of.

    Args:
        judged: How many images were judged.
        measures: The numbers by name.
        copies: Share of the judged images that are, pixel for pixel, among the ``real`` ones compared with, and among
            those that were learned from (``train``).
        missing: Kinds of images that hardly ever come, though real ones do.
    """

    judged: int
    measures: Mapping[str, Measure]
    copies: Mapping[str, float] = field(default_factory=dict)
    missing: Sequence[str] = ()

    def above(self, name: str, least: float = 0.0) -> Measure | None:
        """A measure whose interval lies above that of real images, and above ``least``."""
        found = self.measures.get(name)
        return found if found and found.interval and found.interval.low > max(least, _real(found).high) else None

    def below(self, name: str, share: float = 1.0) -> Measure | None:
        """A measure whose interval lies below that of real images, and below so much of their number."""
        found = self.measures.get(name)
        if found is None or found.interval is None or found.real_baseline is None:
            return None
        return found if found.interval.high < min(share * found.real_baseline, _real(found).low) else None


def sentences(evidence: Observations) -> tuple[str, str]:
    """How far the images are from real ones, and what is wrong with them."""
    far, wrong = distance(evidence), faults(evidence)
    return far, wrong.replace("What is wrong", "Yet something is wrong", 1) if LIKE in far else wrong


def distance(evidence: Observations) -> str:
    """How far the images are from real ones, in a sentence."""
    count = f"The {evidence.judged:,} images"
    if evidence.copies.get("real", 0.0) == 1:
        return f"{count} are the very ones that they are compared with, so no distance between them means anything."
    found = [evidence.measures[name] for name in DISTANCES if name in evidence.measures]
    chief = next(iter(found), None)
    if chief is None:
        return f"How far {count.lower()} are from real ones was not measured: ask for --metrics frechet."
    if chief.real_baseline is None:
        return f"{count} are at a {_titled(chief)} of {number(chief.value)}; what real images reach was not measured."
    if all(each.like_real or _nearer(each) for each in found):
        return f"{count} {LIKE} by {_listed([_titled(each) for each in found])}."
    beside = f"{_titled(chief)} {number(chief.value)}, where other real images are at {number(chief.real_baseline)}"
    times = chief.value / chief.real_baseline if chief.real_baseline > 0 else float("inf")
    grade = sum(times >= limit for limit in TIMES)
    for name in ("precision", "recall"):
        grade = max(grade, sum(evidence.below(name, share) is not None for share in SHARES))
    return f"{count} are {GRADES[grade]} real ones: {beside}."


def faults(evidence: Observations) -> str:
    """What is wrong with the images, in a sentence."""
    found = [phrase for rule in RULES if (phrase := rule(evidence))]
    return f"What is wrong: {'; '.join(found)}." if found else "Nothing that was measured here is wrong with them."


def copied(evidence: Observations) -> str | None:
    """Exact copies of what was learned from, or images that are all but that."""
    if (share := evidence.copies.get("train", 0.0)) >= COPIED:
        return f"{share:.0%} are copies of training images, pixel for pixel"
    near, alike = evidence.above("nearest-close", NEAR), evidence.below("authenticity")
    if near and alike and not evidence.below("recall", NARROW):
        return f"{near.value:.0%} are nearly training images (of unseen real ones 1 % are)"
    return None


def lacking(evidence: Observations) -> str | None:
    """Kinds that do not come, or come too seldom."""
    if evidence.missing:
        names = [f"“{name}”" for name in evidence.missing[:NAMED]]
        more = len(evidence.missing) - len(names)
        return f"kinds are missing: {_listed([*names, f'{more} more'] if more else names)}"
    return "some kinds come much more often than others" if evidence.above("kl", UNEVEN) else None


def narrow(evidence: Observations) -> str | None:
    """Variety that is not there; images that are all unlike real ones cover none, whatever their variety."""
    recall = None if evidence.below("precision", NARROW) else evidence.below("recall", NARROW)
    if recall and recall.real_baseline is not None:
        beside = f"where real ones cover {recall.real_baseline:.0%}"
        return f"they vary little and cover {recall.value:.0%} of real images, {beside}"
    spread = evidence.below("diversity", NARROW)
    return f"they vary little and lie {spread.value:.0%} as far apart as real images" if spread else None


def unsharp(evidence: Observations) -> str | None:
    """Too little fine detail, or too much."""
    if found := evidence.below("sharpness", BLURRED):
        return f"they are blurred, with {found.value:.0%} of the fine detail of real images"
    if found := evidence.above("sharpness", NOISY):
        return f"they are noisy or grainy, with {found.value:.1f} times the fine detail of real images"
    return None


def saturated(evidence: Observations) -> str | None:
    """Values driven against the ends of the range: of those that are between in real images, few are left."""
    found = evidence.above("saturation")
    if found is None or found.interval is None or found.real_baseline is None:
        return None
    if 1 - found.interval.low > CLIPPED * (1 - found.real_baseline):
        return None
    return (f"they are saturated: {found.value:.0%} of their values are black or white, of real ones "
            f"{found.real_baseline:.0%}")  # fmt: skip


def forced(evidence: Observations) -> str | None:
    """Options of the sampler, such as guidance, that cost variety: less is covered than by default."""
    recall, white = (evidence.measures.get(name) for name in ("recall", "saturation"))
    usual = recall.controls.get(BY_DEFAULT) if recall else None
    if recall is None or usual is None or recall.interval is None or recall.interval.high >= NARROW * usual:
        return None
    told = f"the sampler's options cost variety: they cover {recall.value:.0%} of real images, by default {usual:.0%}"
    before = white.controls.get(BY_DEFAULT) if white else None
    if white is None or before is None or white.interval is None or white.interval.low <= before:
        return told
    return f"{told}, and {white.value:.0%} of their values are black or white instead of {before:.0%}"


def mistaken(evidence: Observations) -> str | None:
    """Images of another class than was asked for."""
    found = evidence.below("label-fidelity", 0.95)
    return f"{1 - found.value:.0%} are not of the class that was asked for" if found else None


RULES: tuple[Callable[[Observations], str | None], ...] = (
    copied,
    lacking,
    unsharp,
    saturated,
    forced,
    narrow,
    mistaken,
)


def _titled(measure: Measure) -> str:
    return {"frechet": "Fréchet distance", "kernel": "kernel distance"}.get(measure.name, measure.name)


def _nearer(measure: Measure) -> bool:
    """Whether images are even nearer than real ones, as they are where these are few."""
    return measure.interval is not None and measure.interval.high <= _real(measure).low


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _real(measure: Measure) -> Interval:
    """What real images are told, with its interval; the number alone where there is none."""
    value = measure.real_baseline or 0.0
    return measure.real_baseline_interval or Interval(value, value, value)
