"""How far a segmenter's labels of pictures agree with the label maps that these were made from."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor
from torch.nn.functional import one_hot


class LabelCounts(NamedTuple):
    """Pixels of each picture.

    Args:
        shared: That both maps give to a class.  # [N, K] float64
        either: That at least one of them gives to it.  # [N, K] float64
    """

    shared: Tensor
    either: Tensor

    @classmethod
    def of(cls, found: Tensor, wanted: Tensor, classes: int) -> LabelCounts:
        """The pixels of label maps of N pictures of one size.

        Args:
            found: What was seen.  # [N, H, W] long
            wanted: What should be seen.  # [N, H, W] long
            classes: K.
        """
        mine, its = (one_hot(maps.flatten(1), classes).bool() for maps in (found, wanted))  # [N, HW, K]
        return cls((mine & its).sum(1).double(), (mine | its).sum(1).double())

    @property
    def accuracy(self) -> Tensor:
        """The share of pixels of each picture at which both maps agree.  # [N]"""
        right = self.shared.sum(1)
        wrong = (self.either.sum(1) - right) / 2  # each of these is counted for two classes
        return right / (right + wrong)

    @property
    def iou(self) -> Tensor:
        r"""Numbers whose mean is the intersection over union of all pixels, averaged over the K classes that occur.

        .. math:: r_k = \frac{\sum_n I_{nk}}{\sum_n U_{nk}}, \qquad
            v_n = \frac1K \sum_k \left(r_k + \frac{I_{nk} - r_k U_{nk}}{\bar U_k}\right)

        Their spread is that of the mean ratio, to first order (the delta method), so that an interval of their mean is
        one of it.  # [N]

        Example:
            >>> import torch
            >>> found, wanted = torch.tensor([[[0, 0, 1, 1]]]), torch.tensor([[[0, 1, 1, 1]]])
            >>> round(float(LabelCounts.of(found, wanted, 3).iou), 4)  # (1/2 + 2/3)/2
            0.5833
        """
        there = self.either.sum(0) > 0
        shared, either = self.shared[:, there], self.either[:, there]
        ratio = shared.sum(0) / either.sum(0)
        return (ratio + (shared - ratio * either) / either.mean(0)).mean(1)
