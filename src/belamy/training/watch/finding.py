"""What a sign found: how grave, on what evidence, why, and what to type."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

from belamy.runs.schema import Severity

SEVERITIES: tuple[Severity, ...] = ("note", "warning", "severe")
NOTE_FROM, NEAR = 0.4, 0.6
"""Strengths below the limit, which is 1, from which a finding is noted, and stands before other notes."""

RISING, EASED = 0.05, 0.6
"""What still gets better by more than this from look to look is no failure yet: its strength counts so much."""


@dataclass(frozen=True)
class Evidence:
    """A quantity over the run, and the limit that it crossed.

    Args:
        name: What is drawn, in words.
        points: (training samples seen, value), oldest first.
        limit: Where trouble begins, None where no line says it.
    """

    name: str
    points: tuple[tuple[float, float], ...]
    limit: float | None = None


@dataclass(frozen=True)
class Remedy:
    """A change of the recipe that may help.

    Args:
        why: What it does, in words.
        changes: Fields of the recipe with their new values, for ``recipe.changed(**changes)``.
        words: The same as options of ``belamy train``; empty where no option does it.
    """

    why: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Finding:
    """A failure that a sign sees.

    Args:
        title: Its name in words, short enough for the progress line.
        strength: How far the evidence goes; 1 is the limit, below which a finding is but a note.
        says: The figures against their limits, in one sentence.
        cause: Why runs do this, in one sentence.
        evidence: What to draw.
        prescription: Makes the remedies, which takes longer than finding out that they are not needed.
        specific: Whether it is a cause in itself and stands before mere symptoms.
        brings: Names of the signs of what follows from it.
        mild: Whether it is a warning at most, beyond its limit too.
        sign: The name of the sign; the diagnosis fills it in.
        since: Training samples after which it was first seen, as the journal says.
    """

    title: str
    strength: float
    says: str
    cause: str
    evidence: tuple[Evidence, ...] = ()
    prescription: Callable[[], tuple[Remedy, ...]] = field(default=tuple, compare=False)
    specific: bool = False
    brings: tuple[str, ...] = ()
    mild: bool = False
    sign: str = ""
    since: int | None = None

    @cached_property
    def remedies(self) -> tuple[Remedy, ...]:
        """Remedies, the most promising first."""
        return self.prescription()

    @property
    def severity(self) -> Severity:
        """Below the limit a note; beyond it severe, or a warning where it is mild."""
        return "note" if self.strength < 1 else "warning" if self.mild else "severe"

    def facts(self) -> dict[str, Any]:
        """Plain data, without remedies; of what is no failure yet no cause is claimed."""
        cause = self.cause if self.strength >= 1 else f"No failure yet. If it becomes one: {self.cause}"
        return {
            "sign": self.sign, "title": self.title, "severity": self.severity, "since": self.since,
            "strength": round(min(self.strength, 1e6), 3), "says": self.says, "cause": cause,
            "evidence": [asdict(each) for each in self.evidence],
        }  # fmt: skip


def ranked(findings: Sequence[Finding]) -> list[Finding]:
    """The gravest first, then what is mild or near its limit; among these causes before symptoms, then by strength.

    What is severe stands before what follows from it.
    """

    def rank(found: Finding) -> tuple[Any, ...]:
        grade = 2 if found.severity == "severe" else 1 if found.strength >= NEAR else 0
        return -grade, -found.specific, -found.strength, found.sign

    found = sorted(findings, key=rank)
    for cause in [each for each in found if each.brings and each.severity == "severe"]:
        place = found.index(cause)
        follows = [number for number, each in enumerate(found) if each.sign in cause.brings]
        found.insert(min([place, *follows]), found.pop(place))
    return found
