"""Optical flow: where in one picture each place of another is found."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

WINDOW = 15
"""Side of the neighbourhood that moves as one, in pixels."""
ITERATIONS = 6
COARSEST = 12
"""Side of the coarsest pictures, at least."""
_DAMPING = 1e-4


def optical_flow(first: Tensor, second: Tensor) -> Tensor:
    r"""The shift of every pixel of one picture to its place in another: :math:`I_1(x) \approx I_2(x + w(x))`.

    From coarse to fine, each neighbourhood moves to where the squared differences are least, step by step:

    .. math:: w \leftarrow \Big(\sum \nabla I \nabla I^\top + \lambda\Big)^{-1}
        \Big(\sum \nabla I\,\big(\nabla I^\top w + I_1(x) - I_2(x + w)\big) + \lambda w\Big)

    Where nothing is to be seen, what the coarser pictures showed remains.

    References:
        Lucas & Kanade 1981, IJCAI; Bouguet 2001, "Pyramidal implementation of the Lucas Kanade feature tracker".

    Args:
        first: In [0, 1].  # [1, C, H, W]
        second: In [0, 1], of the same size.  # [1, C, H, W]

    Returns:
        Right and down, in pixels.  # [1, 2, H, W]
    """
    pictures = [torch.cat([each.mean(1, keepdim=True) for each in (first, second)])]
    while min(pictures[0].shape[2:]) >= 2 * COARSEST:
        pictures.insert(0, F.avg_pool2d(pictures[0], 2))
    flow = first.new_zeros(1, 2, *pictures[0].shape[2:])
    for pair in pictures:
        size = pair.shape[2:]
        scale = flow.new_tensor([size[1] / flow.shape[3], size[0] / flow.shape[2]]).view(1, 2, 1, 1)
        flow = F.interpolate(flow, size, mode="bilinear", align_corners=False) * scale
        for _ in range(ITERATIONS):
            flow = _steadied(_better(pair[:1], pair[1:], flow))
    return flow


def moved(image: Tensor, flow: Tensor) -> Tensor:
    """A picture as seen through a flow: at x what it has at x + w(x); beyond its border, the border.

    Args:
        image: # [1, C, H, W]
        flow: # [1, 2, H, W]

    Example:
        >>> moved(torch.tensor([[[[1.0, 2.0, 3.0]]]]), torch.tensor([[[[1.0, 1.0, 1.0]], [[0.0, 0.0, 0.0]]]])).tolist()
        [[[[2.0, 3.0, 3.0]]]]
    """
    x, y = _places(flow)
    height, width = image.shape[2:]
    grid = torch.stack([2 * x / max(width - 1, 1) - 1, 2 * y / max(height - 1, 1) - 1], -1)
    return F.grid_sample(image, grid, mode="bilinear", padding_mode="border", align_corners=True)


def trusted(backward: Tensor, forward: Tensor) -> Tensor:
    r"""1 where both flows agree, so that the place was seen before; 0 where it was hidden, or beyond the border.

    .. math:: |w + \hat w|^2 \le 0.01\,(|w|^2 + |\hat w|^2) + 0.5

    References:
        Ruder, Dosovitskiy & Brox 2016, arXiv 1604.08610, eq. 4, after Sundaram et al. 2010.

    Args:
        backward: w, from the picture to the one before.  # [1, 2, H, W]
        forward: From the one before to the picture.  # [1, 2, H, W]

    Returns:
        # [1, 1, H, W]
    """
    there = moved(forward, backward)
    apart = (backward + there).square().sum(1)
    agrees = apart <= 0.01 * (backward.square().sum(1) + there.square().sum(1)) + 0.5
    return agrees.to(backward.dtype)[:, None] * _inside(backward)


def _places(flow: Tensor) -> tuple[Tensor, Tensor]:
    """Where each pixel is found: columns and rows.  # [1, H, W] both"""
    height, width = flow.shape[2:]
    return (
        flow[:, 0] + torch.arange(width, dtype=flow.dtype, device=flow.device),
        flow[:, 1] + torch.arange(height, dtype=flow.dtype, device=flow.device)[:, None],
    )


def _inside(flow: Tensor) -> Tensor:
    """1 for pixels that are found within the picture, else 0.  # [1, 1, H, W]"""
    x, y = _places(flow)
    height, width = flow.shape[2:]
    return ((x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)).to(flow.dtype)[:, None]


def _better(first: Tensor, second: Tensor, flow: Tensor) -> Tensor:
    """The flow after one step of every neighbourhood, of at most a pixel."""
    there = moved(second, flow)
    wide = F.pad(first, (1, 1, 1, 1), mode="replicate")
    across, down = (wide[..., 1:-1, 2:] - wide[..., 1:-1, :-2]) / 2, (wide[..., 2:, 1:-1] - wide[..., :-2, 1:-1]) / 2
    apart = across * flow[:, :1] + down * flow[:, 1:] + first - there
    products = torch.cat([across * across, across * down, down * down, across * apart, down * apart], 1)
    products = products * _inside(flow)  # what has left the picture says nothing
    xx, xy, yy, xt, yt = F.avg_pool2d(products, WINDOW, 1, WINDOW // 2, count_include_pad=False).unbind(1)
    xx, yy = xx + _DAMPING, yy + _DAMPING
    xt, yt = xt + _DAMPING * flow[:, 0], yt + _DAMPING * flow[:, 1]
    determinant = xx * yy - xy * xy
    found = torch.stack([(yy * xt - xy * yt) / determinant, (xx * yt - xy * xt) / determinant], 1)
    return flow + (found - flow).clamp(-1, 1)


def _steadied(flow: Tensor) -> Tensor:
    """The median over 3×3 pixels, which has no outliers."""
    wide = F.pad(flow, (1, 1, 1, 1), mode="replicate")
    height, width = flow.shape[2:]
    near = torch.stack([wide[..., y : y + height, x : x + width] for y in range(3) for x in range(3)])
    return near.median(0).values
