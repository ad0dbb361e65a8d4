"""What an evaluation found: numbers with their intervals and floor, their protocol, and what they do not mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from belamy.errors import BelamyError, DataError
from belamy.evaluation.card import Card
from belamy.evaluation.findings import Observations, sentences
from belamy.evaluation.measures import Measure, aligned, row
from belamy.modalities import spoken
from belamy.runs import files
from belamy.runs.strict_json import strict

FORMAT = 1
"""Version of the JSON; a newer one is refused with a clear message."""
KEPT = "evaluation.json"
"""The newest verdict on a run, in its directory."""


@dataclass(frozen=True)
class Verdict:
    """The outcome of an evaluation.

    Args:
        subject: Whose images were judged: ``name``, ``source``, ``format``, ``fingerprint`` and more.
        against: What they were compared with: ``name``, ``split``, ``rule`` and more.
        card: The protocol.
        measures: The numbers.
        notes: What they do not mean, in plain words.
        sheets: Pictures of what was judged and of real samples, uint8 ``[H, W, 3]``, by caption.
        figures: Pictures of the metrics, uint8 ``[H, W]`` or ``[H, W, 3]``, by title.
        command: What to type to do it again.
        copies: Share of the judged images that are, pixel for pixel, among the ``real`` ones compared with, and among
            those learned from (``train``).
        missing: Kinds of images that hardly ever come, though real ones do.
    """

    subject: Mapping[str, Any]
    against: Mapping[str, Any]
    card: Card
    measures: tuple[Measure, ...]
    notes: tuple[str, ...] = ()
    sheets: Mapping[str, np.ndarray] = field(default_factory=dict, repr=False)
    figures: Mapping[str, Tensor] = field(default_factory=dict, repr=False)
    command: str = ""
    copies: Mapping[str, float] = field(default_factory=dict)
    missing: tuple[str, ...] = ()

    @property
    def says(self) -> tuple[str, str]:
        """How far the images are from real ones, and what is wrong with them, in two sentences."""
        if not self.card.extractor:
            return (
                "No samples were judged: the method is measured by itself.",
                f"What it says of {self.card.n_real:,} held-out samples stands in the table.",
            )
        named = {measure.name: measure for measure in self.measures}
        far, wrong = sentences(Observations(self.card.n_generated, named, self.copies, self.missing))
        return spoken(far, self.kind), spoken(wrong, self.kind)

    @property
    def kind(self) -> str:
        """The modality of what was judged."""
        return str(self.subject.get("modality", "image"))

    @property
    def _said(self) -> list[str]:
        """The notes in the words of what was judged."""
        return [spoken(note, self.kind) for note in self.notes]

    @property
    def name(self) -> str:
        """Short name of what was evaluated."""
        return str(self.subject["name"])

    @property
    def values(self) -> dict[str, float]:
        """The numbers by name."""
        return {measure.name: measure.value for measure in self.measures}

    @property
    def controls(self) -> list[str]:
        """Names of the negative controls."""
        return list(dict.fromkeys(kind for measure in self.measures for kind in measure.controls))

    def __getitem__(self, name: str) -> float:
        return self.values[name]

    def table(self) -> str:
        """The numbers for people, with what must be known beside them."""
        lines = [f"{self.name} against {self.against['name']} ({self.against['split']})", *self.says, ""]
        real_baselines = any(measure.real_baseline is not None for measure in self.measures)
        kinds = self.controls
        head = (
            "measure",
            "value",
            "95 % interval",
            *((spoken("real images", self.kind), "95 % interval") if real_baselines else ()),
            *kinds,
            "",
        )
        lines += aligned([head, *(row(measure, real_baselines, kinds) for measure in self.measures)])
        lines += ["", str(self.card)]
        lines += [f"! {note}" for note in self._said]
        return "\n".join(lines)

    def as_json(self) -> dict[str, Any]:
        """The facts as plain data; a number that is not finite is a string."""
        facts: dict[str, Any] = strict({
            "format": FORMAT,
            "subject": dict(self.subject),
            "against": dict(self.against),
            "card": self.card.as_json(),
            "protocol": str(self.card),
            "says": list(self.says),
            "copies": dict(self.copies),
            "missing": list(self.missing),
            "measures": {measure.name: measure.as_json() for measure in self.measures},
            "notes": self._said,
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
            copies = {side: float(share) for side, share in facts.get("copies", {}).items()}
            return cls(
                subject, against, card, measures, tuple(facts["notes"]), command=str(facts["command"]), copies=copies,
                missing=tuple(facts.get("missing", ())),
            )  # fmt: skip
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

        return render(
            self.subject, self.against, self.card, self.measures, self.says, self._said, self.sheets, self.figures,
            self.command,
        )  # fmt: skip

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

        return summary(self.measures, self.says, self._said, str(self.card), self.kind)
