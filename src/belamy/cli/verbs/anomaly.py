"""Find the images that are unlike those a run was trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from belamy.cli.options import Json, Offline, OfRun, Seed, Share, ToFile, Within, options
from belamy.cli.parsing import verb

if TYPE_CHECKING:
    from belamy.methods.base import BaseMethod
    from belamy.runs.run import Run


@options
class Form(OfRun, Offline, ToFile, Json):
    """Find anomalies: score pictures by how far a run places them from what it was trained on, by the codes of an
    autoencoder or by a likelihood, with a threshold that a stated share of normal images exceeds. Writes a sheet of the
    most unusual, with heat maps where the run reconstructs."""

    run: str
    """The run's directory; its method must have an encoder, or know likelihoods."""
    suspects: str
    """What to look at: a picture, a folder, an archive, an array file, a named data set; test for the run's held-out
    images."""
    reference: str | None = None
    """Normal images that the run was not trained on; by default its held-out ones. One half decides the threshold, the
    other tells what share of normal images exceeds it."""
    false_positives: Share = 0.05
    """Share of normal images that may be called anomalous."""
    score: Literal["neighbours", "latent", "error", "likelihood", "typicality", "complexity"] | None = None
    """Distance of the code to the five nearest normal ones; Mahalanobis distance of the code to all of them; mean
    squared error of the reconstruction; nats, which are few for plain pictures of any kind; how far they are from those
    of training images; nats beyond those of a PNG file. By default neighbours, or typicality where nothing encodes."""
    count: Annotated[int, Within(1, 64)] = 8
    """Images on the sheet."""
    seed: Seed = 0
    """Decides which normal images are compared with, and the halves."""
    out: str = "anomaly.png"
    """The PNG file to write."""


@verb(Form)
def run(form: Form) -> int:
    """Score, compare, draw."""
    import torch

    from belamy.cli.images import given, held_out
    from belamy.editing.anomaly import Kind, examine, fit, usual
    from belamy.methods.base import Encodes, HasLikelihood
    from belamy.runs.files import write_bytes
    from belamy.sampling.points import encoder
    from belamy.seeds import generator

    run, method = form.opened()
    check_kind(run, method)
    encodes = isinstance(method, Encodes) or not isinstance(method, HasLikelihood)
    score: Kind = form.score or ("neighbours" if encodes else "typicality")
    if score in ("neighbours", "latent", "error"):
        encoder(method)
    data = form.run_data(run)
    names, suspects, _ = given(form.suspects, data, form.offline)
    others = given(form.reference, data, form.offline)[1] if form.reference else data.images(held_out(data))
    order = torch.randperm(len(others), generator=generator(form.seed, "halves"))
    half = (len(others) + 1) // 2
    detector = fit(method, usual(data, form.seed), others[order[:half]], score)
    report = examine(detector, suspects, others[order[half:]], form.false_positives, tuple(names))
    write_bytes(form.file, report.picture(form.count).png)
    facts = {"run": str(run.path), "suspects_from": form.suspects, "reference": form.reference or "held-out images",
             **report.facts(), "seed": form.seed, "files": [form.out]}  # fmt: skip
    low, high = (f"{limit:.1%}" for limit in report.operating.false_alarms[1:])
    first = [f"  {names[place]}: {float(report.scores[place]):.4g}" for place in report.alarms[: form.count]]
    text = [
        f"{form.out}: {len(report.alarms):,} of {len(names):,} are anomalous ({score} above "
        f"{report.operating.threshold:.4g})",
        f"of {len(others) - half:,} other normal images {report.operating.false_alarms.value:.1%} are above it "
        f"({low} to {high}); {form.false_positives:.1%} was asked for",
        *(f"{name}: area under the ROC curve, against those normal images, {area.value:.3f} ({area.low:.3f} to "
          f"{area.high:.3f})" for name, area in report.areas.items() if len(report.areas) > 1),
        *first,
    ]  # fmt: skip
    return form.deliver(facts, "\n".join(text))


def check_kind(run: Run, method: BaseMethod) -> None:
    """Refuse a run of another kind than pictures, and say what tells unusual samples of its kind, if anything does.

    Raises:
        UsageError: It is one.
    """
    from belamy.errors import UsageError
    from belamy.methods.base import Encodes, HasLikelihood
    from belamy.modalities import modality

    if method.spec.modality == "image":
        return
    words = modality(method.spec.modality).words[1]
    why = "" if isinstance(method, Encodes) else ", and its method encodes nothing"
    hint = "Take a run of an autoencoder of pictures."
    if isinstance(method, HasLikelihood):
        hint = f"How likely it finds each of other {words} is told by: belamy score {run.path} DATA."
    raise UsageError(
        f"anomaly looks for pictures that lie far from others in an encoder's codes, but {run.path} learned from "
        f"{words}{why}. {hint}"
    )
