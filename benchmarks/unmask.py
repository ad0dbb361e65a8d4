"""Samples of every recipe against real images, and real against real: areas under the ROC curve and false alarms.

Reads a folder of runs and judges 1,000 samples of each against its own data; then examines a hundred disjoint draws of
real images with real images in the suspects' place. Rows are kept one by one, so a broken run goes on where it was.

    python benchmarks/unmask.py --runs RUNS [--splits 100] [--results runs/unmask.jsonl] [--write docs/forensics.md]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import torch
from rich.console import Console

from belamy.api.unmask import unmask
from belamy.data import open_data
from belamy.evaluation.candidate import is_run
from belamy.evaluation.intervals import wilson
from belamy.forensics.comparison import DETECTOR, Sets, compare
from belamy.forensics.testing import holm
from belamy.pages.charts import line_chart
from belamy.runs.files import OBJECT, append_jsonl, read_jsonl, write_bytes
from belamy.runs.run import Run
from belamy.seeds import generator

COUNT, SPLIT_COUNT, LEVEL = 1000, 300, 0.05
SHOWN = ("jpeg:95", "jpeg:75", "jpeg:50", "jpeg:30", "blur:1", "resize:0.5")
FIGURE = "unmask-false-alarms.svg"


def judge(folder: Path) -> dict[str, Any]:
    """One run's samples."""
    run, started = Run.open(folder), time.process_time()
    found = unmask(run, count=COUNT, progress=False)
    seconds = time.process_time() - started
    facts = found.examination.facts()
    by_format = {each["format"]: each for each in facts["comparisons"]}
    head = found.examination.matched.headline
    return {
        "kind": "run", "name": folder.name, "data": run.recipe.data, "samples": run.samples_seen,
        "cpu_seconds": round(seconds, 1), "separating": facts["separating"], "tests": facts["tests"],
        "given": found.examination.given.headline.auroc.value if found.examination.given else None,
        "rounded": head.auroc.value, "rounded_low": head.auroc.low, "caught": head.operating.hits.value,
        "false_alarms": head.operating.false_alarms.value, "control": found.examination.control.headline.auroc.value,
        "control_alarms": found.examination.control_alarms,
        "survival": {each["treatment"]: each["auroc"]["value"] for each in facts["robustness"]},
        "unaware": {each["treatment"]: each["unaware"]["value"] for each in facts["robustness"]},
        "best": max(by_format["uint8"]["tests"], key=lambda each: each["auroc"]["value"])["name"],
    }  # fmt: skip


def split(seed: int, name: str) -> dict[str, Any]:
    """Real images in the suspects' place."""
    data = open_data(name)
    order = torch.randperm(len(data), generator=generator(seed, "real against real"))[: 3 * SPLIT_COUNT]
    images = (data.images(order).float() / 255).split(SPLIT_COUNT)
    found = compare(Sets(*images), "control", rounded=True, false_alarms=LEVEL, seed=seed)
    p_values = found.p_values()
    return {
        "kind": "split", "seed": seed, "data": name, "p": p_values,
        "separating": sum(p <= LEVEL for p in holm(p_values).values()),
        "false_alarms": {key: test.operating.false_alarms.value for key, test in found.tests.items()},
        "auroc": {key: test.auroc.value for key, test in found.tests.items()},
        "rules": {key: rule.real.value for key, rule in found.rules.items()},
    }  # fmt: skip


def run_table(rows: Sequence[dict[str, Any]]) -> str:
    """What is told of each recipe, as Markdown."""
    lines = [
        "| run | data | samples seen | as given | 256 values | caught | "
        + " | ".join(name.replace(":", " ") for name in SHOWN)
        + " |",
        "| --- | --- " + "| ---: " * (4 + len(SHOWN)) + "|",
    ]
    for row in sorted(rows, key=lambda each: each["name"]):
        cells = [row["given"], row["rounded"], None, *(row["survival"][name] for name in SHOWN)]
        said = [_area(cell) for cell in cells]
        said[2] = f"{row['caught']:.1%}"
        lines.append(f"| {row['name']} | {row['data']} | {row['samples']:,} | {' | '.join(said)} |")
    return "\n".join(lines)


