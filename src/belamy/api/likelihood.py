"""Likelihoods of data by a run: how many nats and bits each sample takes."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from belamy.data import Dataset, open_data
from belamy.device import choose_device
from belamy.errors import UsageError
from belamy.evaluation.kneser_ney import ORDER, nats_by_ngrams
from belamy.methods.base import BaseMethod, HasLikelihood, HasNormaliser
from belamy.modalities import modality
from belamy.networks.partition import Normaliser
from belamy.runs.run import Run
from belamy.sampling.draw import placement
from belamy.seeds import SampleDraws, generator
from belamy.training.setup import open_recipe_data

SPLITS = ("test", "train", "validation", "all")
BATCH = 256
Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Likelihoods:
    """What a run says of samples.

    Args:
        data: What they are of.
        names: What each is called.
        nats: Minus the log-likelihood of each.  # [n] float64
        units: Of how many characters, words or dimensions each is made.  # [n]
        unit: What these are.
        kind: Whether the likelihood is ``exact``, a ``bound``, so that the nats are too many, or an ``estimate``.
        rival: Nats by an n-gram model that was counted on the run's training data; None where there is none.  # [n]
        scored: What the likelihoods are of, where that is not the data as they are, e.g. binarised pictures.
        normaliser: The factor that all likelihoods share, where one must be found.
    """

    data: str
    names: tuple[str, ...]
    nats: Tensor
    units: Tensor
    unit: str
    kind: str
    rival: Tensor | None = None
    scored: str = ""
    normaliser: Normaliser | None = None

    @property
    def within(self) -> tuple[float, float]:
        """Between what the mean of the nats lies by what is known of the normaliser."""
        mean, found = float(self.nats.mean()), self.normaliser
        return (mean - found.value + found.low, mean - found.value + found.high) if found else (mean, mean)

    @property
    def bits_per_unit(self) -> float:
        """All bits over all characters, words or dimensions."""
        return _bits(self.nats, self.units)

    def facts(self) -> dict[str, Any]:
        """Everything as plain JSON."""
        rows = zip(self.names, self.nats.tolist(), self.units.tolist(), strict=True)
        found: dict[str, Any] = {
            "data": self.data,
            "samples": len(self.names),
            "likelihood": self.kind,
            "of": self.scored or self.data,
            "nats": float(self.nats.mean()),
            f"bits_per_{self.unit}": self.bits_per_unit,
            f"{self.unit}s": int(self.units.sum()),
            "each": [{"name": name, "nats": nats, f"{self.unit}s": units} for name, nats, units in rows],
        }
        if self.normaliser is not None:
            value, low, high, how = self.normaliser
            found["normaliser"] = {"value": value, "low": _finite(low), "high": high, "how": how}
            found["nats_within"] = [_finite(each) for each in self.within]
        if self.rival is not None:
            found["kneser_ney"] = {"order": ORDER, f"bits_per_{self.unit}": _bits(self.rival, self.units)}
        return found

    def table(self) -> str:
        """A CSV table with a row for each sample."""
        written = io.StringIO()
        writer = csv.writer(written, lineterminator="\n")
        writer.writerow(["name", "nats", f"{self.unit}s", f"bits_per_{self.unit}"])
        for name, nats, units in zip(self.names, self.nats.tolist(), self.units.tolist(), strict=True):
            writer.writerow([name, f"{nats:.6f}", units, f"{nats / math.log(2) / max(units, 1):.6f}"])
        return written.getvalue()

    def text(self) -> str:
        """The means in words."""
        counted = {"character": "its end is one", "word": "its end is one"}.get(self.unit, "")
        told = {"exact": "", "bound": "at most "}.get(self.kind, "about ")
        lines = [
            f"{self.data}: {len(self.names):,} samples, {told}{float(self.nats.mean()):.4f} nats each",
            f"{told}{self.bits_per_unit:.4f} bits per {self.unit}{f' ({counted})' if counted else ''}",
        ]
        if self.unit == "dimension":
            kinds = {"exact": "the likelihood itself", "bound": "a bound of the likelihood"}
            what = kinds.get(self.kind, "an estimate of the likelihood")
            lines.append(f"{what}{f', of {self.scored}' if self.scored else ''}")
        if self.normaliser is not None:
            lines.append(self._about(self.normaliser))
        if self.rival is not None:
            lines.append(
                f"n-grams of up to {ORDER} with Kneser-Ney smoothing, counted on the training data: "
                f"{_bits(self.rival, self.units):.4f} bits per {self.unit}"
            )
        return "\n".join(lines)

    def _about(self, found: Normaliser) -> str:
        said = f"ln Z = {found.value:.3f}, {found.how}"
        if found.exact:
            return said
        low, high = self.within
        few = "" if math.isfinite(low) else ": too few chains or temperatures to tell the lower end"
        return (f"{said}: within three standard errors {low:.2f} to {high:.2f} nats{few}; such an estimate is on "
                "average a little too low, and so are these nats")  # fmt: skip


def score(
    run: str | Path | Run,
    data: str | Path = "test",
    *,
    count: int | None = None,
    best: bool = False,
    baseline: bool = True,
    seed: int = 0,
    batch: int = BATCH,
    device: str = "auto",
    offline: bool = False,
    progress: Progress | None = None,
) -> Likelihoods:
    """How likely data are, says a run whose method knows likelihoods.

    Args:
        run: It, or its directory.
        data: ``test``, ``train``, ``validation`` or ``all`` of the run's own data, or any source like them.
        count: So many of them at most, which the seed draws; by default all.
        best: With the best weights that ``train --keep-best`` kept.
        baseline: Compare a language model with n-grams that are counted on its training data.
        seed: Of what a bound draws, and of that draw.
        batch: How many at a time.
        device: Where to compute.
        offline: Never fetch data from the network.
        progress: Called with (done, total).

    Raises:
        UsageError: The run knows no likelihoods, or there is no such split.
        DataError: The data cannot be read, or are of another shape.

    Example:
        >>> score("runs/phrases", "test").bits_per_unit  # doctest: +SKIP
        2.14
    """
    opened = run if isinstance(run, Run) else Run.open(run)
    method = likely(opened.method(best=best).to(choose_device(device)))
    own = open_recipe_data(opened.recipe, offline)
    if str(data) in SPLITS:
        chosen, among = own, own.indices(str(data))
    else:
        chosen = like(opened, own, data, offline)
        among = torch.arange(len(chosen))
    among = some(among, count, seed)
    nats = _nats(method, chosen, among, seed, batch, progress)
    raw, field = chosen.store.read(among), chosen.field
    counted = getattr(modality(field.modality), "units", None)
    unit, units = counted(raw, field) if counted else ("dimension", torch.full((len(among),), math.prod(field.shape)))
    names = chosen.names or [str(index) for index in range(len(chosen))]
    rival = nats_by_ngrams(own, raw) if baseline and field.modality == "text" else None
    shown = tuple(names[index] for index in among.tolist())
    name = chosen.name if chosen is not own else f"{own.name}, {data}"
    normaliser = method.normaliser() if isinstance(method, HasNormaliser) else None
    return Likelihoods(name, shown, nats, units, unit, method.likelihood, rival, method.scored, normaliser)


def some(among: Tensor, count: int | None, seed: int) -> Tensor:
    """So many of these numbers at most, by a seed, in their order."""
    if count is None or count >= len(among):
        return among
    return among[torch.randperm(len(among), generator=generator(seed, "scored"))[:count].sort().values]


def likely(method: BaseMethod) -> Any:
    """The method, known to have likelihoods.

    Raises:
        UsageError: It has none.
    """
    if isinstance(method, HasLikelihood):
        return method
    raise UsageError(
        f"score needs a method that knows how likely data are, and {method_of(method)} does not: a GAN, say, only "
        "draws samples. Take a run of a model of pictures, e.g. `belamy train gated-pixel-cnn`, of a language model, "
        "`belamy train char-lm`, or of sounds, `belamy train wavenet-small`."
    )


def method_of(method: BaseMethod) -> str:
    """The public name of a method."""
    return type(method).__module__.rpartition(".")[2].replace("_", "-")


def like(run: Run, own: Dataset, source: str | Path, offline: bool) -> Dataset:
    """Other data, read as the run's own are."""
    recipe, field = run.recipe, own.field
    given: dict[str, Any] = {"modality": recipe.modality or field.modality, "rate": recipe.rate}
    if field.modality == "image":
        given |= {"size": tuple(field.shape[1:]), "channels": field.shape[0], "fit": recipe.fit, "alpha": recipe.alpha}
    else:
        given |= {"length": recipe.length, "like": field}
    data = open_data(source, offline=offline, **given)
    if data.field.shape != field.shape:
        raise UsageError(f"{source} has the shape {data.field.shape}, but this run's data {field.shape}.")
    return data


@torch.no_grad()
def _nats(method: Any, data: Dataset, among: Tensor, seed: int, batch: int, progress: Progress | None) -> Tensor:
    device, dtype = placement(method)
    found = []
    method.eval()
    for part in among.split(batch):
        told = method.log_prob(data.batch(part, device, dtype), SampleDraws(seed, part.tolist()))
        found.append(-told.double().cpu())
        if progress is not None:
            progress(sum(map(len, found)), len(among))
    return torch.cat(found)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _bits(nats: Tensor, units: Tensor) -> float:
    return float(nats.sum()) / math.log(2) / max(int(units.sum()), 1)
