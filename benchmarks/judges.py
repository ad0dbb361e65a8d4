"""What the judges of data sets are worth: held-out images told right, beside a linear model and the judge as it was.

    python benchmarks/judges.py mnist folder/ pictures.npz --before

Each data set is anything that `belamy data` opens, with labels. ``--before`` also trains a judge as they learned
until they were found to be blind on small sets: four passes, 20,000 samples at least, Keras' momentum.
"""

from __future__ import annotations

import argparse
from time import monotonic

import torch
from rich.console import Console

from belamy.data import Dataset, open_data
from belamy.judges.classifier_score import learned
from belamy.judges.judge import examined, recipe
from belamy.methods.classifier import Recipe
from belamy.registry import Part


def before(data: Dataset) -> Recipe:
    """How judges learned before."""
    samples = min(max(4 * len(data.indices("train")), 20_000), 240_000)
    plain = {"classifier": Part(name="convnet"), "noise": 0.0, "batch": 128, "train_samples": samples}
    return recipe(data).changed(**plain)


def main() -> None:
    """Train, test, print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="+")
    parser.add_argument("--before", action="store_true")
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    console = Console(markup=False, highlight=False, soft_wrap=True)
    console.print("| data | pictures | classes | held out | linear | before | judge | trusted | seconds |")
    console.print("|---|---|---|---|---|---|---|---|---|")
    for name in asked.data:
        data = open_data(name)
        old = examined(learned(data, before(data)), data) if asked.before else None
        started = monotonic()
        found = examined(learned(data, recipe(data)), data)
        seconds = monotonic() - started
        was = f"{old.right / old.count:.1%}" if old else "–"
        shares = [f"{found.linear / found.count:.1%}", was, f"{found.right / found.count:.1%}"]
        cells = [data.name, f"{len(data):,}", f"{len(data.classes):,}", f"{found.count:,}", *shares]
        console.print("|", " | ".join([*cells, "yes" if found.trusted else "no", f"{seconds:.0f}"]), "|")


if __name__ == "__main__":
    main()
