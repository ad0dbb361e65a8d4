"""Load a run's encoder into a classifier, and tell what that is worth where labels are few."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Form:
    """Load a run's encoder into a classifier of few labelled images, several times with others, and compare it on the
    held-out images with the same classifier from scratch, and with one whose encoder stays frozen."""

    run: str
    """The run's directory; its method must have an encoder, and its data labels."""
    per_class: int = 10
    """Labelled images of each class."""
    seeds: int = 5
    """How many times images are drawn and classifiers learn."""
    steps: int = 150
    """Steps of each classifier, on all its images at once."""
    seed: int = 0
    """The first seed."""
    weights: Literal["newest", "best"] = "newest"
    """Which weights are loaded: the newest, or the best that `train --keep-best` kept."""
    device: str = "auto"
    """Where to compute: auto, cpu, cuda, cuda:1 or mps."""
    offline: bool = False
    """Never fetch data from the network."""
    out: str = "pretrain.html"
    """The page to write."""
    overwrite: bool = False
    """Replace the file that is there."""
    json: str | None = None
    """Write the facts as JSON to this file; - is standard output."""


def run(words: list[str]) -> int:
    """Learn, test, compare, draw."""
    from statistics import mean, stdev

    from belamy.cli.output import STANDARD_OUTPUT, deliver, say
    from belamy.cli.parsing import parse
    from belamy.cli.pictures import picture_file
    from belamy.errors import UsageError

    form = parse(Form, words, "belamy pretrain")
    if form.steps < 1:
        raise UsageError(f"--steps is {form.steps}, but it must be at least 1.")
    out = picture_file(form.out, form.overwrite, ("html",))
    from belamy.device import choose_device
    from belamy.judges.pretraining import Learning, few_labels
    from belamy.runs.files import write_bytes
    from belamy.runs.run import Run
    from belamy.training.setup import open_recipe_data

    run = Run.open(form.run)
    method = run.method(best=form.weights == "best").to(choose_device(form.device))
    found = few_labels(
        method, open_recipe_data(run.recipe, form.offline), per_class=form.per_class, seeds=form.seeds, seed=form.seed,
        learning=Learning(steps=form.steps), say=None if form.json == STANDARD_OUTPUT else say,
    )  # fmt: skip
    write_bytes(out, found.page(run.path.name or run.recipe_name).encode())
    lines = [f"{start}: {mean(each):.1%} ± {stdev(each):.1%}" for start, each in found.accuracies.items()]
    low, high = (f"{limit:+.1%}" for limit in found.gain[1:])
    text = [
        f"{out}: accuracy on {found.tested:,} other images with {form.per_class} labels of each class, mean ± "
        f"standard deviation of {form.seeds} seeds",
        *lines,
        f"gain of pretraining: {found.gain.value:+.1%} ({low} to {high})",
        *([found.note] if found.note else []),
    ]
    deliver({"run": str(run.path), "seed": form.seed, **found.facts(), "files": [str(out)]}, form.json, "\n".join(text))
    return 0
