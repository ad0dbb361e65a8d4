"""Warping: pictures seen through a flow, and how much of a film changes that only moves."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def warped(pictures: Tensor, flow: Tensor) -> Tensor:
    r"""At each pixel p what pictures have at p + w(p), bilinearly between pixels; beyond the border, the border.

    .. math:: \tilde w(x)(p) = x(p + w(p))

    Args:
        pictures: What is warped.  # [N, C, H, W]
        flow: w, pixels to the right and downwards.  # [N, 2, H, W]

    Example:
        >>> right = torch.stack([torch.ones(1, 3), torch.zeros(1, 3)])[None]
        >>> warped(torch.tensor([[[[1.0, 2.0, 3.0]]]]), right).tolist()
        [[[[2.0, 3.0, 3.0]]]]
    """
    height, width = pictures.shape[2:]
    rows = torch.arange(height, device=flow.device, dtype=flow.dtype).view(1, -1, 1)
    columns = torch.arange(width, device=flow.device, dtype=flow.dtype).view(1, 1, -1)
    x, y = columns + flow[:, 0], rows + flow[:, 1]
    grid = torch.stack([(2 * x + 1) / width - 1, (2 * y + 1) / height - 1], -1)
    return F.grid_sample(pictures, grid, mode="bilinear", padding_mode="border", align_corners=False)


def changes_on_the_way(films: Tensor, flow: Tensor) -> Tensor:
    """Root of the mean squared change of pixels against their places in the frame before, where they were seen there.

    Args:
        films: What is judged.  # [N, T, C, H, W]
        flow: x and y from each pixel to its place in the frame before, and 1 where it was seen there, else 0; that of
            the first frame is not looked at.  # [N, T, 3, H, W]

    Returns:
        0 for films in which nothing was seen before.  # [N]

    Example:
        >>> still = torch.tensor([0.0, 0.0, 1.0]).view(1, 1, 3, 1, 1).expand(1, 2, 3, 1, 4)
        >>> changes_on_the_way(torch.tensor([1.0, 3.0]).view(1, 2, 1, 1, 1).expand(1, 2, 1, 1, 4), still)
        tensor([2.])
    """
    now, before, moves = films[:, 1:].flatten(0, 1), films[:, :-1].flatten(0, 1), flow[:, 1:].flatten(0, 1)
    seen = (moves[:, 2] > 0).to(films.dtype)
    apart = (now - warped(before, moves[:, :2])).square().mean(1) * seen
    total, places = (each.view(len(films), -1).sum(1) for each in (apart, seen))
    return (total / places.clamp_min(1)).sqrt()
