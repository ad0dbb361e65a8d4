"""How near translations come to their targets, and the inputs themselves, and what is made without learning."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from belamy.errors import DataError
from belamy.evaluation.pairs import Pair
from belamy.evaluation.pairs.usual import UsualMeasures
from belamy.methods.base import UNTOUCHED, Restores
from belamy.modalities import modality
from belamy.modalities.fields import Field

MADE = "made"
"""Who made what a run's own translations are measured by."""


def measured(
    items: Sequence[tuple[Tensor, Tensor, Tensor | None]], method: Any, source: Field, target: Field, notes: list[str]
) -> dict[str, dict[str, Tensor]]:
    """Each measure of the translations that have targets, of their inputs and of what rivals make of these.

    By who made what is measured, and by the measure; what cannot be compared with every target is left out, and a pair
    that a measure cannot score of one of them, as PESQ silence, is NaN of all of them.

    Args:
        items: What was given, made and wanted, where that is known, as files hold them.
        method: What made it.
        source: What is given.
        target: What is made.
        notes: Take what a user should know.
    """
    known = [(given, made, wanted) for given, made, wanted in items if wanted is not None]
    found: dict[str, dict[str, list[Tensor]]] = {}
    kind, usual = modality(target.modality), UsualMeasures(speech=True)
    for given, made, wanted in known:
        own = target._replace(shape=tuple(made.shape))
        new, true = (kind.to_float(raw[None], own).double() for raw in (made, wanted))
        for who, values in {MADE: new, **beside(given, method, source, own)}.items():
            for name, measure in usual.of(own).items():
                found.setdefault(who, {}).setdefault(name, []).append(_score(measure, true, values))
    whole = {
        who: {name: torch.cat(values) for name, values in measures.items() if len(values) == len(known)}
        for who, measures in found.items()
    }
    notes += [f"{name} is left out: {why}" for name, why in usual.left_out.items()] + _paired(whole, len(known))
    return whole


def _score(measure: Pair, true: Tensor, values: Tensor) -> Tensor:
    """What a measure says of a pair, NaN where it can say nothing.  # [1]"""
    try:
        return measure(true, values)
    except DataError:
        return torch.full((1,), torch.nan, dtype=torch.float64)


def _paired(found: dict[str, dict[str, Tensor]], count: int) -> list[str]:
    """Let means be of the same pairs, whoever made them, and say what is missing."""
    notes = []
    for name in list(found.get(MADE, {})):
        of_all = [measures[name] for measures in found.values() if name in measures]
        lacking = torch.stack([values.isnan() for values in of_all]).any(0)
        for values in of_all:
            values[lacking] = torch.nan
        if lacking.all():
            notes.append(f"{name} is left out: no pair holds enough sound for it")
            for measures in found.values():
                measures.pop(name, None)
        elif lacking.any():
            notes.append(f"{name}: {int(lacking.sum())} of {count} pairs hold too little sound for it and do not count")
    return notes


def beside(given: Tensor, method: Any, source: Field, target: Field) -> dict[str, Tensor]:
    """What an input is as it is, and what rivals make of it, where that has the shape of its target."""
    if isinstance(method, Restores):
        kind = modality(target.modality)
        own = source._replace(shape=tuple(given.shape))
        rivals = method.rivals(modality(source.modality).to_float(given[None], own).double())
        return {
            who: kind.to_float(kind.to_raw(values, target), target).double()
            for who, values in rivals.items()
            if values.shape[1:] == target.shape
        }
    untouched = _comparable(given, source, target) if source.modality == target.modality else None
    return {} if untouched is None else {UNTOUCHED: untouched}


def _comparable(given: Tensor, source: Field, target: Field) -> Tensor | None:
    """The input as what it should have become, or None where the shapes do not allow it; grey stands for colour."""
    values = modality(source.modality).to_float(given[None], source._replace(shape=tuple(given.shape))).double()
    if values.shape[1:] == target.shape:
        return values
    grey = target.modality == "image" and values.shape[1] == 1 and values.shape[2:] == target.shape[1:]
    return values.expand(-1, target.shape[0], -1, -1) if grey else None
