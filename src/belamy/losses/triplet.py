"""The triplet loss: an anchor should lie nearer to its positive than to its negative, by a margin."""

from __future__ import annotations

from torch import Tensor

MARGIN = 0.2
"""α of the paper."""


def triplet(anchors: Tensor, positives: Tensor, negatives: Tensor, margin: float = MARGIN) -> Tensor:
    r"""How much nearer each anchor would have to be to its positive than it is, in squared Euclidean distances.

    .. math:: \ell = \max\left(0, |a - p|^2 - |a - n|^2 + \alpha\right)

    References:
        Schroff, Kalenichenko & Philbin 2015, "FaceNet", arXiv 1503.03832, equation 3.

    Args:
        anchors: Vectors of length 1.  # [N, W]
        positives: What they should be near to.  # [N, W]
        negatives: What they should be far from.  # [N, W]
        margin: α.

    Returns:
        ``[N]``, from 0 to 4 + α.

    Example:
        >>> import torch
        >>> triplet(torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]]), torch.tensor([[1.0, 0.0]]))
        tensor([2.2000])
    """
    near, far = ((anchors - others).square().sum(1) for others in (positives, negatives))
    return (near - far + margin).relu()
