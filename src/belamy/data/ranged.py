"""Sets of series and vectors, whose numbers are scaled by the range of the training split."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from belamy.data.dataset import Dataset, Memory, hold_out
from belamy.modalities.fields import Field
from belamy.modalities.scaling import ranges


def ranged(
    modality: str,
    name: str,
    values: Tensor,
    *,
    columns: Sequence[str] = (),
    rate: float | None = None,
    official: dict[str, Tensor] | None = None,
    **known: Any,
) -> Dataset:
    """A data set of numbers in memory.

    Args:
        modality: ``series`` or ``vector``.
        name: What the set is called.
        values: All samples.  # float32 [N, steps, channels] or [N, n]
        columns: Names of the numbers in the last axis.
        rate: Steps per second.
        official: Splits; by default a tenth is held out.
        known: Further arguments of :class:`Dataset`.

    Example:
        >>> ranged("vector", "noise", torch.rand(40, 2)).splits["test"].shape
        torch.Size([4])
    """
    splits = official or hold_out(len(values))
    facts = ranges(values[splits["train"]])
    field = Field(modality, tuple(values.shape[1:]), tuple(columns), rate, facts=facts)
    store = Memory(values.to(torch.float32))
    store.identity = "values and labels"
    return Dataset(name, store, field=field, official=official, **known)
