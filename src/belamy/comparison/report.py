"""The report of a comparison: ``comparison.json`` and one HTML page with everything in it."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files as resources
from math import isfinite
from pathlib import Path
from typing import Any

from belamy.comparison.boxes import box_chart
from belamy.comparison.ledger import Ledger
from belamy.comparison.outcome import Outcome, numbers
from belamy.comparison.plan import Plan
from belamy.comparison.summary import summary
from belamy.comparison.trial import run_folder
from belamy.errors import BelamyError
from belamy.progress import duration
from belamy.runs import files
from belamy.runs.report.plot import line_chart
from belamy.runs.report.scales import short
from belamy.runs.run import Run

POOR = 0.8
CEILING = "label-fidelity-real"
"""The judge's own accuracy on the images that it did not learn from."""
STYLE = """
.box, .chart line.line { stroke-width: 1.5; } .chart .failed { fill: var(--bad); }
.table td, .table th { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
.table th:first-child { text-align: left; white-space: normal; min-width: 11em; color: var(--ink); }
.table td:last-child, .table th:last-child { padding-right: 4px; }
.sure { font-weight: 600; } .range { color: var(--faint); font-size: .8rem; }
.sheets { display: grid; gap: 24px; grid-template-columns: repeat(auto-fill, minmax(260px, 1fr)); }
"""


def publish(folder: Path, plan: Plan, ledger: Ledger) -> Path:
    """Write both files anew from what is done, and return the page."""
    outcomes = ledger.outcomes(plan.trials())
    real_baseline = (
        numbers(files.read_json(folder / "floor.json")["values"]) if (folder / "floor.json").is_file() else {}
    )
    facts = summary(plan, outcomes, real_baseline)
    files.write_json(folder / "comparison.json", facts)
    page = folder / "comparison.html"
    files.write_bytes(page, render(facts, sheets(folder, plan, outcomes), str(folder)).encode())
    return page


def render(facts: Mapping[str, Any], pictures: Mapping[str, bytes], folder: str) -> str:
    """A comparison as one self-contained HTML page without script.

    Args:
        facts: What :func:`summary` found.
        pictures: PNG of a sheet of samples, by variant.
        folder: The comparison's folder, as it was typed.
    """
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    style = resources("belamy.runs.report").joinpath("style.css").read_text(encoding="utf-8") + STYLE
    parts = [head(facts), distributions(facts), chances(facts), places(facts), budget(facts), samples(pictures),
             failures(facts), protocol(facts, folder)]  # fmt: skip
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Comparison · Belamy</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<style>{style}</style></head><body><main>{''.join(parts)}</main></body></html>\n"
    )


def head(facts: Mapping[str, Any]) -> str:
    """What was compared, how far it is and what it says."""
    plan = facts["plan"]
    each = f"{plan['samples']:,} training samples" if plan["samples"] else f"{plan['seconds']:g} s of training"
    state = "done" if facts["done"] == facts["planned"] else f"{facts['done']} of {facts['planned']} trials done"
    kind = "good" if state == "done" else "warn"
    numbers = {
        "recipes": len(plan["variants"]), "seeds": plan["seeds"], "draws": plan["draws"], "each trial": each,
        "failed": facts["failed"], "samples judged": f"{plan['judged']:,}",
    }  # fmt: skip
    cells = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in numbers.items())
    notes = "".join(f"<li>{escape(note)}</li>" for note in warnings(facts))
    return (
        f'<header><p class="kicker">Comparison</p><h1>{len(plan["variants"])} recipes, {plan["seeds"]} seeds'
        f'<span class="status {kind}">{state}</span></h1><p class="lead">{escape(verdict(facts))}</p>'
        f'{f"""<ul class="notes">{notes}</ul>""" if notes else ""}<dl class="numbers">{cells}</dl></header>'
    )


def verdict(facts: Mapping[str, Any]) -> str:
    """The outcome in two sentences, no stronger than the trials are."""
    ranked = sorted((each["median"], label) for label, each in facts["variants"].items() if each["done"])
    if len(ranked) < 2:
        return "Too little is done to say anything yet."
    (first, best), (_, second) = ranked[:2]
    if not isfinite(first):
        return "Half or more of every recipe's trials failed."
    value, low, high = (facts["better"][best][second][name] for name in ("value", "low", "high"))
    chance = f"a trial of it comes out below one of “{second}”, the next, with probability {value:.2f} " \
             f"({low:.2f} to {high:.2f})"  # fmt: skip
    settled = "." if low > 0.5 else ": these trials do not settle which of the two is better."
    return f"“{best}” has the lowest median Fréchet distance, {first:.3g}; {chance}{settled}"


