"""The parts of a report's page, each from the facts it shows; a part without facts is the empty string."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from belamy.runs.report.curves import charts, latest
from belamy.runs.report.facts import ReportFacts
from belamy.runs.report.plot import bar_chart
from belamy.runs.report.words import duration, found, rows, said

FILMSTRIP = 12  # sheets shown over time
ROUTINE = ("snapshot", "checkpoint", "evaluation", "best")  # events so frequent that they are folded away
MOST_EVENTS, MOST_SKIPPED = 200, 50
ENDINGS = {
    "finish": ("finished", "good"),
    "interrupt": ("interrupted", "warn"),
    "not-finite": ("stopped: not finite", "bad"),
}
CARD_SHOWN = (
    "name",
    "images",
    "shape",
    "classes",
    "label_counts",
    "attributes",
    "splits",
    "split_rule",
    "skipped",
    "notes",
)


def header(facts: ReportFacts) -> str:
    """What was trained on what, and how it ended."""
    ending, kind = _ending(facts)
    data = facts.data.get("name") or facts.recipe.get("data")
    trained = f"{_article(facts.method)} <b>{escape(facts.method)}</b> trained"
    on = f" on <b>{escape(str(data))}</b>" if data else ""
    notes = "".join(f"<li>{_prose(note)}</li>" for note in facts.notes)
    return (
        f'<header><p class="kicker">Belamy training report</p><h1>{escape(facts.recipe_name)}</h1>'
        f'<p class="lead">{trained}{on} <span class="status {kind}">{escape(ending)}</span></p>'
        f"{f'<ul class=notes>{notes}</ul>' if notes else ''}</header>"
    )


def progress(facts: ReportFacts) -> str:
    """The run in numbers."""
    entries = [(name, value) for name, value in _progress(facts) if value]
    if not entries:
        return ""
    cells = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in entries)
    return f'<dl class="numbers">{cells}</dl>'


def pictures(facts: ReportFacts) -> str:
    """The final samples and the film of the training."""
    final = facts.final_grid or (facts.snapshots[-1][1] if facts.snapshots else None)
    figures = []
    if final:
        when = f" after {facts.snapshots[-1][0]:,} training samples" if facts.snapshots else ""
        figures.append(_figure(_image(final, "image/png", facts.pictures_are), f"{facts.pictures_are}{when}"))
    if facts.animation:
        film = _film(facts.animation, facts.animation_mime, final)
        figures.append(_figure(film, "The same sheet from the first step to the last"))
    if not figures:
        return ""
    return _section("samples", "Samples", f'<div class="pair">{"".join(figures)}</div>')


def curves(facts: ReportFacts) -> str:
    """All charts."""
    drawn = charts(facts.metrics, facts.journal)
    if not drawn:
        return ""
    hint = "Faint lines are what was measured, strong lines their course. Point at a curve to read its values."
    figures = "".join(f"<figure>{chart}</figure>" for chart in drawn)
    return _section("curves", "Curves", f'<p class="hint">{hint}</p><div class="charts">{figures}</div>')


def filmstrip(facts: ReportFacts) -> str:
    """Sheets at chosen moments, closer together at the beginning, where most happens."""
    if len(facts.snapshots) < 2:
        return ""
    cells = []
    for index in chosen(len(facts.snapshots)):
        samples, png = facts.snapshots[index]
        picture = _image(png, "image/png", f"{facts.pictures_are} after {samples:,} training samples")
        cells.append(f'<figure><button type="button" class="look">{picture}</button>'
                     f"<figcaption>{samples:,}</figcaption></figure>")  # fmt: skip
    hint = "The same sheet, by training samples seen. Select a sheet to enlarge it; the arrow keys go on from there."
    strip = f'<div class="strip" tabindex="0">{"".join(cells)}</div>'
    return _section("time", "Over time", f'<p class="hint">{hint}</p>{strip}')


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


def recipe(facts: ReportFacts) -> str:
    """The settings, with those that differ from the named recipe marked."""
    if not facts.recipe:
        return ""
    values = rows(facts.recipe)
    defaults = None if facts.recipe_defaults is None else rows(facts.recipe_defaults)
    lines, changed = [], 0
    for name, value in values.items():
        before = said(value) if defaults is None else said(defaults.get(name))
        differs = said(value) != before
        changed += differs
        was = f'<span class="was">recipe: {_breakable(before)}</span>' if differs else ""
        lines.append(f'<tr{" class=changed" if differs else ""}><th scope="row">{_breakable(name)}</th>'
                     f"<td><code>{_breakable(said(value))}</code>{was}</td></tr>")  # fmt: skip
    hint = ""
    if defaults is not None:
        many = "1 setting differs" if changed == 1 else f"{changed} settings differ"
        hint = f'<p class="hint">{many if changed else "No setting differs"} from the named recipe.</p>'
    return _section("recipe", "Recipe", f"{hint}{_table(lines)}")


def networks(facts: ReportFacts) -> str:
    """Layer tables as text."""
    folds = "".join(
        f"<details{' open' if len(facts.tables) == 1 else ''}><summary>{escape(name)}</summary>"
        f'<pre tabindex="0">{escape(text.strip(chr(10)))}</pre></details>'
        for name, text in facts.tables.items()
    )
    return _section("networks", "Networks", folds) if folds else ""


def data(facts: ReportFacts) -> str:
    """The data card."""
    card = facts.data
    if not card:
        return ""
    shape = " × ".join(str(side) for side in card.get("shape") or ())
    classes, splits = card.get("classes") or (), card.get("splits") or {}
    shown: dict[str, Any] = {
        "name": card.get("name"),
        "images": card.get("images"),
        "shape": f"{shape} (channels × height × width)" if shape else None,
        "classes": f"{len(classes)}" if classes else "unlabelled",
        **{f"split “{name}”": size for name, size in splits.items()},
        "split rule": card.get("split_rule"),
        **{
            f"attribute “{name}”": ", ".join(map(str, values))
            for name, values in (card.get("attributes") or {}).items()
        },
        **{
            key.replace("_", " "): value for key, value in rows(card).items() if key.partition(".")[0] not in CARD_SHOWN
        },
    }
    lines = [_row(name, value) for name, value in shown.items() if value is not None]
    counts = card.get("label_counts") or {}
    bars = f"<figure>{bar_chart(counts, 'Classes', 'images')}</figure>" if counts else ""
    notes = "".join(f"<li>{_prose(str(note))}</li>" for note in card.get("notes") or ())
    body = f'<div class="pair wide">{_table(lines)}{bars}</div>'
    return _section("data", "Data", f"{body}{f'<ul class=notes>{notes}</ul>' if notes else ''}{_skipped(card)}")


def environment(facts: ReportFacts) -> str:
    """Where it ran, with what; of several sittings, what they share stands once and the rest side by side."""
    plain, tables = dict(facts.provenance), ""
    for name, value in facts.provenance.items():
        if isinstance(value, list) and value and all(isinstance(entry, Mapping) for entry in value):
            shared, columns = _parted(plain.pop(name))
            plain.update(shared)
            tables += _side_by_side(name, columns)
    lines = [_row(name.replace("_", " "), value) for name, value in rows(plain).items()]
    return _section("environment", "Environment", _table(lines) + tables) if facts.provenance else ""


def reproduce(facts: ReportFacts) -> str:
    """What to type."""
    blocks = "".join(
        f'<div class="copy"><pre tabindex="0">{escape(command)}</pre><button type="button" hidden>Copy</button></div>'
        for command in facts.commands
    )
    return _section("reproduce", "How to reproduce", blocks) if blocks else ""


def journal(facts: ReportFacts) -> str:
    """What happened; routine events folded away."""
    notable = [row for row in facts.journal if row.get("event") not in ROUTINE]
    if not facts.journal:
        return ""
    body = _events(notable)
    if len(notable) < len(facts.journal):
        body += f"<details><summary>All {len(facts.journal):,} events</summary>{_events(facts.journal)}</details>"
    return _section("journal", "Journal", body)


def _progress(facts: ReportFacts) -> Iterable[tuple[str, str | None]]:
    samples = max((int(row.get("samples", 0)) for row in [*facts.metrics, *facts.journal]), default=0)
    seconds = max((float(row.get("seconds", 0)) for row in facts.metrics), default=0.0)
    train = (facts.data.get("splits") or {}).get("train")
    yield "Samples seen", f"{samples:,}"
    yield "Passes over the data", _passes(samples / train) if train else None
    yield "Training time", duration(seconds) if seconds else None
    yield "Samples per second", f"{samples / seconds:,.0f}" if seconds else None
    yield "Device", found(facts.provenance, "device")
    yield "Seed", said(facts.recipe["seed"]) if "seed" in facts.recipe else None
    for name, value in latest(facts.metrics, "evaluation").items():
        yield f"Held-out {name}", value
    best = next((row for row in reversed(facts.journal) if row.get("event") == "best"), None)
    if best is not None:
        told = f"{float(best['value']):.4g} after {best['samples']:,} samples"
        yield f"Best {best['metric']}", told


def _passes(count: float) -> str:
    return f"{count:,.1f}" if count >= 1 else f"{count:.2g}"


def _ending(facts: ReportFacts) -> tuple[str, str]:
    for row in reversed(facts.journal):
        if row.get("event") in ENDINGS:
            return ENDINGS[row["event"]]
        if row.get("event") in ("start", "resume"):
            break
    return "not finished", "warn"


def _skipped(card: Mapping[str, Any]) -> str:
    skipped = card.get("skipped") or ()
    if not skipped:
        return ""
    lines = [_row(str(name), reason) for name, reason in skipped[:MOST_SKIPPED]]
    more = f"<p>… and {len(skipped) - MOST_SKIPPED:,} more.</p>" if len(skipped) > MOST_SKIPPED else ""
    files = "1 file was skipped" if len(skipped) == 1 else f"{len(skipped):,} files were skipped"
    return f"<details><summary>{files}</summary>{_table(lines)}{more}</details>"


def _events(events: Sequence[Mapping[str, Any]]) -> str:
    left_out = len(events) - MOST_EVENTS
    head = (
        '<thead><tr><th scope="col">Time</th><th scope="col">Event</th><th scope="col">Samples seen</th></tr></thead>'
    )
    lines = []
    for row in events[-MOST_EVENTS:]:
        more = {key: value for key, value in rows(row).items() if key not in ("event", "samples", "time")}
        detail = "; ".join(f"{key} {said(value)}" for key, value in more.items())
        when = str(row.get("time", "")).replace("T", " ").replace("+00:00", " UTC")
        lines.append(
            f"<tr><td>{escape(when)}</td><td><b>{escape(str(row.get('event', '')))}</b>"
            f"{f'<span class=was>{escape(detail)}</span>' if detail else ''}</td>"
            f'<td class="number">{escape(said(row.get("samples")))}</td></tr>'
        )
    note = f'<p class="hint">The first {left_out:,} are in journal.jsonl.</p>' if left_out > 0 else ""
    return f'{note}<div class="scroll"><table class="events">{head}<tbody>{"".join(lines)}</tbody></table></div>'


def _parted(entries: Sequence[Mapping[str, Any]]) -> tuple[dict[str, Any], dict[str, list[Any]]]:
    """What all the entries agree on, and by name what they do not."""
    names = dict.fromkeys(name for entry in entries for name in entry)
    columns = {name: [entry.get(name) for entry in entries] for name in names}
    shared = {name: values[0] for name, values in columns.items() if all(value == values[0] for value in values)}
    return shared, {name: values for name, values in columns.items() if name not in shared}


def _side_by_side(title: str, columns: Mapping[str, Sequence[Any]]) -> str:
    if not columns:
        return ""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in columns)
    lines = "".join(
        f"<tr>{''.join(f'<td>{_breakable(said(value))}</td>' for value in line)}</tr>"
        for line in zip(*columns.values(), strict=True)
    )
    return (
        f'<h3>{escape(title.capitalize())}</h3><div class="scroll"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{lines}</tbody></table></div>"
    )


def _section(name: str, title: str, body: str) -> str:
    return f'<section id="{name}"><h2>{title}</h2>{body}</section>'


def _table(lines: Sequence[str]) -> str:
    return f'<table class="facts"><tbody>{"".join(lines)}</tbody></table>'


def _row(name: str, value: Any) -> str:
    return f'<tr><th scope="row">{_breakable(name)}</th><td>{_breakable(said(value))}</td></tr>'


def _figure(content: str, caption: str) -> str:
    return f"<figure>{content}<figcaption>{escape(caption)}</figcaption></figure>"


def _image(data: bytes, mime: str, description: str) -> str:
    return f'<img src="{_source(data, mime)}" alt="{escape(description)}">'


def _film(data: bytes, mime: str, still: bytes | None) -> str:
    """A moving picture; who asked the system for less motion sees it stand."""
    if mime.startswith("video/"):
        return f'<video src="{_source(data, mime)}" autoplay loop muted playsinline controls></video>'
    film = _image(data, mime, "Animation of the training")
    if still is None:
        return film
    calm = f'<source media="(prefers-reduced-motion: reduce)" srcset="{_source(still, "image/png")}">'
    return f"<picture>{calm}{film}</picture>"


def _source(data: bytes, mime: str) -> str:
    return f"data:{escape(mime)};base64,{base64.b64encode(data).decode()}"


def _breakable(text: str) -> str:
    """Escaped, with places where a narrow column may break a long name or setting."""
    return re.sub("([_.,:/])", r"\1<wbr>", escape(text))


def _prose(text: str) -> str:
    """Escaped, with `commands` set as code."""
    return re.sub("`([^`]+)`", r"<code>\1</code>", escape(text))


def _article(noun: str) -> str:
    return "An" if noun[:1].lower() in "aeiou" else "A"
