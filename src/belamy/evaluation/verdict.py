"""What an evaluation found: numbers with their intervals and floor, their protocol, and what they do not mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from belamy.errors import BelamyError, DataError
from belamy.evaluation.card import Card
from belamy.evaluation.panel import Judgement
from belamy.evaluation.statistics import Interval
from belamy.runs import files

FORMAT = 1
"""Version of the JSON; a newer one is refused with a clear message."""
OF_REAL = ("-real", "-held-out")
"""How the names end of what a metric tells of real images."""
KEPT = "evaluation.json"
"""The newest verdict on a run, in its directory."""


@dataclass(frozen=True)
class Measure:
    """A number with what is needed to read it.

    Args:
        name: What it is called.
        value: The number.
        interval: Its interval of 95 %, None where there is no honest one.
        real_baseline: What real images are told by the same measure, None where that is not known.
        real_baseline_interval: The interval of that.
        metric: The metric that it is of.
        controls: What is told of images that must not do well, by what they are: ``noise``, ``copies``.
    """

    name: str
    value: float
    interval: Interval | None = None
    real_baseline: float | None = None
    real_baseline_interval: Interval | None = None
    metric: str = ""
    controls: Mapping[str, float] = field(default_factory=dict)

    @property
    def of_real(self) -> bool:
        """Whether it is a number of the real images themselves, which metrics give for comparison."""
        return self.name.endswith(OF_REAL)

    @property
    def like_real(self) -> bool:
        """Whether it cannot be told from what real images are told: the intervals overlap."""
        return not self.of_real and overlap(self.interval, self.real_baseline_interval)

    def as_json(self) -> dict[str, Any]:
        """The facts as plain data."""
        return {
            "metric": self.metric,
            **_numbers(self.value, self.interval),
            "floor": None if self.real_baseline is None else _numbers(self.real_baseline, self.real_baseline_interval),
            "controls": dict(self.controls),
        }

    @classmethod
    def parse(cls, name: str, facts: Mapping[str, Any]) -> Measure:
        """A measure from plain data."""
        value, interval = _read(facts)
        real_baseline, real_baseline_interval = (None, None) if facts.get("floor") is None else _read(facts["floor"])
        controls = {kind: float(told) for kind, told in facts.get("controls", {}).items()}
        return cls(name, value, interval, real_baseline, real_baseline_interval, str(facts.get("metric", "")), controls)


@dataclass(frozen=True)
class Verdict:
    """The outcome of an evaluation.

    Args:
        subject: Whose images were judged: ``name``, ``source``, ``format``, ``fingerprint`` and more.
        against: What they were compared with: ``name``, ``split``, ``rule`` and more.
        card: The protocol.
        measures: The numbers.
        notes: What they do not mean, in plain words.
        sheets: Images that were judged and real ones, uint8 ``[n, C, H, W]``, by caption.
        figures: Pictures of the metrics, uint8 ``[H, W]`` or ``[H, W, 3]``, by title.
        command: What to type to do it again.
    """

    subject: Mapping[str, Any]
    against: Mapping[str, Any]
    card: Card
    measures: tuple[Measure, ...]
    notes: tuple[str, ...] = ()
    sheets: Mapping[str, Tensor] = field(default_factory=dict, repr=False)
    figures: Mapping[str, Tensor] = field(default_factory=dict, repr=False)
    command: str = ""

    @property
    def name(self) -> str:
        """What was judged, in a word."""
        return str(self.subject["name"])

    @property
    def values(self) -> dict[str, float]:
        """The numbers by name."""
        return {measure.name: measure.value for measure in self.measures}

    @property
    def controls(self) -> list[str]:
        """What was judged that must not do well."""
        return list(dict.fromkeys(kind for measure in self.measures for kind in measure.controls))

    def __getitem__(self, name: str) -> float:
        return self.values[name]

    def table(self) -> str:
        """The numbers for people, with what must be known beside them."""
        lines = [f"{self.name} against {self.against['name']} ({self.against['split']})", ""]
        real_baselines = any(measure.real_baseline is not None for measure in self.measures)
        kinds = self.controls
        head = (
            "measure",
            "value",
            "95 % interval",
            *(("real images", "95 % interval") if real_baselines else ()),
            *kinds,
            "",
        )
        lines += aligned([head, *(row(measure, real_baselines, kinds) for measure in self.measures)])
        lines += ["", str(self.card)]
        lines += [f"! {note}" for note in self.notes]
        return "\n".join(lines)

    def as_json(self) -> dict[str, Any]:
        """The facts as plain data; a number that is not finite is a string."""
        facts: dict[str, Any] = files.strict({
            "format": FORMAT,
            "subject": dict(self.subject),
            "against": dict(self.against),
            "card": self.card.as_json(),
            "protocol": str(self.card),
            "measures": {measure.name: measure.as_json() for measure in self.measures},
            "notes": list(self.notes),
            "command": self.command,
        })  # fmt: skip
        return facts

    @classmethod
    def parse(cls, facts: Mapping[str, Any]) -> Verdict:
        """A verdict from plain data, without its pictures.

        Raises:
            DataError: They are no verdict, or of a newer version.
        """
        version = facts.get("format")
        if isinstance(version, int) and version > FORMAT:
            raise DataError(
                f"it was written by a newer Belamy (format {version}; this one knows {FORMAT}). Upgrade it."
            )
        try:
            measures = tuple(Measure.parse(name, each) for name, each in facts["measures"].items())
            subject, against = dict(facts["subject"]), dict(facts["against"])
            _ = subject["name"], against["name"], against["split"]
            card = Card.parse(facts["card"])
            return cls(subject, against, card, measures, tuple(facts["notes"]), command=str(facts["command"]))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DataError(f"it is no result of `belamy evaluate --json` ({error} is missing or wrong).") from None

    @classmethod
    def load(cls, path: str | Path) -> Verdict:
        """The verdict that ``belamy evaluate`` wrote to a file, or into a run's directory.

        Raises:
            DataError: There is none.
        """
        path = Path(path).expanduser()
        if path.is_dir():
            if not (path / KEPT).is_file():
                raise DataError(f"{path} holds no evaluation. Make one: belamy evaluate {path}")
            path = path / KEPT
        if not path.is_file():
            raise DataError(f"There is no file {path}. Make one: belamy evaluate RUN --json {path}")
        try:
            facts = files.read_json(path)
            if not isinstance(facts, dict):
                raise DataError("it holds no object.")
            return cls.parse(facts)
        except DataError as error:
            raise DataError(f"{path} cannot be compared: {error}") from None
        except BelamyError as error:
            raise DataError(str(error).partition(": it was cut")[0] + ".") from None

    def page(self) -> str:
        """One self-contained HTML page."""
        from belamy.evaluation.page import render

        return render(self)

    def save(self, path: str | Path) -> Path:
        """Write the page, or with the ending ``.json`` the facts, to a file."""
        path = Path(path).expanduser()
        if path.suffix.lower() == ".json":
            files.write_json(path, self.as_json())
        else:
            files.write_bytes(path, self.page().encode())
        return path

    def _repr_html_(self) -> str:
        from belamy.evaluation.page import summary

        return summary(self)


def measures(
    found: Judgement, real_baseline: Judgement | None, controls: Mapping[str, Judgement] | None = None
) -> tuple[Measure, ...]:
    """The numbers of a judgement beside those of the floor and of controls."""
    values = {} if real_baseline is None else real_baseline.values
    intervals = {} if real_baseline is None else real_baseline.intervals
    return tuple(
        Measure(
            name, value, found.intervals.get(name), values.get(name), intervals.get(name), found.origins.get(name, ""),
            {kind: each.values[name] for kind, each in (controls or {}).items() if name in each.values},
        )
        for name, value in found.values.items()
    )  # fmt: skip


def overlap(a: Interval | None, b: Interval | None) -> bool:
    """Whether two intervals have a number in common; nothing is known of what has none."""
    return a is not None and b is not None and a.low <= b.high and b.low <= a.high


def row(measure: Measure, real_baselines: bool = True, controls: Sequence[str] = ()) -> tuple[str, ...]:
    """The cells of a measure, with or without those of the floor and of controls."""
    cells = [measure.name, number(measure.value), span(measure.interval)]
    if real_baselines:
        cells += [
            "–" if measure.real_baseline is None else number(measure.real_baseline),
            span(measure.real_baseline_interval),
        ]
    cells += [number(measure.controls[kind]) if kind in measure.controls else "–" for kind in controls]
    return *cells, "not told from real" if measure.like_real else ""


def number(value: float) -> str:
    """Four significant digits, and all of them before the point.

    Example:
        >>> number(0.123456), number(12345.6), number(20)
        ('0.1235', '12,346', '20')
    """
    return f"{value:,.0f}" if 1e3 <= abs(value) < 1e15 else f"{value:.4g}"


def span(interval: Interval | None) -> str:
    """An interval in words."""
    return "–" if interval is None else f"{number(interval.low)} … {number(interval.high)}"


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """A table of text: the first column to the left, the others to the right, words in the last to the left."""
    widths = [max(len(cells[column]) for cells in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(
            cell.ljust(width) if column in (0, len(cells) - 1) else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ).rstrip()
        for cells in rows
    ]


def _numbers(value: float, interval: Interval | None) -> dict[str, Any]:
    low, high = (None, None) if interval is None else (interval.low, interval.high)
    return {"value": value, "low": low, "high": high}


def _read(facts: Mapping[str, Any]) -> tuple[float, Interval | None]:
    value, low, high = float(facts["value"]), facts.get("low"), facts.get("high")
    return value, None if low is None or high is None else Interval(value, float(low), float(high))
