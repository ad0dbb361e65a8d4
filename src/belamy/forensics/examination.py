"""The whole examination: suspects against held-out real images, real against real as control, what survives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from math import isfinite
from typing import Any

import torch
from torch import Tensor

from belamy.errors import DataError, UsageError
from belamy.evaluation.candidate import PICTURES
from belamy.evaluation.statistics import Interval
from belamy.forensics.comparison import RULE_ALARMS, Comparison, CueResult, Progress, Rule, Sets, compare
from belamy.forensics.neighbours import repeated
from belamy.forensics.robustness import LADDER, Survival, survey
from belamy.forensics.scores import PERMUTATIONS
from belamy.forensics.testing import holm
from belamy.forensics.treatments import Treatment, rounded, rounding, to_pixels
from belamy.modalities import spoken
from belamy.modalities.fields import Field
from belamy.seeds import generator

LEAST = 30
"""Images of each kind below which nothing is tested."""
LEVEL = 0.05
"""Corrected p-value below which a test separates."""
AS_GIVEN, CONTROL = "as given", "control"


@dataclass(frozen=True)
class ForensicsSettings:
    """Options of an examination.

    Args:
        false_alarms: Rate at which thresholds are set.
        seed: Of the split of the real images, folds, permutations and the detector.
        permutations: For each p-value.
        hide: What both sides are brought to before anything is looked at; None rounds to 256 values, and looks at what
            was not rounded too.
        robustness: Measure what survives further treatments.
    """

    false_alarms: float = 0.05
    seed: int = 0
    permutations: int = PERMUTATIONS
    hide: Treatment | None = None
    robustness: bool = True

    def __post_init__(self) -> None:
        if not 0 < self.false_alarms < 0.5:
            raise UsageError(f"--false-alarms is {self.false_alarms:g}, but it must be above 0 and below 0.5.")


@dataclass(frozen=True)
class ForensicExamination:
    """What was found.

    Args:
        settings: How it was examined.
        matched: Suspects against real images in one format, 256 values.
        given: The same with the suspects' values as they came; None where they came rounded or are to be hidden.
        control: Real images in the role of suspects, with everything else the same.
        survival: What is left after further treatments.
        sets: The images of ``matched``.
        raw: The same as they came.
        corrected: p-values of all tests of suspects, corrected for their number, under the names of ``p_values``.
        notes: What a reader should know.
        kind: What kind of samples they are.
    """

    settings: ForensicsSettings
    matched: Comparison
    given: Comparison | None
    control: Comparison
    survival: Sequence[Survival]
    sets: Sets = field(repr=False, compare=False)
    raw: Sets = field(repr=False, compare=False)
    corrected: dict[str, float]
    notes: tuple[str, ...] = ()
    kind: Field = PICTURES

    @property
    def of_pictures(self) -> bool:
        """Whether the samples are pictures."""
        return self.kind.modality == "image"

    @property
    def comparisons(self) -> list[Comparison]:
        """Of suspects, unrounded values first."""
        return [each for each in (self.given, self.matched) if each]

    def separates(self, comparison: Comparison, found: CueResult | Rule) -> bool:
        """Whether a test or a rule tells suspects from real images, corrected for the number of tests."""
        return self.correction(comparison, found) <= LEVEL

    def correction(self, comparison: Comparison, found: CueResult | Rule) -> float:
        """The corrected p-value of a test or a rule."""
        kind = "rule " if isinstance(found, Rule) else ""
        return self.corrected[f"{comparison.format}: {kind}{found.name}"]

    @property
    def separating(self) -> int:
        """How many tests and rules tell suspects from real images."""
        return sum(p <= LEVEL for p in self.corrected.values())

    @property
    def control_alarms(self) -> int:
        """How many do so with real images in the suspects' role, corrected for their own number."""
        return sum(p <= LEVEL for p in holm(self.control.p_values()).values())

    @property
    def duplicates(self) -> int:
        """Suspects that are exact copies of an earlier suspect, once rounded."""
        return repeated(to_pixels(self.sets.suspect) if self.of_pictures else self.sets.suspect)

    @property
    def copies(self) -> int:
        """Suspects that are exact copies of a reference image, once rounded."""
        if self.of_pictures:
            return int((self.matched.nearest[:, 0] == 0).sum())
        nearest = self.sets.reference[self.matched.nearest[:, 1].long()]  # distances of other kinds are rounded
        return int((self.sets.suspect == nearest).flatten(1).all(1).sum())

    @property
    def verdict(self) -> str:
        """The conclusion in one plain sentence."""
        return spoken(self._verdict(), self.kind.modality)

    def _verdict(self) -> str:
        head, count = self.matched.headline, f"{len(self.sets.suspect):,} suspects"
        format = self.matched.format
        after = {"uint8": " once both sides have 256 values", AS_GIVEN: ""}.get(format, f" after {format}")
        if not self.separating:
            return (
                f"Nothing tells the {count} from real images: none of {len(self.corrected)} tests separates, and the "
                f"detector ranks a suspect above a real image with probability {said(head.auroc)}{after}."
            )
        first = f"with probability {said(self.given.headline.auroc)} as given and " if self.given else ""
        caught = f"{head.operating.hits.value:.0%} at {head.operating.stated:.0%} false alarms"
        return (
            f"The {count} are {_how_surely(self)} told from real images: {self.separating} of {len(self.corrected)} "
            f"tests separate, and a suspect is ranked above a real image {first}with probability {said(head.auroc)}"
            f"{after}, which catches {caught}."
        )

    def facts(self) -> dict[str, Any]:
        """Everything as plain data."""
        return {
            "verdict": self.verdict,
            "generated": self.separating > 0,
            "separating": self.separating,
            "tests": len(self.corrected),
            "counts": dict(zip(("reference", "real", "suspects"), map(len, self.sets), strict=True)),
            "settings": {
                "false_alarms": self.settings.false_alarms, "seed": self.settings.seed, "level": LEVEL,
                "permutations": self.settings.permutations, "rule_alarms": RULE_ALARMS,
                "hide": self.settings.hide.name if self.settings.hide else None,
            },
            "comparisons": [_told(each, self.corrected) for each in self.comparisons],
            "control": {**_told(self.control, holm(self.control.p_values())), "separating": self.control_alarms},
            "robustness": [
                {"treatment": each.treatment.name, "auroc": each.knowing._asdict(), "unaware": each.unknowing._asdict()}
                for each in self.survival
            ],
            "duplicates": self.duplicates,
            "copies": self.copies,
            "notes": list(self.notes),
        }  # fmt: skip


