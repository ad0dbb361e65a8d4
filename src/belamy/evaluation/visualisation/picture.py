"""A picture of a network, with what it shows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

MIDDLE = 127.5


@dataclass(frozen=True)
class Sheet:
    """A sheet.

    Args:
        network: Which network it is of.
        kind: ``filters``, ``activations`` or ``maximisation``.
        layer: Which layer it is of; empty for the output.
        title: Caption.
        pixels: uint8 ``[height, width, 3]``.
        facts: What was measured, as plain data.
    """

    network: str
    kind: str
    layer: str
    title: str
    pixels: np.ndarray
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """For a file: network, kind and layer."""
        return "-".join(part.replace(".", "_") for part in (self.network, self.kind, self.layer) if part)


def signed(weights: Tensor) -> Tensor:
    """Each picture by its own largest magnitude: grey for 0, white and black for ± that.  # [N, C, h, w] uint8"""
    largest = weights.abs().flatten(1).amax(1).clamp_min(torch.finfo(weights.dtype).tiny)
    return shades(weights / largest.view(-1, 1, 1, 1))


def shades(values: Tensor) -> Tensor:
    """Values in [-1, 1] as uint8; beyond is cut."""
    return (values.detach().float().cpu() * MIDDLE + MIDDLE).round().clamp(0, 255).to(torch.uint8)
