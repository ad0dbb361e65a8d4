"""Losses of filled holes: how far what was filled is from what was there, how it joins, what judges are told of it.

Each gives one value per sample, [N]. ``holes`` are maps of 1 in holes and 0 where pixels are known, [N, 1, H, W].
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from belamy.losses.adversarial import Separable
from belamy.losses.perceptual.gram import gram


def absolute_error(made: Tensor, wanted: Tensor, where: Tensor) -> Tensor:
    r"""Absolute differences where a map is 1, over all values of a picture: :math:`\|m \odot (x - y)\|_1 / (CHW)`.

    References:
        Liu et al. 2018, arXiv 1804.07723, section 3.3: with the holes for the map, and with their complement.

    Args:
        made: What was filled.  # [N, C, H, W]
        wanted: What was there.  # [N, C, H, W]
        where: 1 where it counts.  # [N, 1, H, W]
    """
    return ((made - wanted).abs() * where).flatten(1).mean(1)


def styles_apart(found: Sequence[Tensor], wanted: Sequence[Tensor]) -> Tensor:
    r"""Mean absolute differences of Gram matrices over the size of their layer, added over layers.

    .. math:: \sum_p \frac{1}{C_p^2} \left\| \frac{\Psi_p^\top \Psi_p - \Psi_p^{*\top} \Psi_p^*}{C_p H_p W_p} \right\|_1

    References:
        Liu et al. 2018, arXiv 1804.07723, equations 4 and 5.

    Args:
        found: Features of each layer.  # [N, C, h, w]
        wanted: The same of the picture as it was.
    """
    parts = [((gram(a) - gram(b)) / a[0].numel()).abs().flatten(1).mean(1) for a, b in zip(found, wanted, strict=True)]
    return torch.stack(parts).sum(0)


def squares_apart(found: Sequence[Tensor], wanted: Sequence[Tensor]) -> Tensor:
    """Mean squared differences of features, and the mean of that over layers.

    References:
        Suvorov et al. 2021, arXiv 2109.07161, equation 2 and section 2.3.2 (matched features of the discriminator).

    Args:
        found: Of each layer.  # [N, C, h, w]
        wanted: The same of the picture as it was.
    """
    return torch.stack([(a - b).square().flatten(1).mean(1) for a, b in zip(found, wanted, strict=True)]).mean(0)


def roughness(composed: Tensor, holes: Tensor) -> Tensor:
    r"""Absolute differences of neighbours in the holes and one pixel around them, over all values of a picture.

    .. math:: \sum_{(i,j),(i,j+1) \in R} \frac{\|x_{i,j+1} - x_{i,j}\|_1}{CHW}
        + \sum_{(i,j),(i+1,j) \in R} \frac{\|x_{i+1,j} - x_{i,j}\|_1}{CHW}

    R are the holes, dilated by one pixel in all eight directions.

    References:
        Liu et al. 2018, arXiv 1804.07723, equation 6.

    Args:
        composed: Filled pictures, the known pixels as they are.  # [N, C, H, W]
        holes: 1 in holes.  # [N, 1, H, W]

    Example:
        >>> holes = torch.zeros(1, 1, 1, 4).index_fill_(3, torch.tensor([3]), 1.0)
        >>> float(roughness(torch.tensor([[[[7.0, 3.0, 2.0, 6.0]]]]), holes))  # the last two: 4 of 4 values
        1.0
    """
    region = F.max_pool2d(holes, 3, 1, 1)
    across = (composed[..., 1:] - composed[..., :-1]).abs() * (region[..., 1:] * region[..., :-1])
    down = (composed[..., 1:, :] - composed[..., :-1, :]).abs() * (region[..., 1:, :] * region[..., :-1, :])
    return (across.flatten(1).sum(1) + down.flatten(1).sum(1)) / composed[0].numel()


def judged_in_holes(adversarial: Separable, scores: Tensor, holes: Tensor) -> Tensor:
    r"""The discriminator's loss for filled pictures: generated where a patch holds a hole, real where it holds none.

    .. math:: m \odot L_{fake}(D) + (1 - m) \odot L_{real}(D)

    with the mean over patches; m is 1 for a score in whose cell of the picture a hole lies.

    References:
        Suvorov et al. 2021, arXiv 2109.07161, equation 4.

    Args:
        adversarial: A loss that judges real and generated apart.
        scores: Of patches of filled pictures.  # [N, 1, h, w]
        holes: 1 in holes.  # [N, 1, H, W]
    """
    told = F.adaptive_max_pool2d(holes, scores.shape[2:])
    flat = scores.flatten()
    losses = told.flatten() * adversarial.on_fake(flat) + (1 - told.flatten()) * adversarial.on_real(flat)
    return losses.view(len(scores), -1).mean(1)
