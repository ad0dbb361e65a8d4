"""What a method says of itself on held-out data: its measures, likelihoods, and translations beside their targets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import log, prod

import torch
from torch import Tensor

from belamy.data import Batch, Dataset
from belamy.evaluation.captions import captioned
from belamy.evaluation.card import Card, package_versions
from belamy.evaluation.kneser_ney import nats_by_ngrams
from belamy.evaluation.measures import Measure
from belamy.evaluation.pairs.summary import summarise
from belamy.evaluation.pairs.usual import UsualMeasures
from belamy.methods.base import BaseMethod, Captions, Evaluates, HasLikelihood, Ratio, Restores, Translates, given_of
from belamy.modalities import modality
from belamy.modalities.text import PADDING
from belamy.sampling.draw import placement
from belamy.seeds import Draws, SampleDraws, derive

BATCH = 250
MOST = 1000
"""Samples that are translated or whose likelihood is measured, at most."""
RANGE = 2
"""Of values as networks see them, in [-1, 1]."""
MOST_BOUNDED = 200
"""Samples whose likelihood is bounded, at most: that takes a hundred evaluations of a network and their gradients."""


def batches(method: BaseMethod, data: Dataset, indices: Tensor, size: int = BATCH) -> Iterator[Batch]:
    """Samples in order as the method sees them, each beside one of every side that is not aligned with the data."""
    device, dtype = placement(method)
    for number, chosen in enumerate(indices.split(size)):
        yield data.with_sides(data.batch(chosen, device, dtype), number)


def evaluated(method: BaseMethod, data: Dataset, indices: Tensor) -> Iterator[Mapping[str, Tensor | Ratio]]:
    """The method's own measures, a batch at a time; it is in evaluation mode.  # [n] each"""
    assert isinstance(method, Evaluates)
    device, dtype = placement(method)
    for number, batch in enumerate(batches(method, data, indices)):
        yield method.evaluate(
            batch, Draws(derive(method.recipe.seed, "evaluation"), number, device=device, dtype=dtype)
        )


def whole(values: Sequence[Tensor | Ratio]) -> Tensor:
    r"""A measure of all samples from that of batches; a ratio r of sums is told by values whose mean it is.

    .. math:: v_i = r + (a_i - r u_i) / \bar u

    Their spread is that of the ratio, to first order (the delta method).

    Example:
        >>> whole([Ratio(torch.tensor([2.0, 4.0]), torch.tensor([1.0, 3.0]))]).mean()
        tensor(1.5000, dtype=torch.float64)
    """
    amounts = torch.cat([value.amounts if isinstance(value, Ratio) else value for value in values]).double().cpu()
    if not isinstance(values[0], Ratio):
        return amounts
    units = torch.cat([value.units for value in values if isinstance(value, Ratio)]).double().cpu()
    ratio = amounts.sum() / units.sum()
    return ratio + (amounts - ratio * units) / units.mean()


def own_card(data: Dataset, seed: int, averaged: bool | None = None) -> Card:
    """The protocol of a method's own measures."""
    return Card(
        extractor="", weights="", features=0, data=data.fingerprint, split="test", n_real=len(data.held_out),
        n_generated=0, seed=seed, labels="none", quantisation="", divisor="", averaged=averaged,
        versions=package_versions(),
    )  # fmt: skip


def merit_of(method: BaseMethod, data: Dataset) -> str:
    """The measure of its own, lower being better, that says how good a method is: its ``loss``, a term of its
    objective, or else its first; empty where there is none."""
    training = method.training
    method.eval()
    try:
        with torch.no_grad():
            kept = data.held_out[:2]
            names = [*next(evaluated(method, data, kept))] if isinstance(method, Evaluates) and len(kept) else []
    finally:
        method.train(training)
    terms = [term.partition(".")[2] for term in method.objective_terms]
    return next((name for name in ("loss", *terms, *names) if name in names), "")


