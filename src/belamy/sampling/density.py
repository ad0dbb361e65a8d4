"""How likely each place of the plane is, as a picture to lie beside samples."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from belamy.data import Batch
from belamy.methods.base import BaseMethod, HasLikelihood
from belamy.modalities.fields import LABEL
from belamy.modalities.vector import INK, MARGIN, SIDE
from belamy.sampling.draw import placement
from belamy.seeds import SampleDraws

CELL = 2
"""Pixels of a side of the squares of which each has one density."""
DENSEST = 0.1
"""Share of the mass, the densest, that is drawn in full ink: one narrow peak does not bleach all others."""
AT_ONCE = 1 << 14


def knows_the_plane(method: BaseMethod) -> bool:
    """Whether a method knows how likely points in the plane are."""
    field = method.spec.field
    return isinstance(method, HasLikelihood) and field.modality == "vector" and tuple(field.shape) == (2,)


def density_picture(method: BaseMethod) -> np.ndarray:
    """The density over the stretch that a sheet of points shows, white for none.  # uint8 [SIDE, SIDE, 3]

    Of a method that is told classes it is the mean over them all, as a sheet has equally many samples of each.

    Args:
        method: One that :func:`knows_the_plane`; it is switched to evaluation mode and back.
    """
    across = (torch.arange(CELL / 2, SIDE, CELL) - MARGIN) * (2 / (SIDE - 2 * MARGIN)) - 1
    down, right = torch.meshgrid(-across, across, indexing="ij")
    density = _log_densities(method, torch.stack([right, down], -1).flatten(0, 1)).exp().view(down.shape)
    shares = (density / full_ink(density)).clamp(max=1).numpy()[..., None]
    cells = np.rint(255 + shares * (np.array(INK) - 255)).astype(np.uint8)
    return cells.repeat(CELL, 0).repeat(CELL, 1)


def full_ink(density: Tensor) -> float:
    """The density above which the densest tenth of the mass lies.

    Args:
        density: Of equal squares; what is not finite counts as none.

    Example:
        >>> full_ink(torch.tensor([0.0, 1.0, 4.0, 95.0]))
        95.0
    """
    falling = torch.nan_to_num(density.double(), posinf=0.0).flatten().sort(descending=True).values
    reached = int((falling.cumsum(0) < DENSEST * falling.sum()).sum())
    return max(float(falling[reached]), 1e-300)


@torch.no_grad()
def _log_densities(method: BaseMethod, points: Tensor) -> Tensor:
    """Logarithms of densities at points of [-1, 1]², but for one constant.  # [n, 2] to [n] float64"""
    assert isinstance(method, HasLikelihood)
    device, dtype = placement(method)
    name = next(name for name in method.spec.fields if name != LABEL)
    training = method.training
    method.eval()
    found = []
    try:
        for some in points.to(device, dtype).split(AT_ONCE):
            numbers = torch.arange(len(some))
            batches = [Batch({name: some, LABEL: torch.full((len(some),), label, device=device)}, numbers)
                       for label in range(max(len(method.spec.classes), 1))]  # fmt: skip
            told = [method.log_prob(batch, SampleDraws(0, numbers.tolist())).double().cpu() for batch in batches]
            found.append(torch.stack(told).logsumexp(0) - math.log(len(told)))
    finally:
        method.train(training)
    return torch.cat(found)
