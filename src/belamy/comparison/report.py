"""The report of a comparison: ``comparison.json`` and one HTML page with everything in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Any

from belamy.comparison.ledger import Ledger
from belamy.comparison.outcome import MERIT, Outcome, numbers
from belamy.comparison.plan import Plan
from belamy.comparison.summary import summary
from belamy.comparison.trial import run_folder
from belamy.errors import BelamyError
from belamy.pages import page
from belamy.pages.charts import box_chart, line_chart
from belamy.pages.scales import short
from belamy.progress import duration
from belamy.runs import files
from belamy.runs.run import Run

POOR = 0.8
CEILING = "label-fidelity-real"
"""The judge's own accuracy on the images that it did not learn from."""
QUARTILES = ("best", "q1", "median", "q3", "worst")


def publish(folder: Path, plan: Plan, ledger: Ledger) -> Path:
    """Write both files anew from what is done, and return the page."""
    outcomes = ledger.outcomes(plan.trials())
    real = numbers(files.read_json(folder / "floor.json")["values"]) if (folder / "floor.json").is_file() else {}
    facts = summary(plan, outcomes, real)
    files.write_json(folder / "comparison.json", facts)
    made = folder / "comparison.html"
    files.write_bytes(made, render(facts, sheets(folder, plan, outcomes), str(folder)).encode())
    return made


def render(facts: Mapping[str, Any], pictures: Mapping[str, bytes], folder: str) -> str:
    """A comparison as one self-contained HTML page.

    Args:
        facts: What :func:`summary` found.
        pictures: PNG of a sheet of samples, by variant.
        folder: The comparison's folder, as it was typed.
    """
    plan, real = facts["plan"], facts["floor"]
    merit, said = facts["merit"], spoken(facts["merit"])
    where = " in the judge's features" if merit == MERIT else " of held-out data"
    merits = {
        label: [_merit(each) for each in facts["trials"] if each["variant"] == label] for label in facts["variants"]
    }
    each = f"{plan['samples']:,} training samples" if plan["samples"] else f"{plan['seconds']:g} s of training"
    curves = {label: [(k, value) for k, value in enumerate(values, start=1) if isfinite(value)]
              for label, values in facts["best_of"].items() if len(values) > 1}  # fmt: skip
    return page(
        "comparison", "Comparison", facts=facts, plan=plan, notes=warnings(facts), verdict=verdict(facts),
        numbers={
            "recipes": str(len(plan["variants"])), "seeds": str(plan["seeds"]), "draws": str(plan["draws"]),
            "each trial": each, "failed": str(facts["failed"]), "samples judged": f"{plan['judged']:,}",
        },
        chart=box_chart(merits, f"{said[0].upper()}{said[1:]}{where}", "lower is better", real.get(merit)),
        real=short(round(real[merit], 4)) if merit in real else "", quartiles=_quartiles(facts),
        medians=_medians(facts), chances=_chances(facts), places=_places(facts),
        budget=curves and line_chart(curves, "Expected best of k trials", "k: trials that one can afford",
                                     said, None),
        pictures=pictures, failures=[
            [each["key"], each["failure"], f"{each['samples']:,}"] for each in facts["trials"] if each["failure"]
        ],
        ceiling=f"{real[CEILING]:.2%}" if CEILING in real else "",
        trained=duration(sum(each["seconds"] for each in facts["trials"])), again=f"belamy compare --out {folder}",
        variants=[[one["label"], one["recipe"], ", ".join(f"{key} = {value}" for key, value in one["fields"].items())]
                  for one in plan["variants"]],
    )  # fmt: skip


def spoken(merit: str) -> str:
    """The number that trials are compared by, in words."""
    return "Fréchet distance" if merit == MERIT else merit


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
    return f"“{best}” has the lowest median {spoken(facts['merit'])}, {first:.3g}; {chance}{settled}"


def warnings(facts: Mapping[str, Any]) -> list[str]:
    """Warnings to place before the numbers."""
    notes = []
    if len(facts["protocols"]) > 1:
        notes.append("The numbers came about in different ways and cannot be compared: see the protocols below.")
    if facts["floor"].get(CEILING, 1) < POOR:
        notes.append(f"The judge tells only {facts['floor'][CEILING]:.1%} of held-out images right: its features may "
                     "miss what matters.")  # fmt: skip
    if facts["plan"]["judged"] < 10_000 and facts["merit"] == MERIT:
        notes.append(
            f"{facts['plan']['judged']:,} samples of each trial were judged: Fréchet distances of few samples are too "
            f"large, by a different amount for each recipe. 10,000 are usual."
        )
    if facts["stability"]["seeds"] < 5:
        notes.append(f"Seeds of which every trial is done: {facts['stability']['seeds']}. Five or more tell more.")
    return notes


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


def _quartiles(facts: Mapping[str, Any]) -> list[Sequence[str]]:
    rows: list[Sequence[str]] = []
    for label, each in facts["variants"].items():
        if not each["done"]:
            rows.append([label, "0", *[""] * (len(QUARTILES) + 3)])
            continue
        spread = f"{each['mean']:.3g} ± {each['sd']:.2g}" if "mean" in each else "–"
        values = [_number(each[name]) for name in QUARTILES]
        rows.append([label, str(each["done"]), str(each["failed"]), *values, spread, f"{each['seconds']:.0f}"])
    return rows


def _medians(facts: Mapping[str, Any]) -> tuple[list[str], list[Sequence[str]]]:
    """The medians of what is measured beside the distance, and the numbers of real images."""
    found = dict.fromkeys(name for each in facts["variants"].values() for name in each.get("medians", ()))
    names = [name for name in found if name != CEILING]
    measured = {label: each.get("medians", {}) for label, each in facts["variants"].items()}
    measured["real training images"] = facts["floor"]
    return names, [[label, *(_number(values.get(name)) for name in names)] for label, values in measured.items()]


def _chances(facts: Mapping[str, Any]) -> list[list[Any]]:
    """The probability of each to be better than each other, and whether it is sure."""
    rows = []
    for a, better in facts["better"].items():
        cells: list[Any] = [a]
        for b in facts["better"]:
            value, low, high = (better[b][name] for name in ("value", "low", "high")) if a != b else (0.5, 0.5, 0.5)
            cells.append(None if a == b else (f"{value:.2f}", f"{low:.2f}–{high:.2f}", low > 0.5 or high < 0.5))
        rows.append(cells)
    return rows if len(rows) > 1 else []


def _places(facts: Mapping[str, Any]) -> list[list[str]]:
    """Stability of the ranking."""
    found = facts["stability"].get("places", {})
    return [[label, *(f"{share:.2f}" if share else "" for share in shares)] for label, shares in found.items()]


def _merit(trial: Mapping[str, Any]) -> float:
    return float("inf") if trial["failure"] is not None else trial["values"][trial.get("by", MERIT)]


def _number(value: float | None) -> str:
    return "–" if value is None else "∞" if not isfinite(value) else f"{value:.4g}"