def warnings(facts: Mapping[str, Any]) -> list[str]:
    """What a reader must know first."""
    notes = []
    if len(facts["protocols"]) > 1:
        notes.append("The numbers came about in different ways and cannot be compared: see the protocols below.")
    if facts["floor"].get(CEILING, 1) < POOR:
        notes.append(f"The judge tells only {facts['floor'][CEILING]:.1%} of held-out images right: its features may "
                     "miss what matters.")  # fmt: skip
    if facts["plan"]["judged"] < 10_000:
        notes.append(
            f"{facts['plan']['judged']:,} samples of each trial were judged: Fréchet distances of few samples are too "
            f"large, by a different amount for each recipe. 10,000 are usual."
        )
    if facts["stability"]["seeds"] < 5:
        notes.append(f"Seeds of which every trial is done: {facts['stability']['seeds']}. Five or more tell more.")
    return notes


def distributions(facts: Mapping[str, Any]) -> str:
    """Box plots, and the table of quartiles."""
    merits = {
        label: [_merit(each) for each in facts["trials"] if each["variant"] == label] for label in facts["variants"]
    }
    real_baseline = facts["floor"].get("frechet")
    real = (
        ""
        if real_baseline is None
        else f" The dotted line is the distance of real training images, {short(round(real_baseline, 4))}."
    )
    chart = box_chart(merits, "Fréchet distance in the judge's features", "lower is better", real_baseline)
    columns = [
        "trials",
        "failed",
        "best",
        "lower quartile",
        "median",
        "upper quartile",
        "worst",
        "mean ± sd",
        "seconds",
    ]
    rows = []
    for label, each in facts["variants"].items():
        if not each["done"]:
            rows.append([label, "0", *[""] * (len(columns) - 1)])
            continue
        spread = f"{each['mean']:.3g} ± {each['sd']:.2g}" if "mean" in each else "–"
        quartiles = [_number(each[name]) for name in ("best", "q1", "median", "q3", "worst")]
        rows.append([label, str(each["done"]), str(each["failed"]), *quartiles, spread, f"{each['seconds']:.0f}"])
    return (
        '<section id="distributions"><h2>Distributions</h2><p class="hint">Every trial is a dot; a box spans the '
        f"quartiles, its bar is the median. A failed trial counts as infinitely bad.{real}</p>"
        f'<figure>{chart}</figure><div class="scroll">{table(["recipe", *columns], rows)}</div>'
        f"{others(facts)}</section>"
    )


def others(facts: Mapping[str, Any]) -> str:
    """The medians of what is measured beside the distance, and the numbers of real images."""
    found = dict.fromkeys(name for each in facts["variants"].values() for name in each.get("medians", ()))
    names = [name for name in found if name != CEILING]
    if not names:
        return ""
    rows = [[label, *(_number(each.get("medians", {}).get(name)) for name in names)]
            for label, each in facts["variants"].items()]  # fmt: skip
    rows.append(["real training images", *(_number(facts["floor"].get(name)) for name in names)])
    return f'<h3>Medians of other measures</h3><div class="scroll">{table(["recipe", *names], rows)}</div>'


def chances(facts: Mapping[str, Any]) -> str:
    """The probability of each to be better than each other."""
    labels = list(facts["better"])
    if len(labels) < 2:
        return ""
    rows = []
    for a in labels:
        cells = [escape(a)]
        for b in labels:
            if a == b:
                cells.append("")
                continue
            value, low, high = (facts["better"][a][b][name] for name in ("value", "low", "high"))
            sure = ' class="sure"' if low > 0.5 or high < 0.5 else ""
            cells.append(f'<span{sure}>{value:.2f}</span><br><span class="range">{low:.2f}–{high:.2f}</span>')
        rows.append(cells)
    return (
        '<section id="chances"><h2>Which is better?</h2><p class="hint">The probability that a trial of the row comes '
        "out below a trial of the column, with the interval of 95 %; bold where it excludes one half. With many pairs, "
        'one in twenty excludes it by chance.</p><div class="scroll">'
        f"{table(['', *labels], rows, escaped=True)}</div></section>"
    )


def places(facts: Mapping[str, Any]) -> str:
    """How stable the order is."""
    found = facts["stability"]
    if "places" not in found:
        return ""
    agreement = found["kendall_w"]
    told = "" if agreement is None else f" Kendall's W over the seeds is {agreement:.2f}: 1 if all seeds agree on the "\
        "order, 0 if they contradict each other."  # fmt: skip
    rows = [
        [label, *(f"{share:.2f}" if share else "" for share in shares)] for label, shares in found["places"].items()
    ]
    return (
        '<section id="places"><h2>How stable is the order?</h2><p class="hint">How often a recipe takes each place, by '
        f"its median, when the {found['seeds']} seeds are drawn anew with replacement.{told}</p>"
        f'<div class="scroll">{table(["recipe", *map(str, range(1, len(rows) + 1))], rows)}</div></section>'
    )


