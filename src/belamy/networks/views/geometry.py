"""Random plane geometry as one affine map per image."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

UNIFORMS, NORMALS = 14, 4
"""Random numbers that :func:`random_map` takes for one image."""

_OCTAVE = 0.2 * math.log(2)  # standard deviation of a log scale


def random_map(uniform: Tensor, normal: Tensor, blit: Tensor, general: Tensor, height: int, width: int) -> Tensor:
    """From each place of the changed image to its place in the original, in pixels from the centre.

    Eight transformations in the paper's order, each with its own coin: flip, quarter turns, whole-pixel translation;
    scaling, rotation, stretching, rotation, fractional translation. The two rotations have 1-√(1-p) each, so that one
    of them or both happen with probability p.

    References:
        Karras et al. 2020, arXiv 2006.06676, appendix B, "pixel blitting" and "general geometric transformations".

    Args:
        uniform: Numbers uniform on [0, 1).  # [N, 14]
        normal: Standard normal numbers.  # [N, 4]
        blit: Probability of each of the first three, a scalar.
        general: Probability p of the others, a scalar.
        height: Pixels.
        width: Pixels.

    Returns:
        ``[N, 3, 3]``.
    """
    either = 1 - (1 - general).sqrt()
    chances = torch.stack([blit, blit, blit, general, either, general, either, general])
    flip, turn, shift, scale, before, stretch, after, drift = (uniform[:, :8] < chances).unbind(1)
    u = uniform[:, 8:].unbind(1)
    z = normal.unbind(1)
    one, nothing = torch.ones_like(u[0]), torch.zeros_like(u[0])

    def if_(coin: Tensor, value: Tensor) -> Tensor:
        return torch.where(coin, value, nothing)

    quarters = if_(turn, (4 * u[1]).floor())
    odd = quarters.remainder(2)
    sizes = torch.exp(if_(scale, -_OCTAVE * z[0]))
    longer = torch.exp(if_(stretch, _OCTAVE * z[1]))
    steps = [  # inverses, so the first transformation comes first
        _matrix(1 - 2 * if_(flip, (2 * u[0]).floor()), nothing, nothing, one),
        _matrix((1 - quarters) * (1 - odd), (quarters - 2) * odd, (2 - quarters) * odd, (1 - quarters) * (1 - odd)),
        _translation(if_(shift, _eighths(u[2], width)), if_(shift, _eighths(u[3], height))),
        _matrix(sizes, nothing, nothing, sizes),
        _rotation(if_(before, _angle(u[4]))),
        _matrix(1 / longer, nothing, nothing, longer),
        _rotation(if_(after, _angle(u[5]))),
        _translation(if_(drift, z[2] * (width / 8)), if_(drift, z[3] * (height / 8))),
    ]
    whole = steps[0]
    for step in steps[1:]:
        whole = whole @ step
    return whole


def warp(images: Tensor, inverse: Tensor) -> Tensor:
    """Images under maps from new to old places ``[N, 3, 3]``: bilinear, mirrored at the edges."""
    height, width = images.shape[2:]
    sides = inverse.new_tensor([width, height, 2])  # the grid's edges are at -1 and 1
    grid = affine_grid((inverse * sides / sides[:, None])[:, :2], list(images.shape), align_corners=False)
    seen = grid_sample(images.to(grid), grid, mode="bilinear", padding_mode="reflection", align_corners=False)
    return seen.to(images)


def _eighths(u: Tensor, side: int) -> Tensor:
    """Whole pixels, up to an eighth of the side either way."""
    return ((2 * u - 1) * (side / 8)).round()


def _angle(u: Tensor) -> Tensor:
    return (2 * u - 1) * math.pi


def _rotation(angle: Tensor) -> Tensor:
    return _matrix(angle.cos(), -angle.sin(), angle.sin(), angle.cos())


def _translation(x: Tensor, y: Tensor) -> Tensor:
    one, nothing = torch.ones_like(x), torch.zeros_like(x)
    return torch.stack([one, nothing, x, nothing, one, y, nothing, nothing, one], 1).unflatten(1, (3, 3))


def _matrix(xx: Tensor, xy: Tensor, yx: Tensor, yy: Tensor) -> Tensor:
    one, nothing = torch.ones_like(xx), torch.zeros_like(xx)
    return torch.stack([xx, xy, nothing, yx, yy, nothing, nothing, nothing, one], 1).unflatten(1, (3, 3))
