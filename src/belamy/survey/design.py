"""What a survey asks, of whom, how often: everything that is decided before the first answer."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from math import ceil
from typing import Any

from pydantic import TypeAdapter

from belamy.errors import UsageError, nearest
from belamy.ranges import Within

KINDS = ("categorise", "choose", "rank", "mos")
MAIN, PRACTICE, CATCH, PARTNER, MASK = "main", "practice", "catch", "partner", "mask"
"""Roles of stimuli: judged; for practice; broken on purpose; shown beside a broken one; shown after a brief one."""
SHORTEST, LONGEST = 50, 1000
"""Exposures in milliseconds."""
MOST_TRIALS = 1000
EASIER, HARDER = 30, 10
"""Milliseconds that the staircase adds after an error and takes away after a right answer."""
FAST = 4
"""How many times as large its steps are before the first error."""
SCORES = ("Bad", "Poor", "Fair", "Good", "Excellent")
"""The absolute category rating of ITU-T P.800, from 1 to 5."""
ASKS_WHAT_IS_REAL = ("categorise", "choose")
"""Kinds that need real ones beside generated ones."""
QUESTIONS = {
    "categorise": "Real or fake?",
    "choose": "Which one is real?",
    "rank": "Which one is better?",
    "mos": "How good is it?",
}
CONSENT = (
    "You will be shown {things}, some of them real and some made by a computer program, and asked what you think of "
    "them. It takes about {minutes} minutes.\n\n"
    "What is stored: your answers and how long they took, under a random code. No name, no address, nothing else, and "
    "it stays on this computer.\n\n"
    "You may stop at any time by closing the page, go on later with the same link, or withdraw and have your answers "
    "deleted. {flicker}"
)
FLICKER = (
    "Pictures flash briefly and are followed by flickering patterns: please do not take part if flicker harms you."
)


@dataclass(frozen=True)
class Design:
    """A survey's plan.

    Args:
        kind: ``categorise`` (one at a time: real or fake), ``choose`` (a real and a generated one: which is real),
            ``rank`` (two sources against each other: which is better) or ``mos`` (one at a time: a score of 1 to 5).
        medium: ``image`` or ``sound``.
        sources: What is judged; never shown to participants.
        real: Which of the sources is the real data; None where none is.
        trials: Judgements of each participant, practice and catch trials apart.
        practice: Practice trials, with the right answer told afterwards where there is one.
        catch: Trials with something broken on purpose, which show who does not look.
        exposures: Milliseconds for which a picture is seen; none: until the answer.
        staircase: Exposure follows the answers instead, between the shortest and the longest.
        fixation: Milliseconds of the cross before each picture.
        mask: Milliseconds of patterns after each brief picture.
        catch_needed: Share of a participant's catch trials that must be right for the answers to count.
        pixels: Side of a picture on the screen, in the browser's pixels.
        seed: Decides who sees what, when and where.
        question: Asked in every trial.
        consent: What a participant agrees to first.
        protocol: How the stimuli came about, for the record.

    Raises:
        UsageError: A number out of range, or settings that contradict each other.
    """

    kind: str
    medium: str
    sources: tuple[str, ...]
    real: int | None
    trials: int = 60
    practice: int = 4
    catch: int = 6
    exposures: tuple[int, ...] = ()
    staircase: bool = False
    fixation: int = 500
    mask: int = 120
    catch_needed: float = 0.8
    pixels: int = 320
    seed: int = 0
    question: str = ""
    consent: str = ""
    protocol: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise UsageError(f"There is no kind of survey '{self.kind}'. {nearest(self.kind, KINDS)}")
        limits = {
            "trials": (1, MOST_TRIALS), "practice": (0, 50), "catch": (0, 50), "fixation": (0, 5000),
            "mask": (0, 1000), "pixels": (32, 1024),
        }  # fmt: skip
        for name, (least, most) in limits.items():
            Within(least, most).check(f"--{name}", getattr(self, name))
        self._check_exposures()
        self._check_sources()

    def _check_exposures(self) -> None:
        for exposure in self.exposures:
            if not SHORTEST <= exposure <= LONGEST:
                raise UsageError(f"An exposure is {exposure} ms, but it must be in {SHORTEST}..{LONGEST} ms.")
        if self.medium == "sound" and self.exposures:
            raise UsageError("Sounds are heard whole: leave --exposures and --staircase out.")
        if self.staircase and self.kind != "categorise":
            raise UsageError("A staircase needs right and wrong answers to single pictures: --kind categorise.")
        if self.kind in ("rank", "mos") and self.exposures:
            raise UsageError(f"--exposures and --staircase are for categorise and choose, but the kind is {self.kind}.")

    def _check_sources(self) -> None:
        if self.kind in ASKS_WHAT_IS_REAL:
            if self.real is None or len(self.sources) < 2:
                raise UsageError("Real or fake is asked of real and of generated ones: name both, with --against DATA.")
            if self.kind == "categorise" and self.trials % 2:
                raise UsageError(f"--trials is {self.trials}, but half of them are real: give an even number.")
        elif self.kind == "rank" and len(self.sources) < 2:
            raise UsageError("A ranking needs two or more to compare. Name another run or folder, or --against DATA.")

    @property
    def fakes(self) -> tuple[int, ...]:
        """The sources that are not real."""
        return tuple(number for number in range(len(self.sources)) if number != self.real)

    @property
    def alternatives(self) -> tuple[str, ...]:
        """The answers that a participant can choose from."""
        if self.kind == "mos":
            return tuple(str(score) for score in range(1, len(SCORES) + 1))
        return ("fake", "real") if self.kind == "categorise" else ("left", "right")

    @property
    def partner(self) -> int:
        """The source whose stimulus stands beside a broken one."""
        return 0 if self.real is None else self.real

    def reserve(self, source: int) -> dict[str, int]:
        """How many stimuli of a source are set apart, by role: nobody judges what they practised on."""
        pairs = self.kind in ("choose", "rank")
        if self.kind == "mos":
            practice = ceil(self.practice / len(self.sources))
        elif self.kind == "rank":
            practice = ceil(2 * self.practice / len(self.sources))
        else:
            share = self.practice if self.kind == "choose" else ceil(self.practice / 2)
            practice = share if source == self.real else ceil(share / len(self.fakes))
        return {PRACTICE: practice, PARTNER: self.catch if pairs and source == self.partner else 0}

    def needed(self, source: int) -> int:
        """How many stimuli of a source one participant judges, at most."""
        if self.kind == "mos":
            return ceil(self.trials / len(self.sources))
        if self.kind == "rank":
            count = len(self.sources)
            return ceil(self.trials / (count * (count - 1) / 2)) * (count - 1)
        share = self.trials if self.kind == "choose" else self.trials // 2
        return share if source == self.real else ceil(share / len(self.fakes))

    def minutes(self) -> int:
        """About how long a session takes."""
        each = {"categorise": 3.0, "choose": 4.0, "rank": 5.0, "mos": 4.0}[self.kind]
        return max(1, round((self.trials + self.practice + self.catch) * each / 60 + 0.5))

    def consent_text(self) -> str:
        """What a participant agrees to: the own text, or the house's."""
        things = "sounds" if self.medium == "sound" else "pictures"
        flicker = FLICKER if self.exposures or self.staircase else ""
        return self.consent or CONSENT.format(things=things, minutes=self.minutes(), flicker=flicker).strip()

    def as_json(self) -> str:
        """The plan as JSON text."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Design:
        """The plan from what :meth:`as_json` made."""
        return TypeAdapter(cls).validate_json(text)


def climbed(right: list[bool], start: int = LONGEST // 2) -> int:
    r"""The exposure in milliseconds that a staircase shows after these answers.

    It falls by 10 ms after a right answer and rises by 30 ms after an error, so that it settles where

    .. math:: p \cdot 10 = (1 - p) \cdot 30, \qquad p = 3/4 .

    Before the first error it falls by 40 ms, so that it is there soon.

    References:
        The weighted up-down rule: Kaernbach 1991, "Simple adaptive testing with the weighted up-down method". Timed
        judgements of generated images by a staircase: Zhou et al. 2019, arXiv 1904.01121.

    Args:
        right: Whether each answer so far was right, in order.
        start: The first exposure, in ms.

    Example:
        >>> climbed([]), climbed([True, True]), climbed([False])
        (500, 420, 530)
    """
    exposure, fast = start, FAST
    for was_right in right:
        fast = fast if was_right else 1
        exposure = min(LONGEST, max(SHORTEST, exposure + (-HARDER * fast if was_right else EASIER)))
    return exposure
