"""Rules that real images keep: what each measures is fixed, within which limits is learned from real images.

A rule is a file here. A suspect breaks it where its number lies outside the limits; what share of real images does so
too is stated beforehand and counted on real images that the limits were not learned from.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import floor, inf
from typing import Protocol

import torch
from torch import Tensor

from belamy.registry import Registry

SPECIFICATIONS = Registry("belamy.forensics.specifications", "specification", "Specification")


class Specification(Protocol):
    """What a specification can do.

    Attributes:
        title: What it measures, as a heading.
        says: The rule in words, with ``{low}`` and ``{high}`` for its limits.
    """

    title: str
    says: str

    def measure(self, images: Tensor) -> Tensor:
        """A number ``[n]``, float64 and finite, of each uint8 image ``[n, C, H, W]``."""


@dataclass(frozen=True)
class Limits:
    """What a number of a real image may be.

    Args:
        low: The least; minus infinity where the images were too few to tell.
        high: The largest.
        false_alarms: The share of real images that may lie outside.
    """

    low: float
    high: float
    false_alarms: float

    def broken(self, numbers: Tensor) -> Tensor:
        """Which numbers lie outside.  # [n] bool"""
        return (numbers < self.low) | (numbers > self.high)


def learn(numbers: Tensor, false_alarms: float) -> Limits:
    r"""The limits outside of which a fresh real image lies with probability at most ``false_alarms``.

    The k-th smallest and the k-th largest of n numbers, :math:`k = \lfloor (n+1)\,\alpha/2 \rfloor`: each side is
    crossed with probability at most k/(n+1). With k = 0 there are too few images for the share, the smallest and the
    largest are the limits, and the share is stated as 2/(n+1).

    References:
        Vovk, Gammerman & Shafer 2005; tolerance limits: Wilks 1941.

    Args:
        numbers: Of real images.  # [n]
        false_alarms: In (0, 1).

    Example:
        >>> learn(torch.arange(199.0), 0.05)
        Limits(low=4.0, high=194.0, false_alarms=0.05)
    """
    if not len(numbers):
        return Limits(-inf, inf, 0.0)
    ordered = numbers.double().sort().values
    place = floor((len(ordered) + 1) * false_alarms / 2 + 1e-9)
    stated = false_alarms if place else 2 / (len(ordered) + 1)
    place = max(place, 1)
    return Limits(float(ordered[place - 1]), float(ordered[-place]), stated)


def surprise(reference: Tensor, numbers: Tensor, itself: bool = False) -> Tensor:
    r"""How far out a number lies among real ones, from 0 in their middle to nearly 1 beyond all of them.

    .. math:: 1 - \min\Bigl(1,\ \tfrac{2}{n}\min\bigl(\#\{r \le x\},\ \#\{r \ge x\}\bigr)\Bigr)

    over the reference and x itself, so that a reference number is no less surprising than a fresh one.

    Args:
        reference: Of real images.  # [k]
        numbers: Of other images.  # [n]
        itself: Whether the numbers are those of the reference.

    Returns:
        # [n] float64
    """
    ordered, numbers = reference.double().sort().values, numbers.double()
    joins = 0 if itself else 1
    total = len(ordered) + joins
    up_to = torch.searchsorted(ordered, numbers, right=True) + joins
    from_here = len(ordered) - torch.searchsorted(ordered, numbers) + joins
    return 1 - (2 * torch.minimum(up_to, from_here).double() / total).clamp_max(1)
