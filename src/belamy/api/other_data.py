"""Likelihoods of other data beside those of a run's own: what a model finds likelier, and what tells kinds apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import log, prod
from pathlib import Path
from typing import Any

from torch import Tensor

from belamy.api.likelihood import SPLITS, like, likely, some
from belamy.device import choose_device
from belamy.editing.likelihood_scores import LIKELIHOOD_SCORES, measured, scores
from belamy.errors import UsageError
from belamy.evaluation import intervals, ranking
from belamy.evaluation.measures import aligned
from belamy.evaluation.statistics import Interval
from belamy.modalities import modality
from belamy.runs.run import Run
from belamy.training.setup import open_recipe_data

COUNT = 1000
"""Samples of each kind, at most."""


@dataclass(frozen=True, eq=False)
class DataRow:
    """What a run says of one kind of data.

    Args:
        name: Of the data.
        samples: How many were scored.
        nats: Their mean, of each sample, with its interval of 95 %.
        bits: The same for each value.
        areas: Area under the ROC curve, these data against the run's own held-out ones, by each score; none of its own.
    """

    name: str
    samples: int
    nats: Interval
    bits: Interval
    areas: Mapping[str, Interval] = field(default_factory=dict)

    def facts(self) -> dict[str, Any]:
        """Plain data."""
        areas = {name: list(area) for name, area in self.areas.items()}
        return {"data": self.name, "samples": self.samples, "nats": list(self.nats),
                "bits_per_dimension": list(self.bits), "areas": areas}  # fmt: skip


@dataclass(frozen=True, eq=False)
class OtherLikelihoods:
    """A run's own data and others, side by side.

    Args:
        rows: Training data, held-out data, and the others.
        kind: Whether likelihoods are ``exact``, a ``bound`` or an ``estimate``.
        scored: What they are of.
    """

    rows: tuple[DataRow, ...]
    kind: str
    scored: str

    def facts(self) -> dict[str, Any]:
        """Plain data."""
        return {"likelihood": self.kind, "of": self.scored, "rows": [row.facts() for row in self.rows]}

    def text(self) -> str:
        """A table, and what it says."""
        head = (
            "",
            "samples",
            "nats",
            "95 % interval",
            "bits per dimension",
            *(f"by {name}" for name in LIKELIHOOD_SCORES),
        )
        lines = [head]
        for row in self.rows:
            areas = [f"{area.value:.3f} ({area.low:.3f} to {area.high:.3f})" for area in row.areas.values()]
            told = (f"{row.nats.value:,.1f}", f"{row.nats.low:,.1f} to {row.nats.high:,.1f}", f"{row.bits.value:.3f}")
            lines.append((row.name, f"{row.samples:,}", *told, *(areas or [""] * len(LIKELIHOOD_SCORES))))
        test = self.rows[1]
        trap = [row.name for row in self.rows[2:] if row.nats.high < test.nats.low]
        said = [
            "the last three: area under the ROC curve against held-out data, 1 if all look more unusual, 0.5 by chance",
            *(f"{name} is likelier than the run's own held-out data, though it is of another kind: a likelihood alone "
              "does not tell what is unusual" for name in trap),
        ]  # fmt: skip
        return "\n".join([*aligned(lines), *said])


def score_others(
    run: str | Path | Run,
    others: Sequence[str | Path],
    *,
    count: int = COUNT,
    best: bool = False,
    seed: int = 0,
    device: str = "auto",
    offline: bool = False,
) -> OtherLikelihoods:
    """How likely a run finds other pictures, beside its own training and held-out ones.

    Args:
        run: It, or its directory.
        others: Data sources, read as the run's own are: grey or coloured, and of its size.
        count: Samples of each kind, at most; the seed draws them.
        best: With the best weights that ``train --keep-best`` kept.
        seed: Of that draw, and of what bounds and noise draw.
        device: Where to compute.
        offline: Never fetch data from the network.

    Raises:
        UsageError: The run knows no likelihoods, holds nothing out, or learned from other kinds than pictures.
        DataError: The data cannot be read.
    """
    opened = run if isinstance(run, Run) else Run.open(run)
    method = likely(opened.method(best=best).to(choose_device(device)))
    own = open_recipe_data(opened.recipe, offline)
    if own.field.modality != "image" or own.field.bits != 8:
        held = (
            "pictures of more than 8 bits" if own.field.modality == "image" else modality(own.field.modality).words[1]
        )
        raise UsageError(f"--other compares pictures of 8 bits, but {opened.path} learned from {held}. Leave it out.")
    if len(own.held_out) < 2:
        raise UsageError(f"{own.name} holds nothing out to compare other data with. Leave --other out.")
    size, rows, found = prod(own.shape), list[DataRow](), dict[str, tuple[Tensor, Tensor]]()
    sets = [(f"{own.name}, {split}", own, own.indices(split)) for split in SPLITS[1::-1]]
    for source in others:
        data = like(opened, own, source, offline)
        sets.append((data.name, data, data.indices("all")))
    for name, data, among in sets:
        kept = some(among, count, seed)
        found[name] = measured(method, data.images(kept), seed, kept)
        nats = found[name][0]
        mean = intervals.mean(nats)
        rows.append(DataRow(name, len(nats), mean, Interval(*(value / size / log(2) for value in mean))))
    typical, normal = rows[0].nats.value, scores(*found[rows[1].name], rows[0].nats.value)
    for place, row in enumerate(rows[2:], start=2):
        told = scores(*found[row.name], typical)
        areas = {name: ranking.auroc_interval(normal[name], told[name]) for name in told}
        rows[place] = DataRow(row.name, row.samples, row.nats, row.bits, areas)
    return OtherLikelihoods(tuple(rows), method.likelihood, method.scored)
