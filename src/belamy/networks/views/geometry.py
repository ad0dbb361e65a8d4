"""Random plane geometry as one affine map per image."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from belamy.networks.resampling import filter_taps, resample_axis
from belamy.networks.views.wavelets import SYM6

UNIFORMS, NORMALS = 14, 4
"""Random numbers that :func:`random_map` takes for one image."""

_REACH = len(SYM6) // 2 - 1
"""Of the filter, in pixels of the enlarged image."""
_OFFSET = (sum(place * tap for place, tap in enumerate(SYM6)) / sum(SYM6) - _REACH - 0.5) / 2
"""By how many pixels the filter, which is not quite symmetric, moves the image; its mirror image moves it back."""
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
    return _sampled(images.to(inverse), inverse, (height, width), (height, width)).to(images)


def filtered_warp(images: Tensor, inverse: Tensor) -> Tensor:
    """Like :func:`warp`, at twice the size and with low-pass filters before and after, so that detail stays sharp.

    Enlarged by the wavelet SYM6, mapped bilinearly, reduced by its mirror image; but for the edges, the two filters
    undo each other. An image that is not moved stays as it is.

    *Departs from the paper* in what lies outside: the enlarged image is mirrored about its edges, where the paper
    enlarges a mirrored one.

    References:
        Karras et al. 2020, arXiv 2006.06676, appendix B, "general geometric transformations".
    """
    height, width = images.shape[2:]
    larger = [_enlarging(side, inverse) for side in (height, width)]
    smaller = [_reducing(side, inverse) for side in (height, width)]
    large = larger[0] @ images.to(inverse) @ larger[1].T  # [N, C, 2H, 2W]
    offset = torch.eye(3).to(inverse)
    offset[:2, 2] = _OFFSET  # of what is seen in the enlarged image
    seen = _sampled(large, offset @ inverse @ offset.inverse(), (height, width), (height + _REACH, width + _REACH))
    moved = (inverse != torch.eye(3).to(inverse)).any(2).any(1)[:, None, None, None]
    return torch.where(moved, (smaller[0] @ seen @ smaller[1].T).to(images), images)


def _enlarging(side: int, like: Tensor) -> Tensor:
    """What enlarges a row that is mirrored at its ends, as a matrix.  # [2 side, side]"""
    place = torch.arange(-_REACH, side + _REACH, device=like.device).remainder(2 * side)
    extended = torch.eye(side).to(like)[torch.minimum(place, 2 * side - 1 - place)]
    taps = filter_taps(SYM6, 2.0, like=like)
    return resample_axis(extended[None, None], taps, 2, up=2, padding=(1 - _REACH, -_REACH))[0, 0]


def _reducing(side: int, like: Tensor) -> Tensor:
    """What reduces a row of the enlarged image with its surroundings, as a matrix.  # [side, 2 side + 10]"""
    taps = filter_taps(SYM6[::-1], like=like)
    return resample_axis(torch.eye(2 * (side + _REACH)).to(like)[None, None], taps, 2, down=2)[0, 0]


def _sampled(images: Tensor, inverse: Tensor, old: tuple[int, int], new: tuple[int, int]) -> Tensor:
    """Images under maps from new to old places, bilinear and mirrored at the edges, on the scale that they have.

    Args:
        images: Of any size.  # [N, C, H, W]
        inverse: In units of which ``old`` is the (height, width) of the images.  # [N, 3, 3]
        old: See ``inverse``.
        new: (height, width) of the result in the same units, at the images' scale.
    """
    scale = images.shape[2] // old[0]
    before, after = (inverse.new_tensor([width, height, 2]) for height, width in (old, new))  # grids end at -1 and 1
    shape = [*images.shape[:2], scale * new[0], scale * new[1]]
    grid = affine_grid((inverse * after / before[:, None])[:, :2], shape, align_corners=False)
    return grid_sample(images, grid, mode="bilinear", padding_mode="reflection", align_corners=False)


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
