"""Verdicts side by side: in one table where their protocol is the same, and apart, with the differences, where not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from belamy.errors import UsageError
from belamy.evaluation.card import REMEDIES, Card
from belamy.evaluation.measures import Measure, aligned, number, overlap, span
from belamy.evaluation.verdict import Verdict

FINGERPRINT = 64
"""Letters of a SHA-256."""


@dataclass(frozen=True)
class Contrast:
    """Several verdicts.

    Args:
        verdicts: At least two.
    """

    verdicts: tuple[Verdict, ...]

    def __post_init__(self) -> None:
        if len(self.verdicts) < 2:
            raise UsageError("Name at least two results of `belamy evaluate --json` to compare.")

    @property
    def names(self) -> list[str]:
        """What each is called: its name, with a number where two have the same."""
        plain = [verdict.name for verdict in self.verdicts]
        return [f"{name} ({at + 1})" if plain.count(name) > 1 else name for at, name in enumerate(plain)]

    @property
    def differing(self) -> dict[str, list[Any]]:
        """The fields of the protocol that are not the same in all, with the value in each."""
        cards = [verdict.card for verdict in self.verdicts]
        fields = dict.fromkeys(name for each in cards[1:] for name in cards[0].differences(each) if name != "metrics")
        found: dict[str, list[Any]] = {name: [getattr(each, name) for each in cards] for name in fields}
        return found | {f"metric {name}": [each.metrics.get(name, "–") for each in cards] for name in moved(cards)}

    def check(self) -> None:
        """Refuse numbers of different protocols.

        Raises:
            UsageError: They are; the message names the fields and how to make them the same.
        """
        if not self.differing:
            return
        told = "; ".join(
            f"{name} ({' against '.join(dict.fromkeys(map(_said, values)))})" for name, values in self.differing.items()
        )
        options = dict.fromkeys(remedy for name in self.differing if (remedy := REMEDIES.get(name.split()[0])))
        again = f" Evaluate them again with the same {', '.join(options)}" if options else " Evaluate them alike"
        raise UsageError(
            f"These numbers came about differently and cannot be compared: {told}.{again}, or type --label to see "
            "them apart."
        )

    def table(self) -> str:
        """The numbers for people, one column for each verdict."""
        if self.differing:
            return self._apart()
        lines = aligned([("measure", *self.names, "real images", ""), *self._rows()])
        return "\n".join([*lines, "", *self.same(), "", str(self.verdicts[0].card), *self._drift()])

    def same(self) -> list[str]:
        """Which are not significantly different by which measure: the intervals of 95 % overlap."""
        if not self.shared:
            return ["No measure is in all of them, so nothing is compared. Evaluate them by the same --metrics."]
        said, compared = [], False
        for name in self.shared:
            found = [next(each for each in verdict.measures if each.name == name) for verdict in self.verdicts]
            pairs = [
                (a, b)
                for a, b in combinations(range(len(found)), 2)
                if not found[a].of_real and found[a].interval and found[b].interval
            ]
            compared = compared or bool(pairs)
            alike = [
                f"{self.names[a]} and {self.names[b]}"
                for a, b in pairs
                if overlap(found[a].interval, found[b].interval)
            ]
            if alike:
                said.append(f"{name}: {', '.join(alike)} are not significantly different.")
        return said or (["All intervals lie apart: every difference is significant."] if compared else [])

    @property
    def shared(self) -> list[str]:
        """Names of the measures that all have."""
        others = [verdict.values.keys() for verdict in self.verdicts[1:]]
        return [name for name in self.verdicts[0].values if all(name in each for each in others)]

    def as_json(self) -> dict[str, Any]:
        """The facts as plain data."""
        return {
            "comparable": not self.differing,
            "differing": {name: dict(zip(self.names, values, strict=True)) for name, values in self.differing.items()},
            "same": [] if self.differing else self.same(),
            "verdicts": dict(zip(self.names, (verdict.as_json() for verdict in self.verdicts), strict=True)),
        }

    def _rows(self) -> list[tuple[str, ...]]:
        names = dict.fromkeys(name for verdict in self.verdicts for name in verdict.values)
        rows = []
        for name in names:
            found = [next((each for each in verdict.measures if each.name == name), None) for verdict in self.verdicts]
            cells = ["–" if each is None else _with_interval(each) for each in found]
            real_baselines = [
                each.real_baseline for each in found if each is not None and each.real_baseline is not None
            ]
            intervals = [each.interval if each else None for each in found]
            told = not any(each.of_real for each in found if each is not None)
            alike = told and all(overlap(a, b) for a, b in combinations(intervals, 2))
            rows.append(
                (
                    name,
                    *cells,
                    number(real_baselines[0]) if real_baselines else "–",
                    "not significantly different" if alike else "",
                )
            )
        return rows

    def _apart(self) -> str:
        lines = ["These numbers came about differently: they are shown apart and do not rank.", ""]
        lines += aligned([
            ("differs in", *self.names, ""),
            *((name, *map(_said, values), "") for name, values in self.differing.items()),
        ])  # fmt: skip
        for name, verdict in zip(self.names, self.verdicts, strict=True):
            lines += ["", f"{name}:", *("  " + line for line in verdict.table().splitlines()[2:])]
        return "\n".join(lines)

    def _drift(self) -> list[str]:
        """A word on packages that differ, which may move the last digits."""
        versions = [verdict.card.versions for verdict in self.verdicts]
        moved = sorted({name for each in versions for name in each if len({str(v.get(name)) for v in versions}) > 1})
        return [f"! Computed by different versions of {', '.join(moved)}: the last digits may differ."] if moved else []


def moved(cards: Sequence[Card]) -> list[str]:
    """Metrics whose options are not the same wherever they were computed."""
    names = dict.fromkeys(name for each in cards for name in each.metrics)
    return [name for name in names if len({each.metrics[name] for each in cards if name in each.metrics}) > 1]


def _with_interval(measure: Measure) -> str:
    interval = f" ({span(measure.interval)})" if measure.interval else ""
    return f"{number(measure.value)}{interval}"


def _said(value: Any) -> str:
    """A value in a word; of a fingerprint, its beginning."""
    text = f"{value:,}" if isinstance(value, int) else str(value) or "none"
    return text[:12] if len(text) == FINGERPRINT else text
