"""Differentiable augmentation: colour, translation and cutout."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from belamy.errors import UsageError, nearest
from belamy.seeds import Draws

REACH = 1 / 8
"""Largest translation, as a share of the side."""

HOLE = 1 / 2
"""Side of the cut-out square, as a share of the image's."""


class View(nn.Module):
    """Random colour, place and hole, drawn anew for each image, through which the generator's gradient flows.

    - ``colour``: brightness +U[-½, ½), saturation ×U[0, 2) about each pixel's mean (images of several channels),
      contrast ×U[½, 3/2) about the image's mean;
    - ``translation``: up to an eighth of the side in both axes; mid-grey comes in;
    - ``cutout``: a square of half the side becomes mid-grey; its centre is any pixel, so it may stick out.

    References:
        Zhao et al. 2020, arXiv 2006.10738, sections 3 and 4; where the hole lies: DeVries & Taylor 2017,
        arXiv 1708.04552, section 3.2.

    Args:
        shape: (C, H, W) of the images.
        value_range: What black and white are; the numbers above are for [-1, 1], other ranges are scaled to it.
        policy: Which of the three, in their order, joined by ``+``; empty for none.

    Raises:
        UsageError: An unknown name in the policy, or one named twice.
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        value_range: tuple[float, float] = (-1.0, 1.0),
        *,
        policy: str = "colour+translation+cutout",
    ) -> None:
        super().__init__()
        self.middle, self.unit = sum(value_range) / 2, (value_range[1] - value_range[0]) / 2
        known = {"colour": self._colour, "translation": self._translation, "cutout": self._cutout}
        names = [name.strip() for name in policy.split("+")] if policy.strip() else []
        for name in names:
            if name not in known:
                raise UsageError(f"diff-augment.policy has no '{name}'. {nearest(name, known)}")
        if len(set(names)) < len(names):
            raise UsageError(
                f"diff-augment.policy is '{policy}': name each once, e.g. {'+'.join(dict.fromkeys(names))}."
            )
        self._changes = [known[name] for name in names]

    def forward(self, images: Tensor, draw: Draws, progress: float) -> Tensor:
        """Changed images ``[N, C, H, W]``; ``progress`` is not used."""
        if not self._changes:
            return images
        u = draw.uniform("diff-augment", len(images), 7).to(images.device)
        for change in self._changes:
            images = change(images, u)
        return images

    def observe(self, real_scores: Tensor) -> None:
        """Nothing: the strength is fixed."""

    def _colour(self, images: Tensor, u: Tensor) -> Tensor:
        brightness, saturation, contrast = u[:, :3, None, None, None].to(images).unbind(1)  # [N, 1, 1, 1]
        images = images + (brightness - 0.5) * self.unit
        if images.shape[1] > 1:
            grey = images.mean(1, keepdim=True)
            images = torch.lerp(grey, images, 2 * saturation)
        return torch.lerp(images.mean((1, 2, 3), keepdim=True), images, 0.5 + contrast)

    def _translation(self, images: Tensor, u: Tensor) -> Tensor:
        rows, inside_rows = _shifted(images.shape[2], u[:, 3])
        columns, inside_columns = _shifted(images.shape[3], u[:, 4])
        moved = images.gather(2, rows[:, None, :, None].expand_as(images))
        moved = moved.gather(3, columns[:, None, None, :].expand_as(images))
        return torch.where(_square(inside_rows, inside_columns), moved, self.middle)

    def _cutout(self, images: Tensor, u: Tensor) -> Tensor:
        hole = _square(_within_hole(images.shape[2], u[:, 5]), _within_hole(images.shape[3], u[:, 6]))
        return torch.where(hole, self.middle, images)


def _shifted(side: int, u: Tensor) -> tuple[Tensor, Tensor]:
    """Which row lands in each row after a random shift, and whether there is one.  # [N, side] both"""
    most = round(side * REACH)
    source = torch.arange(side, device=u.device) - _whole(u, 2 * most + 1)[:, None] + most
    inside = source.clamp(0, side - 1)
    return inside, inside == source


def _within_hole(side: int, u: Tensor) -> Tensor:
    """Whether a row is in the hole.  # [N, side]"""
    length = round(side * HOLE)
    start = _whole(u, side)[:, None] - length // 2
    row = torch.arange(side, device=u.device)
    return (row >= start) & (row < start + length)


def _square(rows: Tensor, columns: Tensor) -> Tensor:
    return rows[:, None, :, None] & columns[:, None, None, :]  # [N, 1, H, W]


def _whole(u: Tensor, count: int) -> Tensor:
    """Uniform numbers on [0, 1) as whole numbers uniform on 0..count-1."""
    return (u * count).long()
