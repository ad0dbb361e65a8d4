"""Judge the samples of a run, or any images, against real ones.

    belamy evaluate runs/digits-1
    belamy evaluate fakes.npz --against mnist --metrics frechet kernel:subsets=50 --out verdict.html

Every number comes with its interval, with what real images are told by the same measure, and with its protocol.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from belamy.cli.method_options import changed, extended, named_run
from belamy.cli.options import Device, Json, Offline, ProgressOption, Seed, SizeOfPictures, ToPage, Within, options
from belamy.cli.parsing import parse
from belamy.errors import UsageError


@options
class Form(SizeOfPictures, Device, Offline, ProgressOption, ToPage, Json):
    """Judge the samples of a run, or images that are there already, against real ones. A sampler may have options of
    its own, e.g. a temperature or a guidance: `belamy evaluate RUN --help`."""

    source: str
    """A run's directory, a folder or .zip of images, an .npz or .npy array, or another data source."""
    against: str | None = None
    """The real images: any data source. A run is judged against its own data unless others are named."""
    metrics: tuple[str, ...] = ()
    """Metrics with their options, e.g. frechet kernel:subsets=50; by default all that the data allow."""
    extractor: str | None = None
    """The feature extractor; by default a classifier of the data's own labels, trained once and kept, or whoever
    suits data without labels."""
    extractor_weights: str | None = None
    """The extractor's weights as a file."""
    count: Annotated[int, Within(2)] = 10_000
    """How many images are judged."""
    split: str | None = None
    """Which of the real images are compared with: test, train or all; by default test, or all where it is too few."""
    seed: Seed = 0
    """Of the samples, of the choice among images, and of all resampling."""
    modality: str | None = None
    """What kind the samples and the real ones are, where they do not say it themselves, e.g. audio; not for runs."""
    rate: Annotated[int | None, Within(1)] = None
    """Of sound and films: samples or frames per second."""
    length: Annotated[int | None, Within(1)] = None
    """Samples of a clip, symbols of a text, frames of a film, steps of a series."""
    size: str | None = None
    """Make all pictures of this size, in pixels: the side of squares, 64, or width x height, 96x64; without it they are
    taken as they are."""
    weights: Literal["newest", "best"] = "newest"
    """Which weights of a run draw: the newest, or the best that `train --keep-best` kept."""
    real_baseline: bool = True
    """Judge real images too, for what a perfect generator would be told; it takes as long again."""
    controls: bool = False
    """Judge noise and copies of the training images too: a measure that cannot tell them from good samples says
    little."""
    probes: tuple[str, ...] = ()
    """What is asked of a run's method itself: path-length, continuity, reconstruction, elbo, with their options."""
    classifiers: Annotated[int, Within(0, 100)] = 0
    """Train so many classifiers on the run's samples alone and test them on real images; minutes each."""
    measures: tuple[str, ...] = ()
    """What is asked of a run's translations of held-out samples: labels, attributes, cycle, cost; of its pictures of
    held-out captions: attributes, retrieval, variety; or all that can be told here. Judges are trained on the run's
    data once and kept; minutes."""
    name = "evaluation.html"

    def refuse(self) -> None:
        """Refuse a page that cannot be written, and metrics, probes and extractors that are not there."""
        super().refuse()
        if not self.source:
            raise UsageError("Name what to judge: a run's directory, a folder, or an array file.")
        self.page(self.source)


def run(words: Sequence[str]) -> int:
    """Judge and print the table."""
    return work(parse(extended(Form, named_run(words)), words, "belamy evaluate"))


def work(form: Form) -> int:
    """Judge as a form says, and print the table."""
    from belamy.api.evaluate import evaluate

    verdict = evaluate(
        form.source, form.against, metrics=form.metrics or None, extractor=form.extractor,
        extractor_weights=form.extractor_weights, count=form.count, split=form.split, seed=form.seed, size=form.size,
        modality=form.modality, rate=form.rate, length=form.length,
        real_baseline=form.real_baseline, best=form.weights == "best", controls=form.controls, probes=form.probes,
        classifiers=form.classifiers, measures=form.measures, options=changed(form), device=form.device,
        offline=form.offline, progress=form.progress and not form.quiet,
    )  # fmt: skip
    text = verdict.table()
    if (page := form.page(form.source)) is not None:
        verdict.save(page)
        text += f"\n\n{page}"
        if form.out is None:
            verdict.save(page.with_suffix(".json"))
    return form.deliver(verdict.as_json(), text)
