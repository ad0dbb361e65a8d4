"""Codes that no feature takes: they are counted, and start anew where features are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from belamy.processes import gather
from belamy.seeds import Draws, generator


@torch.no_grad()
def revive(quantiser: Any, idle: Tensor, patience: int, look: Callable[[], Tensor], draw: Draws) -> None:
    """Give codes that have long been idle places among the batch's features; all processes give the same.

    Args:
        quantiser: Whose codes.
        idle: Steps since each was taken; those that start anew are at 0.  # long [codes]
        patience: So many make a code dead.
        look: Gives the batch's features; it is called where a code is dead.  # [N, D, h, w]
        draw: Chooses the places.
    """
    dead = (idle >= patience).nonzero()[:, 0]
    if len(dead):
        rows = gather(look()).flatten(0, 1).movedim(1, -1).flatten(0, -2)
        chosen = torch.randperm(len(rows), generator=generator(draw.seed, "revive", draw.step))
        dead = dead[: len(rows)]
        quantiser.revive(dead, rows[chosen[: len(dead)].to(rows.device)])
        idle[dead] = 0


@torch.no_grad()
def count(idle: Tensor, codes: Tensor) -> None:
    """Count the steps since each code was last taken.

    Args:
        idle: The counts, which change.  # long [codes]
        codes: That a batch took.  # long
    """
    idle += 1
    idle[gather(codes.double()).long().flatten().unique()] = 0
