"""What growing networks share: at which size they work, and how images pass between sizes."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

UNIT = 1 << 32
"""Levels are stored as whole numbers of this part, so that averages of weights copy them and no weight is counted."""


class Growing(nn.Module):
    """A network whose finer blocks are neither computed nor trained until the network has grown to them.

    Images keep their full size everywhere outside of the network, so that penalties, views and conditions see what they
    see of other networks: a generator enlarges what it makes, a discriminator first takes means. All blocks exist from
    the beginning, so weights, averages and optimisers have their places in every checkpoint.

    Args:
        halvings: How often images can be halved: the coarsest level.
    """

    level: Tensor

    def __init__(self, halvings: int) -> None:
        super().__init__()
        self.halvings = halvings
        self.register_buffer("level", torch.tensor(0))

    def grow(self, level: float) -> None:
        """Work at a size from now on.

        Args:
            level: How often full images are halved: 0 is full size, as a network is when it is built; 2.5 is midway
                between a quarter and an eighth of the height.
        """
        if not 0 <= level <= self.halvings:
            raise ValueError(f"the level {level} is not within 0..{self.halvings}")
        self.level.fill_(round(level * UNIT))

    @property
    def place(self) -> tuple[int, float]:
        """The size as whole halvings, and the share that the next coarser size has in it."""
        level = 0 if self.level.is_meta else int(self.level)  # a tensor without values is traced at full size
        return level // UNIT, level % UNIT / UNIT


def halved(images: Tensor, times: int) -> Tensor:
    """Means of squares of pixels.  # [N, C, H, W] to [N, C, H/2^times, W/2^times]"""
    return F.avg_pool2d(images, 1 << times) if times else images


def enlarged(images: Tensor, times: int) -> Tensor:
    """Each pixel as a square of pixels.  # [N, C, H, W] to [N, C, 2^times H, 2^times W]"""
    return F.interpolate(images, scale_factor=float(1 << times), mode="nearest") if times else images
