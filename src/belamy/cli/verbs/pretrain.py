"""Load a run's encoder into a classifier, and tell what that is worth where labels are few."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar

from belamy.cli.options import Json, Offline, OfRun, Seed, ToFile, Within, options
from belamy.cli.parsing import verb


@options
class Form(OfRun, Offline, ToFile, Json):
    """Load a run's encoder into a classifier of few labelled images, several times with others, and compare it on the
    held-out images with the same classifier from scratch, and with one whose encoder stays frozen."""

    makes = "image"
    kinds: ClassVar[Sequence[str]] = ("html",)

    run: str
    """The run's directory; its method must have an encoder, and its data labels."""
    per_class: Annotated[int, Within(1)] = 10
    """Labelled images of each class."""
    seeds: Annotated[int, Within(2)] = 5
    """How many times images are drawn and classifiers learn."""
    steps: Annotated[int, Within(1)] = 150
    """Steps of each classifier, on all its images at once."""
    seed: Seed = 0
    """The first seed."""
    out: str = "pretrain.html"
    """The page to write."""


@verb(Form)
def run(form: Form) -> int:
    """Learn, test, compare, draw."""
    from statistics import mean, stdev

    from belamy.judges.pretraining import Learning, few_labels
    from belamy.runs.files import write_bytes

    run, method = form.opened()
    found = few_labels(
        method, form.run_data(run), per_class=form.per_class, seeds=form.seeds, seed=form.seed,
        learning=Learning(steps=form.steps), say=form.say(),
    )  # fmt: skip
    write_bytes(form.file, found.page(run.path.name or run.recipe_name).encode())
    lines = [f"{start}: {mean(each):.1%} ± {stdev(each):.1%}" for start, each in found.accuracies.items()]
    low, high = (f"{limit:+.1%}" for limit in found.gain[1:])
    text = [
        f"{form.out}: accuracy on {found.tested:,} other images with {form.per_class} labels of each class, mean ± "
        f"standard deviation of {form.seeds} seeds",
        *lines,
        f"gain of pretraining: {found.gain.value:+.1%} ({low} to {high})",
        *([found.note] if found.note else []),
    ]
    facts = {"run": str(run.path), "seed": form.seed, **found.facts(), "files": [form.out]}
    return form.deliver(facts, "\n".join(text))
