"""Arithmetic in a run's latent space against the same with pixels: how often the sentence comes true.

A trial draws the members of each group anew. It succeeds where an independent classifier takes the result for the class
wanted, and where its measure lies beyond the third of that class's training images that the word means (a thick 1 is
among the thicker third of the 1s); the milder column asks for the half.

python benchmarks/arithmetic.py RUN [--members 3 16 64] [--trials 200]
"""

from __future__ import annotations

import argparse

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor

from belamy.data.measures import MEASURES
from belamy.editing.arithmetic import CENTRE, Setting, arithmetic
from belamy.editing.expressions import parse
from belamy.evaluation.candidate import heeds_labels
from belamy.evaluation.intervals import wilson
from belamy.judges.judge import extractor, trained_judge
from belamy.judges.reference_set import reference_set_of
from belamy.registry import Part
from belamy.runs.run import Run
from belamy.training.setup import open_recipe_data

THIRD, HALF = 2 / 3, 1 / 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run")
    parser.add_argument("--sentence", default="mean(thick 7) - mean(thin 7) + mean(thin 1)")
    parser.add_argument("--wanted", default="1", help="class of the result")
    parser.add_argument("--measure", default="thickness", help="high in the result")
    parser.add_argument("--members", type=int, nargs="+", default=[3, 16, 64])
    parser.add_argument("--trials", type=int, default=200)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    run = Run.open(asked.run)
    method, data = run.method(), open_recipe_data(run.recipe)
    judge, measure = extractor(data, trained_judge(data)), MEASURES.build(Part.parse(asked.measure))
    wanted = data.classes.index(asked.wanted)
    train = data.indices("train")
    assert data.labels is not None
    values = measure(data.images(train[data.labels[train] == wanted][:5000]))
    crowd, expression, matter = reference_set_of(method, data), parse(asked.sentence), heeds_labels(method)
    table = Table(title=f"{asked.sentence}, {asked.trials} trials with {run.path.name} ({run.recipe_name})")
    for heading in ("members", "arithmetic with", f"is a {asked.wanted}", f"{asked.measure}: third", "both", "half"):
        table.add_column(heading)
    for members in asked.members:
        settings = [Setting(members, seed=trial, labels_matter=matter) for trial in range(asked.trials)]
        results = [arithmetic(method, expression, crowd, setting) for setting in settings]
        for what, images in (
            ("latents", torch.stack([result.images[CENTRE] for result in results])),
            ("neighbours", torch.stack([result.images[0] for result in results])),
            ("pixels", torch.stack([result.control for result in results])),
        ):
            told = judge.extract(images, None).probabilities
            assert told is not None
            right, found = told.argmax(1) == wanted, measure(images)
            third, half = (found >= torch.quantile(values, share) for share in (THIRD, HALF))
            row = [share(each) for each in (right, third, right & third, right & half)]
            table.add_row(str(members), what, *row)
    Console(width=140).print(table)


def share(held: Tensor) -> str:
    """How often, with its 95 % interval."""
    found = wilson(int(held.sum()), len(held))
    return f"{found.value:.1%} ({found.low:.1%}-{found.high:.1%})"


if __name__ == "__main__":
    main()
