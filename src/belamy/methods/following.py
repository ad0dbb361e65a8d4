"""A copy of a network that follows it while it learns, for methods that need its average before the run ends."""

from __future__ import annotations

import torch
from torch import nn

from belamy.methods.recipe import BaseRecipe

RISE = 10.0
"""A half-life is at most this share of the samples seen."""


@torch.no_grad()
def follow(kept: nn.Module, now: nn.Module, recipe: BaseRecipe, progress: float) -> None:
    """Let a copy follow a network after a step, by the recipe's ``ema_half_life``; with 0 it is the same.

    Args:
        kept: The copy.
        now: The network.
        recipe: Of the run.
        progress: Share of the run that was done before the step.
    """
    half_life = max(min(recipe.ema_half_life, (progress * recipe.train_samples + recipe.batch) / RISE), 1e-9)
    share = 1 - 0.5 ** (recipe.batch / half_life) if recipe.ema_half_life else 1.0
    for mine, its in zip(kept.state_dict().values(), now.state_dict().values(), strict=True):
        if share < 1 and mine.is_floating_point():
            mine.lerp_(its, share)
        else:
            mine.copy_(its)
