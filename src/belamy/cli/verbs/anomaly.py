"""Find the images that are unlike those a run was trained on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Form:
    """Find anomalies: score pictures by how far an autoencoder's run places them from what it was trained on, with a
    threshold that a stated share of normal images exceeds. Writes a sheet of the most unusual with heat maps."""

    run: str
    """The run's directory; its method must have an encoder."""
    suspects: str
    """What to look at: a picture, a folder, an archive, an array file, a named data set; test for the run's held-out
    images."""
    reference: str | None = None
    """Normal images that the run was not trained on; by default its held-out ones. One half decides the threshold, the
    other tells what share of normal images exceeds it."""
    false_positives: float = 0.05
    """Share of normal images that may be called anomalous."""
    score: Literal["neighbours", "latent", "error"] = "neighbours"
    """Distance of the code to the five nearest normal ones; Mahalanobis distance of the code to all of them; or mean
    squared error of the reconstruction."""
    count: int = 8
    """Images on the sheet."""
    seed: int = 0
    """Decides which normal images are compared with, and the halves."""
    out: str = "anomaly.png"
    """The PNG file to write."""
    weights: Literal["newest", "best"] = "newest"
    """Which weights look: the newest, or the best that `train --keep-best` kept."""
    device: str = "auto"
    """Where to compute: auto, cpu, cuda, cuda:1 or mps."""
    offline: bool = False
    """Never fetch data from the network."""
    overwrite: bool = False
    """Replace files that are there."""
    json: str | None = None
    """Write the facts as JSON to this file; - is standard output."""


def run(words: list[str]) -> int:
    """Score, compare, draw."""
    from belamy.cli.output import deliver
    from belamy.cli.parsing import parse

    form = parse(Form, words, "belamy anomaly")
    from belamy.cli.pictures import picture_file

    out = picture_file(form.out, form.overwrite)
    import torch

    from belamy.cli.images import given, held_out
    from belamy.device import choose_device
    from belamy.editing.anomaly import examine, fit, usual
    from belamy.errors import UsageError
    from belamy.runs.files import write_bytes
    from belamy.runs.run import Run
    from belamy.seeds import generator
    from belamy.training.setup import open_recipe_data

    if not 1 <= form.count <= 64:
        raise UsageError(f"--count is {form.count}, but it must be in 1..64.")
    run = Run.open(form.run)
    method = run.method(best=form.weights == "best").to(choose_device(form.device))
    data = open_recipe_data(run.recipe, form.offline)
    names, suspects, _ = given(form.suspects, data, form.offline)
    others = given(form.reference, data, form.offline)[1] if form.reference else data.images(held_out(data))
    order = torch.randperm(len(others), generator=generator(form.seed, "halves"))
    half = (len(others) + 1) // 2
    detector = fit(method, usual(data, form.seed), others[order[:half]], form.score)
    report = examine(detector, suspects, others[order[half:]], form.false_positives, tuple(names))
    write_bytes(out, report.picture(form.count).png)
    facts = {"run": str(run.path), "suspects_from": form.suspects, "reference": form.reference or "held-out images",
             **report.facts(), "seed": form.seed, "files": [str(out)]}  # fmt: skip
    low, high = (f"{limit:.1%}" for limit in report.operating.false_alarms[1:])
    first = [f"  {names[place]}: {float(report.scores[place]):.4g}" for place in report.alarms[: form.count]]
    text = [
        f"{out}: {len(report.alarms):,} of {len(names):,} are anomalous ({form.score} above "
        f"{report.operating.threshold:.4g})",
        f"of {len(others) - half:,} other normal images {report.operating.false_alarms.value:.1%} are above it "
        f"({low} to {high}); {form.false_positives:.1%} was asked for",
        *first,
    ]
    deliver(facts, form.json, "\n".join(text))
    return 0
