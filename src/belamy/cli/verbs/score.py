"""Tell how likely data are, in nats and bits, by a run that knows likelihoods."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from belamy.cli.options import Json, NewFile, Offline, OfRun, Overwrite, ProgressOption, Seed, Within, options
from belamy.cli.parsing import verb


@options
class Form(OfRun, Offline, ProgressOption, Overwrite, Json):
    """Tell how likely data are by a run that knows likelihoods, such as a language model: nats of each sample, and all
    bits over all characters (words, or dimensions). The bits of a language model stand beside those of n-grams."""

    run: str
    """The run's directory; its method must know likelihoods."""
    data: str
    """What is scored: test, train, validation or all of the run's own data, or any source like them."""
    other: tuple[str, ...] = ()
    """Other pictures, e.g. mnist: their nats beside those of the run's own, and how well three scores tell them
    apart."""
    count: Annotated[int | None, Within(2)] = None
    """So many samples at most, which the seed draws; by default all, and 1,000 of each kind that --other compares."""
    baseline: bool = True
    """Compare a language model with n-grams with Kneser-Ney smoothing that are counted on its training data."""
    seed: Seed = 0
    """Of what a bound draws, and of --count."""
    batch: Annotated[int, Within(1, 65_536)] = 256
    """How many at a time."""
    out: Annotated[str | None, NewFile(("csv",))] = None
    """Write a CSV file with a row for each sample."""


@verb(Form)
def run(form: Form) -> int:
    """Score and tell."""
    from belamy.api.likelihood import score
    from belamy.api.other_data import COUNT, score_others
    from belamy.runs.files import write_bytes

    beside = None
    if form.other:
        beside = score_others(
            form.run, form.other, count=form.count or COUNT, best=form.weights == "best", seed=form.seed,
            device=form.device, offline=form.offline,
        )  # fmt: skip
    with form.reporting() as reporter:

        def tell(done: int, total: int) -> None:
            reporter.work(done / total, f"scored {done:,} of {total:,}")

        found = score(
            form.run, form.data, count=form.count, best=form.weights == "best", baseline=form.baseline, seed=form.seed,
            batch=form.batch, device=form.device, offline=form.offline, progress=tell,
        )  # fmt: skip
    if form.out is not None:
        write_bytes(Path(form.out).expanduser(), found.table().encode())
    facts = {"run": form.run, **found.facts(), "files": [form.out] if form.out else []}
    text = found.text()
    if beside is not None:
        facts["beside"] = beside.facts()["rows"]
        text += f"\n\n{beside.text()}"
    return form.deliver(facts, text)
