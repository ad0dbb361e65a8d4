"""What is wrong with pictures that were made, beside pictures as they should be: colours, spots, seams, edges of holes.

Pictures are ``[n, C, H, W]`` in [-1, 1] throughout.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

SPOT, AROUND = 3, 4
"""Side of a spot, and how far away what surrounds it lies, in pixels."""
NEAR = 4
"""A line is compared with so many on both sides."""
FLAT = 0.3
"""Lines that differ less than this share of the mean line count as that much, for in flat places little is much."""
PLACES = 8
"""Places each way of which colours and edges are described."""


def spots(pictures: Tensor) -> Tensor:
    """By how much the strongest spot of each picture is brighter, and darker, than all that surrounds it.

    A spot is the mean of 3 x 3 pixels; around it lie eight such means, four pixels away. Edges and lines are no spots,
    for some of these lie on them.

    Args:
        pictures: Of any channels; their mean counts.

    Returns:
        Bright ones and dark ones.  # [n, 2]
    """
    grey = pictures.mean(1, keepdim=True)
    wide = F.pad(grey, (AROUND + 1,) * 4, mode="replicate")
    means = F.avg_pool2d(wide, SPOT, 1)  # larger by AROUND on all sides
    height, width = grey.shape[2:]
    places = [(down, across) for down in (0, AROUND, 2 * AROUND) for across in (0, AROUND, 2 * AROUND)]
    near = torch.stack([means[:, 0, down : down + height, across : across + width] for down, across in places])
    centre = near[len(places) // 2]
    others = torch.cat([near[: len(places) // 2], near[len(places) // 2 + 1 :]])
    bright, dark = centre - others.amax(0), others.amin(0) - centre
    return torch.stack([bright.flatten(1).amax(1), dark.flatten(1).amax(1)], 1).clamp_min(0)


class LineDifferences(NamedTuple):
    """By how much neighbouring rows, and neighbouring columns, differ, over the lines near them."""

    rows: Tensor
    """``[H - 1]``"""
    columns: Tensor
    """``[W - 1]``"""


def lines(pictures: Tensor) -> LineDifferences:
    """What stands out in rows and columns of pictures, in their mean."""
    return LineDifferences(*(
        _over_neighbours(pictures.diff(dim=axis).abs().mean((0, 1, 5 - axis))) for axis in (2, 3)
    ))  # fmt: skip


class Seam(NamedTuple):
    """The line that stands out most against the same of the data, and how many pixels it lies from the nearest edge."""

    factor: float
    inside: int


def seam(made: LineDifferences, usual: LineDifferences) -> Seam:
    """The worst seam of pictures that were made.

    Example:
        >>> flat = torch.ones(15)
        >>> cut = flat.index_fill(0, torch.tensor([7]), 4.0)
        >>> seam(LineDifferences(flat, cut), LineDifferences(flat, flat))
        Seam(factor=4.0, inside=8)
    """
    found = []
    for mine, its in zip(made, usual, strict=True):
        factors = mine / its.clamp_min(1)
        at = int(factors.argmax())
        found.append(Seam(float(factors[at]), min(at + 1, len(mine) - at)))
    return max(found)


def jumps(pictures: Tensor, known: Tensor) -> float:
    """By how much pixels on both sides of the edges of holes differ, on average; 0 without holes.

    Args:
        pictures: Filled or whole ones.
        known: 1 where pixels are known, 0 in holes.  # [n, 1, H, W]
    """
    total = count = 0.0
    for axis in (2, 3):
        across = known.diff(dim=axis).abs()
        total += float((pictures.diff(dim=axis).abs().mean(1, keepdim=True) * across).sum())
        count += float(across.sum())
    return total / max(count, 1.0)


def likeness(made: Tensor, wanted: Tensor, weights: Tensor) -> float:
    """Correlation of pixel values about their channels' means: 1 for like colours, -1 for inverted ones.

    Args:
        made: Some pictures.
        wanted: Those that they are compared with.
        weights: Which pixels count.  # [n, 1, H, W]
    """
    first, second = (each - _overall(each, weights) for each in (made, wanted))
    norms = (first.square() * weights).sum() * (second.square() * weights).sum()
    return float((first * second * weights).sum() / (norms.sqrt() + 1e-9))


def shift(means: Tensor, wanted: Tensor, deviation: Tensor, *, paired: bool) -> float:
    """By how much the mean of a channel is off, at most and beyond chance, over the deviation of wanted pixels.

    Args:
        means: Of the channels of each picture that was made.  # [n, C]
        wanted: The same of pictures as they should be.  # [m, C]
        deviation: Of their pixels, a number.
        paired: Whether each of these is what the one in its place should be; then m = n.
    """
    off = (means.mean(0) - wanted.mean(0)).abs()
    if paired:
        error = ((means - wanted).var(0) / len(means)).sqrt()
    else:
        error = (means.var(0) / len(means) + wanted.var(0) / len(wanted)).sqrt()
    return float((off - 2 * error).clamp_min(0).max() / (deviation + 1e-3))


def channel_means(pictures: Tensor, weights: Tensor) -> Tensor:
    """Means over the pixels that count, of each channel of each picture.  # [n, C]"""
    return (pictures * weights).sum((2, 3)) / weights.sum((2, 3)).clamp_min(1e-9)


