"""What objects have looked like in the last pictures of training: together, and the clusters of each class."""

from __future__ import annotations

import torch
from torch import Tensor, nn

KEPT = 256
"""Pictures that are remembered; a newer one takes the oldest one's place."""
UNIT = 1 << 30
"""Looks are stored as whole numbers of this part, so that averages of weights copy them and no weight is counted."""
_ROUNDS = 50


class LookBank(nn.Module):
    """A few numbers for an object of each class of the last pictures.

    Args:
        classes: How many there are.
        features: How many numbers a look has, each in [-1, 1].
    """

    looks: Tensor
    present: Tensor
    count: Tensor

    def __init__(self, classes: int, features: int) -> None:
        super().__init__()
        self.register_buffer("looks", torch.zeros(KEPT, classes, features, dtype=torch.long))
        self.register_buffer("present", torch.zeros(KEPT, classes, dtype=torch.bool))
        self.register_buffer("count", torch.zeros((), dtype=torch.long))

    @torch.no_grad()
    def remember(self, looks: Tensor, present: Tensor) -> None:
        """Keep a look of each class that is present in each picture, in order.

        Args:
            looks: Of each picture and class.  # [N, K, F]
            present: Whether there is one.  # bool [N, K]
        """
        places = (self.count + torch.arange(len(looks), device=self.count.device))[-KEPT:] % KEPT
        self.looks[places] = (looks.double() * UNIT).round().long()[-KEPT:]
        self.present[places] = present[-KEPT:]
        self.count += len(looks)

    def remembered(self, number: int) -> Tensor:
        """The looks of a class.  # [n, F] in [-1, 1], n at most KEPT"""
        return self._values(self.looks[self.present[:, number], number])

    def together(self, chosen: float, most: int) -> list[Tensor]:
        """Looks that were seen together: of each class those in one picture and in the pictures most like it.

        How like another picture is, is told by the mean squared distance of the looks of the classes that both have.

        Args:
            chosen: Which of the remembered pictures, a number in [0, 1).
            most: How many looks of a class at most, those of the picture itself first.

        Returns:
            Of each class; none where it was never seen.  # [n, F] in [-1, 1]
        """
        held = min(int(self.count), KEPT)
        looks, present = self._values(self.looks[:held]), self.present[:held]
        if not held:
            return [looks[:, number] for number in range(looks.shape[1])]
        one = int(chosen * held)
        shared = present & present[one]
        apart = ((looks - looks[one]).square().mean(2) * shared).sum(1) / shared.sum(1)
        order = apart.nan_to_num(torch.inf).argsort(stable=True)  # nothing shared: the last
        return [looks[order[present[order, number]][:most], number] for number in range(looks.shape[1])]

    def clusters(self, number: int, most: int) -> Tensor:
        """The centres of so many clusters of a class's looks at most, by their sums in order.  # [k, F]"""
        return clustered(self.remembered(number), most)

    @staticmethod
    def _values(looks: Tensor) -> Tensor:
        return (looks.double() / UNIT).float()


def clustered(points: Tensor, most: int) -> Tensor:
    """The centres that k-means finds, the one with the least sum first; fewer where fewer points differ.

    It begins with the point nearest to the mean, and goes on with those that are farthest from all chosen ones, so that
    nothing is random.

    References:
        Lloyd 1982; Gonzalez 1985 (the beginning).

    Args:
        points: ``[n, F]``.
        most: How many centres.

    Example:
        >>> clustered(torch.tensor([[0.0], [4.0], [0.2], [4.2]]), 2)
        tensor([[0.1000],
                [4.1000]])
    """
    if not len(points):
        return points
    centres = points[(points - points.mean(0)).square().sum(1).argmin()].unsqueeze(0)
    while len(centres) < most:
        far, place = _distances(points, centres).amin(1).max(0)
        if far == 0:
            break
        centres = torch.cat([centres, points[place].unsqueeze(0)])
    for _ in range(_ROUNDS):
        nearest = _distances(points, centres).argmin(1)
        moved = torch.stack([points[nearest == k].mean(0) if (nearest == k).any() else centres[k]
                             for k in range(len(centres))])  # fmt: skip
        if torch.equal(moved, centres):
            break
        centres = moved
    return centres[centres.sum(1).argsort(stable=True)]


def _distances(points: Tensor, centres: Tensor) -> Tensor:
    """Squared, ``[n, k]``."""
    return (points.unsqueeze(1) - centres).square().sum(2)