def speaks(method: BaseMethod) -> bool:
    """Whether a method can be measured without drawing samples."""
    return isinstance(method, Evaluates | HasLikelihood | Translates)


@torch.no_grad()
def own_measures(method: BaseMethod, data: Dataset, seed: int = 0) -> tuple[Measure, ...]:
    """All that a method says of itself, with intervals of 95 % for other data of the same kind.

    Args:
        method: Its mode is as before afterwards.
        data: What it learned from; its split ``test`` is shown, none where nothing is held out.
        seed: Of what translations and likelihoods draw.
    """
    indices = data.held_out
    if not len(indices) or not speaks(method):
        return ()
    training, found = method.training, dict[str, list[Tensor | Ratio]]()
    method.eval()
    try:
        parts = [evaluated(method, data, indices)] if isinstance(method, Evaluates) else []
        if isinstance(method, HasLikelihood):
            most = MOST_BOUNDED if method.likelihood == "bound" else MOST
            parts.append(_likely(method, data, indices[:most], seed))
        parts += [_by_ngrams(data, indices)] if isinstance(method, HasLikelihood) else []
        parts += [captioned(method, data, indices[:MOST])] if isinstance(method, Captions) else []
        parts += [_translated(method, data, indices[:MOST], seed)] if isinstance(method, Translates) else []
        for values in (each for part in parts for each in part):
            for name, value in values.items():
                found.setdefault(name, []).append(value)
    finally:
        method.train(training)
    summaries = {name: summarise(whole(values)).mean for name, values in found.items()}
    return tuple(Measure(name, each.value, each, metric="held-out") for name, each in summaries.items() if each)


def _likely(method: HasLikelihood, data: Dataset, indices: Tensor, seed: int) -> Iterator[Mapping[str, Tensor]]:
    """Log-likelihoods in nats, and the same as bits of each value of a sample where all have equally many."""
    assert isinstance(method, BaseMethod)
    said = "log-likelihood" if method.likelihood == "exact" else f"log-likelihood-{method.likelihood}"
    first, size = 0, max(1, prod(data.shape))
    varies = hasattr(modality(data.field.modality), "units")
    for batch in batches(method, data, indices, 50):
        nats = method.log_prob(batch, SampleDraws(seed, range(first, first + len(batch))))
        first += len(batch)
        yield {said: nats} if varies else {said: nats, "bits-per-value": -nats / (size * log(2))}


def _by_ngrams(data: Dataset, indices: Tensor) -> Iterator[Mapping[str, Ratio]]:
    """Of texts, the bits of what a language model has to beat."""
    if data.field.modality == "text":
        raw = data.store.read(indices)
        if (nats := nats_by_ngrams(data, raw)) is not None:
            yield {"bits-by-n-grams": Ratio(nats / log(2), (raw != PADDING).sum(1).double())}


def _translated(method: Translates, data: Dataset, indices: Tensor, seed: int) -> Iterator[Mapping[str, Tensor]]:
    """Translations beside their targets, where the data have these."""
    assert isinstance(method, BaseMethod)
    if method.target not in data.columns:
        return
    field = data.columns[method.target].field
    compare = UsualMeasures().of(field)
    compare.pop("l1", None)  # told of every kind, as the same share of the range
    first = 0
    for batch in batches(method, data, indices, 50):
        draws = SampleDraws(seed, range(first, first + len(batch)))
        source, target = given_of(method, batch, draws), batch[method.target]
        made = {"translation": method.translate(source, draws)}
        made |= method.rivals(source) if isinstance(method, Restores) else {}
        first += len(batch)
        found = {}
        for who, values in made.items():
            if values.shape != target.shape or not values.is_floating_point():
                continue
            values = values.clamp(-1, 1) if field.modality in ("image", "video") else values
            found[f"{who}-l1"] = (values - target).abs().flatten(1).mean(1) / RANGE
            found |= {f"{who}-{name}": compared(target, values) for name, compared in compare.items()}
        if found:
            yield found