def examine(
    suspect: Tensor,
    real: Tensor,
    settings: ForensicsSettings | None = None,
    *,
    notes: Sequence[str] = (),
    progress: Progress | None = None,
) -> ForensicExamination:
    """Examine suspects.

    The real images are parted at random: one half is the reference, from which limits and thresholds are taken and in
    which neighbours are sought, the other is compared with the suspects. As control, a third of the real images take
    the suspects' place between two other thirds, and everything is done again.

    Args:
        suspect: Images in [0, 1]; where values are not on 256 levels, they are looked at both so and rounded.
            # [n, C, H, W] float32
        real: Images of the same shape and, but for their content, of the same format.  # [2m, C, H, W] float32
        settings: How.
        notes: What a reader should know of the images.
        progress: Called with the share that is done and what is being done.

    Raises:
        DataError: Too few images, other shapes, or values out of range.
        UsageError: A setting out of range.
    """
    how = settings or ForensicsSettings()
    _check(suspect, real)
    order = torch.randperm(len(real), generator=generator(how.seed, "parted"))
    shuffled = real[order]
    half, third = len(real) // 2, len(real) // 3
    raw = Sets(shuffled[:half], shuffled[half:], suspect)
    treatment = how.hide or rounding()
    unrounded = how.hide is None and not bool((suspect == rounded(suspect)).all())
    sets = raw.treated(treatment.apply)
    test = partial(compare, false_alarms=how.false_alarms, seed=how.seed, permutations=how.permutations)
    stages = _Stages(progress, {"given": 2 * unrounded, "matched": 4, "control": 3, "survey": 2 * how.robustness})
    given = test(raw, AS_GIVEN, rounded=False, progress=stages("given")) if unrounded else None
    matched = test(sets, treatment.name, rounded=True, progress=stages("matched"))
    thirds = Sets(*(treatment.apply(shuffled[start * third : (start + 1) * third]) for start in range(3)))
    control = test(thirds, CONTROL, rounded=True, progress=stages("control"))
    survival: list[Survival] = []
    if how.robustness:
        ladder = LADDER if how.hide is None else ()
        survival = survey(raw.real, raw.suspect, how.seed, ladder, stages("survey"))
    p_values = {**matched.p_values(), **(given.p_values() if given else {})}
    found = ForensicExamination(how, matched, given, control, survival, sets, raw, holm(p_values))
    return with_remarks(found, notes)


def with_remarks(found: ForensicExamination, notes: Sequence[str]) -> ForensicExamination:
    """An examination with what a reader should know: of the samples, and how far to trust the figures."""
    return replace(found, notes=tuple(spoken(note, found.kind.modality) for note in (*notes, *_remarks(found))))