def budget(facts: Mapping[str, Any]) -> str:
    """What to expect from the best of k trials."""
    curves = {label: [(k, value) for k, value in enumerate(values, start=1) if isfinite(value)]
              for label, values in facts["best_of"].items() if len(values) > 1}  # fmt: skip
    if not curves:
        return ""
    chart = line_chart(curves, "Expected best of k trials", "k: trials that one can afford", "Fréchet distance", None)
    return (
        '<section id="budget"><h2>What a budget buys</h2><p class="hint">The expected lowest distance of k trials, '
        "drawn at random without replacement. A line begins where not all k can have failed.</p>"
        f'<div class="charts"><figure>{chart}</figure></div></section>'
    )


def samples(pictures: Mapping[str, bytes]) -> str:
    """Samples of the median trial of each variant."""
    if not pictures:
        return ""
    figures = "".join(
        f'<figure><img alt="" src="data:image/png;base64,{base64.b64encode(data).decode()}">'
        f"<figcaption>{escape(label)}</figcaption></figure>"
        for label, data in pictures.items()
    )
    return (
        '<section id="samples"><h2>Samples</h2><p class="hint">Of each recipe, the trial nearest to its median.</p>'
        f'<div class="sheets">{figures}</div></section>'
    )


def failures(facts: Mapping[str, Any]) -> str:
    """What failed and why."""
    rows = [[each["key"], each["failure"], f"{each['samples']:,}"] for each in facts["trials"] if each["failure"]]
    if not rows:
        return ""
    return (
        '<section id="failures"><h2>Failed trials</h2><div class="scroll">'
        f"{table(['trial', 'why', 'samples kept'], rows)}</div></section>"
    )


def protocol(facts: Mapping[str, Any], folder: str) -> str:
    """How the numbers came about and how to go on."""
    plan = facts["plan"]
    rows = [[each["label"], each["recipe"], ", ".join(f"{key} = {value}" for key, value in each["fields"].items())]
            for each in plan["variants"]]  # fmt: skip
    vary = f"<p>Drawn anew for each draw: <code>{escape(', '.join(plan['vary']))}</code></p>" if plan["vary"] else ""
    cards = "".join(f"<p><code>Fréchet distance {escape(card)}</code></p>" for card in facts["protocols"])
    right = facts["floor"].get(CEILING)
    judge = "" if right is None else f"The judge tells {right:.2%} of the held-out images right. "
    again = f"belamy compare --out {folder}"
    seconds = sum(each["seconds"] for each in facts["trials"])
    return (
        f'<section id="protocol"><h2>Protocol</h2>{cards}{vary}<p>{judge}{duration(seconds)} of training '
        'in all. Each trial is an ordinary run in <code>trials/</code>.</p><div class="scroll facts">'
        f"{table(['what is compared', 'recipe', 'fields changed'], rows)}</div>"
        f"<h3>Go on, or help from another machine</h3><pre>{escape(again)}</pre></section>"
    )


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], escaped: bool = False) -> str:
    """A table whose first column names its rows."""
    heads = "".join(f"<th>{escape(column)}</th>" for column in columns)
    body = "".join(
        "<tr>"
        + "".join(
            f"<{tag}>{cell if escaped else escape(cell)}</{tag}>"
            for tag, cell in zip(("th", *["td"] * len(row)), row, strict=False)
        )
        + "</tr>"
        for row in rows
    )
    return f'<table class="table"><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>'


def sheets(folder: Path, plan: Plan, outcomes: Mapping[str, Outcome]) -> dict[str, bytes]:
    """The last sheet of samples of each variant's trial that is nearest to its median."""
    found = {}
    for variant in plan.variants:
        done = [(trial, outcomes[trial.key].merit) for trial in plan.trials()
                if trial.variant == variant and trial.key in outcomes]  # fmt: skip
        done = sorted((pair for pair in done if isfinite(pair[1])), key=lambda pair: pair[1])
        if done:
            trial = done[(len(done) - 1) // 2][0]
            try:
                pictures = Run.open(run_folder(folder, trial.key)).snapshots()
            except BelamyError:  # trained on another machine that shares no folder with this one
                continue
            if pictures:
                found[variant.label] = pictures[-1][1]
    return found


def _merit(trial: Mapping[str, Any]) -> float:
    return float("inf") if trial["failure"] is not None else trial["values"]["frechet"]


def _number(value: float | None) -> str:
    return "–" if value is None else "∞" if not isfinite(value) else f"{value:.4g}"
