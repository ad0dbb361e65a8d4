"""Variety of generated digits: precision and recall beside the Fréchet distance, by the digits' independent classifier.

    python benchmarks/recall.py [--seed 0] [--recipe digits] [-- OPTIONS]

A recipe trains to its end on one thread; 10,000 samples stand against the 10,000 test digits, and 10,000 training
digits in their place are the floor. Seconds are those of the processor, of training alone.
"""

from __future__ import annotations

import argparse
import sys
import time

import torch
from rich.console import Console

from belamy import recipes
from belamy.cli.recipe_form import read
from belamy.data import open_data
from belamy.evaluation.panel import Panel
from belamy.judges.judge import extractor, trained_judge
from belamy.training.distribution import World
from belamy.training.setup import Options, make_trainer

COUNT = 10_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", default="digits")
    parser.add_argument("--seed", type=int, default=0)
    end = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    chosen = parser.parse_args(sys.argv[1:end])
    torch.set_num_threads(1)
    usual, data = recipes.get(chosen.recipe), open_data("mnist")
    fields, _ = read(usual, sys.argv[end + 1 :], "recall.py")
    recipe = usual.changed(**fields, seed=chosen.seed)
    judge = extractor(data, trained_judge(data))
    panel = Panel(judge, data, metrics=["frechet", "modes", "label-fidelity", "precision-recall"])
    trainer = make_trainer(recipe, data.spec, data, Options(device="cpu"), World())
    began = time.process_time()
    while trainer.clock.samples < recipe.train_samples:
        trainer.step()
    seconds = time.process_time() - began
    with trainer.averages.in_place(trainer.method):
        made = panel.judge_method(trainer.method, COUNT, seed=1).values
    for name, values in (("real digits", panel.real_baseline(COUNT).values), (f"{seconds:.0f} s", made)):
        Console(width=200).print(name, {key: round(value, 4) for key, value in values.items()})


if __name__ == "__main__":
    main()