def said(interval: Interval) -> str:
    """A number with its interval in a few characters.

    Example:
        >>> said(Interval(0.99962, 0.9981, 1.0))
        '0.9996 (0.9981–1)'
    """
    high = "1" if interval.high > 0.9999 else _short(interval.high)
    return f"{_short(interval.value)} ({_short(interval.low)}–{high})"


def _short(value: float) -> str:
    """Three decimals, four near 1; 1 is said of nothing less."""
    if value == 1:
        return "1"
    return "> 0.9999" if value > 0.9999 else f"{value:.{4 if value >= 0.99 else 3}f}"


class _Stages:
    """Shares of the whole that the parts of the work take."""

    def __init__(self, progress: Progress | None, weights: dict[str, int]) -> None:
        self.progress, self.weights = progress, weights

    def __call__(self, name: str) -> Progress:
        names, total = list(self.weights), sum(self.weights.values())
        start = sum(self.weights[each] for each in names[: names.index(name)]) / total
        width = self.weights[name] / total
        words = {"control": "real against real: ", "given": "unrounded: ", "survey": "", "matched": ""}[name]

        def tell(share: float, text: str) -> None:
            if self.progress:
                self.progress(start + width * share, words + text)

        return tell


def _check(suspect: Tensor, real: Tensor) -> None:
    if suspect.shape[1:] != real.shape[1:]:
        raise DataError(
            f"The suspects have the shape {list(suspect.shape[1:])}, the real images {list(real.shape[1:])}."
        )
    if len(suspect) < LEAST or len(real) < 3 * LEAST:
        raise DataError(
            f"There are {len(suspect)} suspects and {len(real)} real images, but an examination needs at least {LEAST} "
            f"and {3 * LEAST}. Give more images, or a larger --count."
        )
    for who, images in (("suspects", suspect), ("real images", real)):
        if not bool(torch.isfinite(images).all()) or float(images.min()) < 0 or float(images.max()) > 1:
            raise DataError(f"The {who} hold values that are not numbers in 0..1.")


def _how_surely(found: ForensicExamination) -> str:
    area = max(each.headline.auroc.low for each in found.comparisons)
    words = ((0.98, "plainly"), (0.9, "clearly"), (0.75, "often"))
    return next((word for limit, word in words if area >= limit), "barely")


def _remarks(found: ForensicExamination) -> list[str]:
    """What the figures themselves say about how far to trust them."""
    remarks = []
    if found.control_alarms:
        remarks.append(
            f"Real against real, {found.control_alarms} of {len(found.control.p_values())} tests separate too: the "
            "real images are not independent draws of one kind, or this is the one examination in twenty. Read the "
            "rest with that in mind."
        )
    if found.given and found.given.headline.auroc.value - found.matched.headline.auroc.value > 0.01:
        remarks.append(
            "A part of the difference is that the suspects were never rounded to 256 values. Saved as files they would "
            "be harder to tell."
        )
    if found.copies:
        remarks.append(f"{found.copies} suspect(s) are, pixel for pixel, real images of the reference.")
    if len(found.sets.suspect) < 200 or len(found.sets.real) < 200:
        remarks.append("With fewer than 200 images of a kind the detector is weak and intervals are wide.")
    return remarks


def _told(comparison: Comparison, corrected: dict[str, float]) -> dict[str, Any]:
    """A comparison as plain data."""
    prefix, detected = comparison.format, comparison.detected
    return {
        "format": prefix,
        "tests": [_told_test(test, corrected[f"{prefix}: {test.name}"]) for test in comparison.tests.values()],
        "rules": [
            {
                "name": rule.name, "rule": rule.says, "real": rule.real._asdict(), "suspects": rule.suspect._asdict(),
                "stated_false_alarms": rule.limits.false_alarms, "effect_size": rule.effect, "p": rule.p,
                "corrected_p": corrected[f"{prefix}: rule {rule.name}"],
            }
            for rule in comparison.rules.values()
        ],
        "calibration": None if detected is None else {
            "expected_error": detected.calibration_error, "network_alone": detected.uncalibrated_error,
            "brier": detected.brier,
        },
        "left_out": comparison.silent,
    }  # fmt: skip


def _told_test(test: CueResult, corrected: float) -> dict[str, Any]:
    at = test.operating
    return {
        "name": test.name, "title": test.title, "auroc": test.auroc._asdict(),
        "average_precision": test.precision._asdict(),
        "effect_size": test.effect if isfinite(test.effect) else None, "p": test.p, "corrected_p": corrected,
        "at_false_alarms": {
            "stated": at.stated, "measured": at.false_alarms._asdict(), "hits": at.hits._asdict(),
            "accuracy": at.accuracy._asdict(),
        },
    }  # fmt: skip
