"""What a report shows, from the facts of a run; a section without facts is left out."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from belamy.pages import page
from belamy.pages.charts import bar_chart, line_chart
from belamy.pages.pictures import encoded
from belamy.pages.words import found, rows, said
from belamy.progress import duration
from belamy.runs.report.curves import charts, latest
from belamy.runs.report.facts import ReportFacts

FILMSTRIP = 12  # sheets shown over time
STRIP_BUDGET, STRIP_SIDE = 60_000, 800  # bytes and pixels of each of them
ROUTINE = ("snapshot", "checkpoint", "evaluation", "best")  # events so frequent that they are folded away
MOST_EVENTS, MOST_SKIPPED, MOST_REMEDIES = 200, 50, 5
ENDINGS = {
    "finish": ("finished", "good"),
    "interrupt": ("interrupted", "warn"),
    "not-finite": ("stopped: not finite", "bad"),
}
KINDS = {"severe": "bad", "warning": "warn", "note": "good"}
CARD_SHOWN = (
    "name", "images", "shape", "classes", "label_counts", "attributes", "splits", "split_rule", "skipped", "notes"
)  # fmt: skip


def render(facts: ReportFacts) -> str:
    """A run as one self-contained HTML page, for light and dark, wide and narrow, with and without script.

    Example:
        >>> render(ReportFacts("digits", "gan"))[:15]
        '<!doctype html>'
    """
    data_name = str(facts.data.get("name") or facts.recipe.get("data") or "")
    heading = data_name.replace("\\", "/").rstrip("/").rpartition("/")[2] or facts.recipe_name
    events = [_event(row) for row in facts.journal]
    return page(
        "report", heading, recipe_name=facts.recipe_name, method=facts.method, data_name=data_name,
        article="An" if facts.method[:1].lower() in "aeiou" else "A", notes=facts.notes, ending=_ending(facts),
        progress=_progress(facts), findings=[_finding(found, facts.run) for found in facts.findings],
        curves=charts(facts.metrics, facts.journal, facts.samples_are), media=facts.media,
        samples_are=facts.samples_are,
        tables={name: text.strip("\n") for name, text in facts.tables.items()},
        commands=facts.commands, journal=events, most_events=MOST_EVENTS,
        notable=[event for event in events if event[1] not in ROUTINE],
        **_pictures(facts), **_recipe(facts), **_data(facts.data, facts.samples_are), **_environment(facts.provenance),
    )  # fmt: skip


def command(run: str, options: Sequence[str], anew: bool = False) -> str:
    """What to type to train on from a run with other options, or its recipe anew; empty where there are none.

    Example:
        >>> command("runs/first", ["--discriminator.dropout", "0.6"])
        'belamy train --resume-from runs/first --discriminator.dropout 0.6'
    """
    words = ["belamy", "train", "--like" if anew else "--resume-from", run, *options]
    return " ".join(map(shlex.quote, words)) if options else ""


def chosen(count: int, most: int = FILMSTRIP) -> list[int]:
    """Which of ``count`` moments to show: the first, the last, and between them ever wider steps.

    Example:
        >>> chosen(5), chosen(100)
        ([0, 1, 2, 3, 4], [0, 1, 2, 3, 5, 8, 12, 19, 29, 44, 66, 99])
    """
    if count <= most:
        return list(range(count))
    kept, remaining = [0], most - 1
    while remaining:
        ratio = (count / (kept[-1] + 1)) ** (1 / remaining)
        kept.append(max(kept[-1] + 1, round((kept[-1] + 1) * ratio) - 1))
        remaining -= 1
    return kept


def _pictures(facts: ReportFacts) -> dict[str, Any]:
    """Real and final pictures, the film, and sheets at chosen moments, closer together where most happens."""
    samples, final = facts.snapshots[-1] if facts.snapshots else (0, None)
    shown = [facts.snapshots[index] for index in chosen(len(facts.snapshots))] if len(facts.snapshots) > 1 else []
    return {
        "real": facts.real, "final": final, "moving": facts.animation, "pictures_are": facts.pictures_are,
        "final_caption": f"{facts.pictures_are} after {samples:,} training samples",
        "strip": [(f"{samples:,}", encoded(png, STRIP_BUDGET, STRIP_SIDE)) for samples, png in shown],
    }  # fmt: skip


def _finding(found: Mapping[str, Any], run: str) -> dict[str, Any]:
    severity, since = str(found.get("severity", "note")), found.get("since")
    first = f"First seen after {since:,} training samples." if isinstance(since, int) else ""
    drawn = []
    for each in found.get("evidence") or ():
        name, points, limit = str(each.get("name", "")), each.get("points") or (), each.get("limit")
        series = {name: [(float(x), float(y)) for x, y in points]}
        if limit is not None and points:
            series["limit"] = [(series[name][0][0], float(limit)), (series[name][-1][0], float(limit))]
        drawn.append(line_chart(series, name, "training samples seen", "", None))
    remedies = [
        (str(each.get("why", "")), command(run, list(map(str, each.get("options") or ())), bool(each.get("anew"))))
        for each in (found.get("remedies") or ())[:MOST_REMEDIES]
    ]
    return {
        "title": str(found.get("title", found.get("sign", ""))), "severity": severity,
        "kind": KINDS.get(severity, "warn"), "charts": drawn, "remedies": remedies,
        "says": " ".join(filter(None, (str(found.get("says", "")), str(found.get("cause", "")), first))),
    }  # fmt: skip


def _recipe(facts: ReportFacts) -> dict[str, Any]:
    """The settings, with those that differ from the named recipe marked."""
    values, usual = (rows({name: _as_typed(value) for name, value in (recipe or {}).items()})
                     for recipe in (facts.recipe, facts.recipe_defaults))  # fmt: skip
    known = facts.recipe_defaults is not None
    lines = []
    for name, value in values.items():
        now, before = said(value), said(usual.get(name)) if known else said(value)
        lines.append((name, now, before if now != before else None))
    changed = sum(was is not None for *_, was in lines)
    many = "1 setting differs" if changed == 1 else f"{changed} settings differ" if changed else "No setting differs"
    return {"recipe": lines, "differing": f"{many} from the named recipe." if known else ""}


def _as_typed(value: Any) -> Any:
    """Several parts as they are typed; anything else as it is."""
    several = isinstance(value, list) and any(isinstance(each, dict) and "name" in each for each in value)
    return " ".join(map(typed, value)) if several else value


def typed(value: Any) -> str:
    """A value as it is typed: a part with its options, the members of a tuple with an x between.

    Example:
        >>> typed({"name": "r1", "weight": 5})
        'r1:weight=5'
    """
    if isinstance(value, dict):
        options = ",".join(f"{key}={typed(setting)}" for key, setting in value.items() if key != "name")
        return f"{value['name']}:{options}"
    return "x".join(map(str, value)) if isinstance(value, list) else str(value)


def _data(card: Mapping[str, Any], samples_are: str) -> dict[str, Any]:
    """The data card; its key ``images`` counts samples of any kind."""
    shape = " × ".join(str(side) for side in card.get("shape") or ())
    classes, skipped, counts = card.get("classes") or (), card.get("skipped") or (), card.get("label_counts") or {}
    shown: dict[str, Any] = {
        "name": card.get("name"),
        samples_are: card.get("images"),
        "shape": f"{shape}{' (channels × height × width)' * (samples_are == 'images')}" if shape else None,
        "classes": f"{len(classes)}" if classes else "unlabelled",
        **{f"split “{name}”": size for name, size in (card.get("splits") or {}).items()},
        "split rule": card.get("split_rule"),
        **{f"attribute “{name}”": ", ".join(map(str, of)) for name, of in (card.get("attributes") or {}).items()},
        **{key.replace("_", " "): value for key, value in rows(card).items()
           if key.partition(".")[0] not in CARD_SHOWN},
    }  # fmt: skip
    return {
        "data": {name: value for name, value in shown.items() if value is not None} if card else {},
        "classes": bar_chart(counts, "Classes", samples_are) if counts else None,
        "data_notes": [str(note) for note in card.get("notes") or ()],
        "skipped": {str(name): reason for name, reason in skipped[:MOST_SKIPPED]},
        "skipped_heading": "1 file was skipped" if len(skipped) == 1 else f"{len(skipped):,} files were skipped",
        "skipped_more": f"{len(skipped) - MOST_SKIPPED:,}" if len(skipped) > MOST_SKIPPED else "",
    }


def _environment(provenance: Mapping[str, Any]) -> dict[str, Any]:
    """Where it ran, with what; of several sittings, what they share stands once and the rest side by side."""
    plain, tables = dict(provenance), []
    for title, entries in provenance.items():
        if isinstance(entries, list) and entries and all(isinstance(entry, Mapping) for entry in entries):
            names = dict.fromkeys(name for entry in entries for name in entry)
            columns = {name: [entry.get(name) for entry in entries] for name in names}
            shared = {name: cells[0] for name, cells in columns.items() if all(cell == cells[0] for cell in cells)}
            plain.pop(title)
            plain.update(shared)
            apart = [name for name in columns if name not in shared]
            if apart:
                lines = [[said(cell) for cell in line] for line in zip(*(columns[name] for name in apart), strict=True)]
                tables.append((title.capitalize(), apart, lines))
    return {
        "environment": {name.replace("_", " "): value for name, value in rows(plain).items()}, "sittings": tables
    }  # fmt: skip


def _progress(facts: ReportFacts) -> dict[str, str]:
    """The run in numbers."""
    samples = max((int(row.get("samples", 0)) for row in [*facts.metrics, *facts.journal]), default=0)
    seconds = max((float(row.get("seconds", 0)) for row in facts.metrics), default=0.0)
    train = (facts.data.get("splits") or {}).get("train")
    passes = samples / train if train else 0.0
    told = {
        "Samples seen": f"{samples:,}" if samples or facts.metrics or facts.journal else "",
        "Passes over the data": f"{passes:,.1f}" if passes >= 1 else f"{passes:.2g}" if train else "",
        "Training time": duration(seconds) if seconds else "",
        "Samples per second": f"{samples / seconds:,.0f}" if seconds else "",
        "Device": found(facts.provenance, "device") or "",
        "Seed": said(facts.recipe["seed"]) if "seed" in facts.recipe else "",
        **{f"Held-out {name}": value for name, value in latest(facts.metrics, "evaluation").items()},
    }
    best = next((row for row in reversed(facts.journal) if row.get("event") == "best"), None)
    if best is not None:
        told[f"Best {best['metric']}"] = f"{float(best['value']):.4g} after {best['samples']:,} samples"
    return {name: value for name, value in told.items() if value}


def _ending(facts: ReportFacts) -> tuple[str, str]:
    for row in reversed(facts.journal):
        if row.get("event") in ENDINGS:
            return ENDINGS[row["event"]]
        if row.get("event") in ("start", "resume"):
            break
    return "not finished", "warn"


def _event(row: Mapping[str, Any]) -> tuple[str, str, str, str]:
    """Time, name, details and samples seen of an event."""
    more = {key: value for key, value in rows(row).items() if key not in ("event", "samples", "time")}
    detail = "; ".join(f"{key} {said(value)}" for key, value in more.items())
    when = str(row.get("time", "")).replace("T", " ").replace("+00:00", " UTC")
    return when, str(row.get("event", "")), detail, said(row.get("samples"))
