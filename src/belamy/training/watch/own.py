"""What a method tells of itself at a look: its measures of held-out samples, and what is lost there and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from belamy.data import Batch
from belamy.methods.base import BaseMethod, Evaluates, Inverts, Ratio
from belamy.seeds import Draws, SampleDraws, derive
from belamy.training.trainer import Trainer

FEW = 16
"""Samples that go there and back."""


@torch.no_grad()
def told(trainer: Trainer, batch: Batch) -> dict[str, Any]:
    """A part of the row of a look.

    ``held`` are the method's measures of held-out samples, with averaged weights where averages are kept, and then
    ``live`` the same with the weights as they are; ``inverted`` is what is lost on the way there and back.

    Args:
        trainer: Its method, in evaluation mode.
        batch: Held-out samples, the same at every look. So are the random numbers, so that looks compare.
    """
    method, row = trainer.method, dict[str, Any]()
    if isinstance(method, Evaluates):
        with trainer.averages.in_place(method):
            row["held"] = measured(method, batch)
        if trainer.averages.networks:
            row["live"] = measured(method, batch)
    if isinstance(method, Inverts):
        some = batch.part(0, max(1, len(batch) // FEW))
        with torch.autocast(trainer.device.type, enabled=False):
            lost = method.round_trip(some, SampleDraws(derive(method.recipe.seed, "look"), range(len(some))))
        row["inverted"] = {name: worst(values) for name, values in lost.items()}
    return row


def measured(method: Evaluates, batch: Batch) -> dict[str, float]:
    """Means of the method's own measures."""
    assert isinstance(method, BaseMethod)
    first = next(method.parameters())
    draw = Draws(derive(method.recipe.seed, "look"), 0, device=first.device, dtype=first.dtype)
    values: Mapping[str, Tensor | Ratio] = method.evaluate(batch, draw)
    return {
        name: float(value.amounts.sum() / value.units.sum() if isinstance(value, Ratio) else value.double().mean())
        for name, value in values.items()
    }


def worst(values: Tensor) -> float:
    """The largest in size; infinite where one is no number."""
    return float(values.abs().nan_to_num(nan=float("inf")).max())