def split_summary(rows: Sequence[dict[str, Any]]) -> str:
    """False alarms of the splits in words."""
    alarms = wilson(sum(row["separating"] > 0 for row in rows), len(rows))
    detector = [row["false_alarms"][DETECTOR] for row in rows]
    every = [share for row in rows for share in row["false_alarms"].values()]
    p_values = [p for row in rows for name, p in row["p"].items() if "rule " not in name]
    return "\n".join(
        [
            f"{len(rows)} splits of {SPLIT_COUNT} + {SPLIT_COUNT} + {SPLIT_COUNT} images of {rows[0]['data']}:",
            "",
            f"- **Sets.** In {sum(row['separating'] > 0 for row in rows)} of {len(rows)} splits any test separates "
            f"after correction ({alarms.value:.1%}, interval {alarms.low:.1%} to {alarms.high:.1%}; stated: at most "
            f"{LEVEL:.0%}). Of the {len(p_values):,} tests by themselves "
            f"{sum(p <= LEVEL for p in p_values) / len(p_values):.1%} have p ≤ {LEVEL:g}.",
            f"- **Images.** At the stated {LEVEL:.0%} the detector calls {mean(detector):.2%} of real images generated "
            f"(deviation over splits {stdev(detector):.1%}); all tests on average {mean(every):.2%}.",
            f"- **Areas.** The detector's area under the ROC curve is {mean(_of(rows, DETECTOR)):.3f} on average, "
            f"{min(_of(rows, DETECTOR)):.3f} to {max(_of(rows, DETECTOR)):.3f}.",
        ]
    )


def split_figure(rows: Sequence[dict[str, Any]]) -> str:
    """How p-values of real against real are spread: the diagonal, where they are honest."""
    tests = sorted(p for row in rows for name, p in row["p"].items() if "rule " not in name)
    detector = sorted(row["p"][f"control: {DETECTOR}"] for row in rows)
    series = {
        name: [(p, (place + 1) / len(values)) for place, p in enumerate(values)]
        for name, values in (("all tests", tests), ("detector", detector))
    }
    series["honest"] = [(0.0, 0.0), (1.0, 1.0)]
    return line_chart(series, "p-values of real against real", "p", "share of tests at most this", smooth=False)


def _of(rows: Sequence[dict[str, Any]], name: str) -> list[float]:
    return [row["auroc"][name] for row in rows]


def _area(value: float | None) -> str:
    if value is None:
        return "–"
    return "1" if value == 1 else "> 0.9999" if value > 0.9999 else f"{value:.4f}"


def write(text: str, name: str, path: Path) -> None:
    """Put a text between the marks of a page."""
    start, end = f"<!-- {name}: written by benchmarks/unmask.py -->", f"<!-- end of {name} -->"
    before, _, rest = path.read_text(encoding="utf-8").partition(start)
    write_bytes(path, f"{before}{start}\n{text}\n{end}{rest.partition(end)[2]}".encode())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, help="a folder of runs")
    parser.add_argument("--splits", type=int, default=100, help="how many draws of real images")
    parser.add_argument("--data", default="mnist", help="the real images of the splits")
    parser.add_argument("--results", type=Path, default=Path("runs/unmask.jsonl"), help="kept here, one row a line")
    parser.add_argument("--write", type=Path, help="the page that gets the tables")
    options = parser.parse_args()
    console = Console()
    torch.set_num_threads(1)
    options.results.parent.mkdir(parents=True, exist_ok=True)
    rows = read_jsonl(options.results, OBJECT) if options.results.exists() else []
    known = {(row["kind"], row.get("name", row.get("seed"))) for row in rows}
    folders = sorted(each for each in options.runs.iterdir() if is_run(each)) if options.runs else []
    work = [("run", folder.name, lambda folder=folder: judge(folder)) for folder in folders]
    work += [("split", seed, lambda seed=seed: split(seed, options.data)) for seed in range(options.splits)]
    for kind, name, task in work:
        if (kind, name) not in known:
            row = task()
            append_jsonl(options.results, row)
            rows.append(row)
            console.print(f"{kind} {name}: {row['separating']} separate", highlight=False)
    runs, splits = ([row for row in rows if row["kind"] == kind] for kind in ("run", "split"))
    for name, found, told in (("runs", runs, run_table), ("splits", splits, split_summary)):
        if found:
            console.print(told(found), markup=False, soft_wrap=True)
            if options.write:
                write(told(found), name, options.write)
    if splits and options.write:
        write_bytes(options.write.parent / "images" / FIGURE, split_figure(splits).encode())


if __name__ == "__main__":
    main()
