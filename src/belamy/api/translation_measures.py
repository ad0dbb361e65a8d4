"""How near translations come to their targets, and the inputs themselves, and what is made without learning."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from belamy.evaluation.pairs.usual import UsualMeasures
from belamy.methods.base import UNTOUCHED, Restores
from belamy.modalities import modality
from belamy.modalities.fields import Field

MADE = "made"
"""Who made what a run's own translations are measured by."""


def measured(
    items: Sequence[tuple[Tensor, Tensor, Tensor | None]], method: Any, source: Field, target: Field
) -> dict[str, dict[str, Tensor]]:
    """Each measure of the translations that have targets, of their inputs and of what rivals make of these.

    By who made what is measured, and by the measure; what cannot be compared with every target is left out.

    Args:
        items: What was given, made and wanted, where that is known, as files hold them.
        method: What made it.
        source: What is given.
        target: What is made.
    """
    known = [(given, made, wanted) for given, made, wanted in items if wanted is not None]
    found: dict[str, dict[str, list[Tensor]]] = {}
    kind, usual = modality(target.modality), UsualMeasures()
    for given, made, wanted in known:
        own = target._replace(shape=tuple(made.shape))
        new, true = (kind.to_float(raw[None], own).double() for raw in (made, wanted))
        for who, values in {MADE: new, **beside(given, method, source, own)}.items():
            for name, measure in usual.of(own).items():
                found.setdefault(who, {}).setdefault(name, []).append(measure(true, values))
    return {
        who: {name: torch.cat(values) for name, values in measures.items() if len(values) == len(known)}
        for who, measures in found.items()
    }


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
