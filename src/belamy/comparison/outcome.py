"""How a trial came out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from belamy.evaluation.card import Card

MERIT = "frechet"
"""The number that trials are compared by, where samples are judged; lower is better."""


@dataclass(frozen=True)
class Outcome:
    """The result of a trial.

    Args:
        key: The trial.
        variant: Its label.
        seed: Of the run.
        draw: Number of the hyper-parameter draw.
        varied: The hyper-parameters drawn.
        samples: Training samples seen.
        seconds: Time spent training.
        values: Numbers by name; empty if it failed.
        card: How the numbers came about; None if it failed.
        failure: Why it failed; None if it did not.
        place: Machine and process that did it.
        by: The number that trials are compared by.
    """

    key: str
    variant: str
    seed: int
    draw: int
    varied: Mapping[str, Any]
    samples: int
    seconds: float
    values: Mapping[str, float] = field(default_factory=dict)
    card: Mapping[str, Any] | None = None
    failure: str | None = None
    place: str = ""
    by: str = MERIT

    @property
    def merit(self) -> float:
        """The number that trials are compared by; infinite if the trial failed."""
        return float("inf") if self.failure is not None else float(self.values[self.by])

    @property
    def protocol(self) -> Card | None:
        """The card of its numbers."""
        return None if self.card is None else Card.parse(self.card)

    def as_json(self) -> dict[str, Any]:
        """The fields as plain data."""
        return asdict(self)

    @classmethod
    def parse(cls, facts: Mapping[str, Any]) -> Outcome:
        """An outcome from plain data; unknown facts of a newer version are left out."""
        known = {each.name: facts[each.name] for each in fields(cls) if each.name in facts}
        return cls(**{**known, "values": numbers(facts.get("values", {}))})


def numbers(values: Mapping[str, Any]) -> dict[str, float]:
    """Numbers by name as strict JSON holds them: an infinite one is a string there."""
    return {name: float(value) for name, value in values.items()}
