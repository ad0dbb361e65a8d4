"""Numbers in units of their own, and the same on [-1, 1] by the range that the training split has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor


def ranges(samples: Tensor) -> dict[str, list[float]]:
    """The facts of a field: lowest and highest value of each number in the last axis.

    Args:
        samples: Those of the training split.  # [n, ..., c]

    Example:
        >>> ranges(torch.tensor([[0.0, 5.0], [2.0, 5.0]]))
        {'low': [0.0, 5.0], 'high': [2.0, 5.0]}
    """
    rows = samples.flatten(0, -2)
    return {"low": rows.amin(0).tolist(), "high": rows.amax(0).tolist()}


def to_unit(raw: Tensor, facts: Mapping[str, Any]) -> Tensor:
    """Raw values on [-1, 1], float32; beyond the range they go beyond, and what never changes is 0.  # [n, ..., c]"""
    if not facts:
        return raw.to(torch.float32)
    centre, half = _centre_and_half(facts, raw)
    return ((raw.to(centre.dtype) - centre) / torch.where(half == 0, 1.0, half)).to(torch.float32)


def from_unit(values: Tensor, facts: Mapping[str, Any]) -> Tensor:
    """The raw values of what networks make, clipped to the range, float32.  # [n, ..., c]"""
    if not facts:
        return values.detach().to(torch.float32)
    centre, half = _centre_and_half(facts, values)
    return (centre + half * values.detach().to(centre.dtype).clamp(-1, 1)).to(torch.float32)


def _centre_and_half(facts: Mapping[str, Any], like: Tensor) -> tuple[Tensor, Tensor]:
    # An accelerator may have no float64, and the CPU, where files are written, always does.
    exact = torch.float64 if like.device.type == "cpu" else torch.float32
    low, high = (torch.tensor(facts[side], dtype=exact, device=like.device) for side in ("low", "high"))
    return (high + low) / 2, (high - low) / 2
