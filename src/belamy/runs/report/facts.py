"""What a report is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from belamy.modalities.fields import Media


@dataclass(frozen=True)
class ReportFacts:
    """Everything that a report shows; whatever is absent is left out of the page.

    Args:
        recipe_name: The name that was trained, as typed.
        method: The method's name.
        recipe: The recipe's fields, as JSON.
        recipe_defaults: The same fields as the named recipe has them; what differs is marked.
        provenance: Versions, hardware, command, seed, git state; dictionaries may be nested.
        data: The data card (:meth:`belamy.data.Dataset.card`).
        metrics: Rows of ``metrics.jsonl``.
        journal: Rows of ``journal.jsonl``.
        snapshots: (training samples seen, PNG) of each sheet, oldest first.
        pictures_are: What a sheet shows, such as "Images above their reconstructions".
        real: PNG of real samples.
        samples_are: What real samples are called.
        animation: The film of the training: an animated WebP or GIF.
        media: What is heard, read or played of the newest samples.
        tables: Layer table of each network, as text.
        commands: What to type to do it again, in order.
        notes: What a reader must know first, one sentence each.
        findings: What the watch found, as ``diagnosis.json`` holds it.
        run: The run's directory, for the commands of findings.
    """

    recipe_name: str
    method: str
    recipe: Mapping[str, Any] = field(default_factory=dict)
    recipe_defaults: Mapping[str, Any] | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    metrics: Sequence[Mapping[str, Any]] = ()
    journal: Sequence[Mapping[str, Any]] = ()
    snapshots: Sequence[tuple[int, bytes]] = ()
    pictures_are: str = "Samples"
    real: bytes | None = None
    samples_are: str = "images"
    animation: bytes | None = None
    media: Sequence[Media] = ()
    tables: Mapping[str, str] = field(default_factory=dict)
    commands: Sequence[str] = ()
    notes: Sequence[str] = ()
    findings: Sequence[Mapping[str, Any]] = ()
    run: str = "RUN"
