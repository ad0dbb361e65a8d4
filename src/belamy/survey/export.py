"""Answers for other programs."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict
from typing import Any

from belamy.survey.response import right_answer
from belamy.survey.store import Store

COLUMNS = (
    "participant", "place", "role", "left_source", "left_number", "right_source", "right_number", "answer", "right",
    "correct", "latency_ms", "exposure_ms", "shown_ms", "frame_ms", "views", "hidden", "received",
)  # fmt: skip


def rows(store: Store) -> list[dict[str, Any]]:
    """One row for each answer; a single stimulus stands left."""
    design, made = store.design, []
    for each in store.judgements():
        right = right_answer(design, each.role, each.stimuli)
        accepted = ("1", "2") if design.kind == "mos" else (right,)
        shown: list[Any] = []
        for source, number, role in each.stimuli:
            shown += [f"{design.sources[source]}{' (broken)' if role == 'catch' else ''}", number]
        values = (
            each.participant, each.place + 1, each.role, *shown, *[None] * (4 - len(shown)), each.reply.answer, right,
            None if right is None else each.reply.answer in accepted, each.reply.latency, each.exposure,
            each.reply.shown, each.reply.frame, each.views, each.reply.hidden, each.received,
        )  # fmt: skip
        made.append(dict(zip(COLUMNS, values, strict=True)))
    return made


def as_csv(store: Store) -> str:
    """A table with a heading. A text that a spreadsheet would take for a formula gets an apostrophe before it."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for row in rows(store):
        writer.writerow({name: _harmless(value) for name, value in row.items()})
    return buffer.getvalue()


def as_json(store: Store) -> dict[str, Any]:
    """The plan, how far each participant is (without their links), and all answers."""
    people = [{key: value for key, value in each.items() if key != "token"} for each in store.progress()]
    return {"design": asdict(store.design), "participants": people, "answers": rows(store)}


def _harmless(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@") else value
