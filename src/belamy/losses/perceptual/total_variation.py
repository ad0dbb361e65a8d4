"""Total variation: how rough images are."""

from __future__ import annotations

import torch
from torch import Tensor


def total_variation(images: Tensor, exponent: float = 1.25) -> Tensor:
    r"""Squared differences to the neighbours below and to the right, raised to a power and summed.

    .. math:: \sum_{c,\, i<H-1,\, j<W-1} \left((x_{i+1,j} - x_{ij})^2 + (x_{i,j+1} - x_{ij})^2\right)^{\beta}

    The last row and the last column are neighbours only. The gradient is finite at flat places too, for any exponent
    above one half; it is zero there.

    References:
        Mahendran & Vedaldi 2014, arXiv 1412.0035, eq. 5, where the exponent is :math:`\beta/2`.

    Args:
        images: Of any scale.  # [N, C, H, W]
        exponent: 1.25 favours even slopes over steps less than 1 does.

    Example:
        >>> round(float(total_variation(torch.tensor([[[[0.0, 2.0], [1.0, 7.0]]]]))), 4)  # 5 ** 1.25
        7.4767
    """
    here = images[..., :-1, :-1]
    squares = (images[..., 1:, :-1] - here).square() + (images[..., :-1, 1:] - here).square()
    tiny = torch.finfo(images.dtype).tiny
    return squares.clamp_min(tiny).pow(exponent).flatten(1).sum(1)