def variety(made: Tensor, weights: Tensor) -> float:
    """By how much a pixel differs from picture to picture, in its mean.

    Args:
        made: At least two pictures.
        weights: Which pixels count.  # [n, 1, H, W]
    """
    counted = weights.sum(0).clamp_min(1e-9)
    centred = (made - (made * weights).sum(0) / counted).square()
    deviations = ((centred * weights).sum(0) / counted).sqrt()  # [C, H, W]
    share = weights.mean(0)
    return float((deviations * share).sum() / (share.sum() * made.shape[1] + 1e-9))


def apart(first: Tensor, second: Tensor, weights: Tensor) -> float:
    """Mean absolute difference of pixels that count."""
    return float(((first - second).abs() * weights).sum() / (weights.sum() * first.shape[1] + 1e-9))


def described(pictures: Tensor) -> Tensor:
    """Colours and edges of 8 x 8 places.  # [n, 3 * C * 64]"""
    across = F.pad(pictures.diff(dim=3).abs(), (0, 1))
    down = F.pad(pictures.diff(dim=2).abs(), (0, 0, 0, 1))
    return F.adaptive_avg_pool2d(torch.cat([pictures, across, down], 1), PLACES).flatten(1)


class Way(NamedTuple):
    """From pictures of one side to those of another, by their descriptions.

    Args:
        start: Mean of the first side.  # [d]
        step: From there to the mean of the second.  # [d]
        deviation: About the mean of a side.  # [d]
        distance: The step's squared length in deviations, over what chance makes of it; 1 where sides are alike.
    """

    start: Tensor
    step: Tensor
    deviation: Tensor
    distance: float

    @classmethod
    def between(cls, first: Tensor, second: Tensor) -> Way:
        """The way between two sets of pictures."""
        here, there = described(first), described(second)
        variance = (here.var(0) + there.var(0)) / 2
        deviation = variance.sqrt() + 0.1 * variance.mean().sqrt() + 1e-6
        step = (there.mean(0) - here.mean(0)) / deviation
        chance = len(step) * (1 / len(here) + 1 / len(there))
        return cls(here.mean(0), step, deviation, float(step.square().sum()) / chance)

    def gone(self, given: Tensor, made: Tensor) -> float:
        """Which share of the way pictures have gone that were made of given ones: 0 for none, 1 for all."""
        moved = (described(made).mean(0) - described(given).mean(0)) / self.deviation
        return float((moved @ self.step) / (self.step.square().sum() + 1e-12))


def _overall(pictures: Tensor, weights: Tensor) -> Tensor:
    means = (pictures * weights).sum((0, 2, 3)) / weights.sum().clamp_min(1e-9)
    return means[:, None, None]


def _over_neighbours(differences: Tensor) -> Tensor:
    """Each line over the median of those near it.  # [n]"""
    padded = F.pad(differences[None, None], (NEAR, NEAR), mode="replicate")[0, 0]
    windows = padded.unfold(0, 2 * NEAR + 1, 1)
    others = torch.cat([windows[:, :NEAR], windows[:, NEAR + 1 :]], 1)
    middle = others.sort(1).values[:, NEAR - 1 : NEAR + 1].mean(1)
    return differences / torch.maximum(middle, FLAT * differences.mean()).clamp_min(1e-6)
