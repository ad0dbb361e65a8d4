"""Judge the samples of a run, or any images, against real ones.

    belamy evaluate runs/digits-1
    belamy evaluate fakes.npz --against mnist --metrics frechet kernel:subsets=50 --out verdict.html

Every number comes with its interval, with what real images are told by the same measure, and with its protocol.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from belamy.errors import StorageError, UsageError


@dataclass(frozen=True)
class Form:
    """Judge the samples of a run, or images that are there already, against real ones."""

    source: str
    """A run's directory, a folder or .zip of images, an .npz or .npy array, or another data source."""
    against: str | None = None
    """The real images: any data source. A run is judged against its own data unless others are named."""
    metrics: tuple[str, ...] = ()
    """Metrics with their options, e.g. frechet kernel:subsets=50; by default all that the data allow."""
    extractor: str | None = None
    """Who looks at the pixels; by default a classifier of the data's own labels, trained once and kept, or whoever
    suits data without labels."""
    extractor_weights: str | None = None
    """The extractor's weights as a file."""
    count: int = 10_000
    """How many images are judged."""
    split: str | None = None
    """Which of the real images are compared with: test, train or all; by default test, or all where it is too few."""
    seed: int = 0
    """Of the samples, of the choice among images, and of all resampling."""
    size: int | None = None
    """Make squares of this side, in pixels, of all pictures; without it they are taken as they are."""
    weights: Literal["newest", "best"] = "newest"
    """Which weights of a run draw: the newest, or the best that `train --keep-best` kept."""
    real_baseline: bool = True
    """Judge real images too, for what a perfect generator would be told; it takes as long again."""
    controls: bool = False
    """Judge noise and copies of the training images too: a measure that cannot tell them from good samples says
    little."""
    probes: tuple[str, ...] = ()
    """What is asked of a run's method itself: path-length, continuity, reconstruction, elbo, with their options."""
    classifiers: int = 0
    """Train so many classifiers on the run's samples alone and test them on real images; minutes each."""
    out: str | None = None
    """Write a page with pictures to this file; a run gets one, and the JSON beside it, in its directory anyway."""
    overwrite: bool = False
    """Replace a file that --out names."""
    device: str = "auto"
    """Where to compute: auto, cpu, cuda, cuda:1 or mps."""
    offline: bool = False
    """Never fetch anything from the network."""
    progress: bool = True
    """Show how far it is."""
    json: str | None = None
    """Write what was found as JSON to this file, for `belamy compare-metrics`; - is standard output."""


def run(words: list[str]) -> int:
    """Judge and print the table."""
    from belamy.cli.output import STANDARD_OUTPUT, deliver
    from belamy.cli.parsing import parse

    form = parse(Form, words, "belamy evaluate")
    page = destination(form)
    check(form)
    from belamy.api.evaluate import evaluate

    verdict = evaluate(
        form.source, form.against, metrics=form.metrics or None, extractor=form.extractor,
        extractor_weights=form.extractor_weights, count=form.count, split=form.split, seed=form.seed, size=form.size,
        real_baseline=form.real_baseline, best=form.weights == "best", controls=form.controls, probes=form.probes,
        classifiers=form.classifiers, device=form.device, offline=form.offline,
        progress=form.progress and form.json != STANDARD_OUTPUT,
    )  # fmt: skip
    text = verdict.table()
    if page is not None:
        verdict.save(page)
        text += f"\n\n{page}"
        if form.out is None:
            verdict.save(page.with_suffix(".json"))
    deliver(verdict.as_json(), form.json, text)
    return 0


def destination(form: Form) -> Path | None:
    """Where the page goes: the file named, or into a run's directory; None for nowhere.

    Raises:
        UsageError: It is no page.
        StorageError: It is there already.
    """
    from belamy.cli.output import named_file

    if form.out is None:
        folder = Path(form.source).expanduser()
        kept = (folder / "recipe.json").is_file() and os.access(folder, os.W_OK)
        return folder / "evaluation.html" if kept else None
    page = named_file(form.out, "--out")
    if page.is_dir():
        raise StorageError(f"{page} is a folder. Name a file, e.g. --out {page / 'evaluation.html'}")
    if page.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"--out is '{form.out}', but it is a page: NAME.html. For the numbers, type --json NAME.json.")
    if page.exists() and not form.overwrite:
        raise StorageError(f"{page} is there already. Give another --out, or type --overwrite.")
    return page


def check(form: Form) -> None:
    """Refuse what cannot be before anything is loaded."""
    from belamy.cli.output import STANDARD_OUTPUT, named_file

    if form.count < 2:
        raise UsageError(f"--count is {form.count:,}, but a distribution needs at least 2 images.")
    if not 0 <= form.classifiers <= 100:
        raise UsageError(f"--classifiers is {form.classifiers}, but it must be in 0..100.")
    if not form.source:
        raise UsageError("Name what to judge: a run's directory, a folder, or an array file.")
    if form.json not in (None, STANDARD_OUTPUT):
        named_file(str(form.json), "--json")
