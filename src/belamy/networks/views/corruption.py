"""Random filters, noise and holes."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import conv2d

from belamy.networks.views.wavelets import bands

POWER = (10 / 13, 1 / 13, 1 / 13, 1 / 13)
"""λ: the share of each band in the power of natural images, whose spectrum falls like 1/f."""
UNIFORMS, NORMALS = 8, 5
"""Random numbers for one image: coins and strengths of four bands, of the noise, of the hole and its place."""

_DEVIATION = 0.1  # of the deviation of noise
_HOLE = 0.5  # side of the hole, as a share of the image's


def random_filter(uniform: Tensor, normal: Tensor, chance: Tensor) -> Tensor:
    r"""A filter for each image ``[N, 43]`` that amplifies or weakens four bands at random and keeps the power.

    For each band i with its own coin, :math:`t_j = 1` but :math:`t_i = e^{\ln 2\,z}`, and the gains are multiplied
    with :math:`t / \sqrt{\sum_j\lambda_j t_j^2}`.

    References:
        Karras et al. 2020, arXiv 2006.06676, appendix B, "image-space filtering".

    Args:
        uniform: Numbers uniform on [0, 1).  # [N, 4]
        normal: Standard normal numbers.  # [N, 4]
        chance: Probability of each band, a scalar.
    """
    t = torch.where(uniform < chance, (math.log(2) * normal).exp(), torch.ones_like(normal))  # [N, 4]
    shares = t.new_tensor(POWER)
    power = 1 + shares * (t.square() - 1)  # Σ λ_j t_j² where one t_j alone is not 1; the λ_j add up to 1
    gains = t * power.rsqrt().prod(1, keepdim=True)
    return gains @ bands().to(gains)


def filtered(images: Tensor, filters: Tensor, middle: float) -> Tensor:
    """Images ``[N, C, H, W]``, each filtered along both axes by its row of ``[N, K]``; mirrored at the edges."""
    count, channels = images.shape[:2]
    reach = filters.shape[1] // 2
    flat = (images.to(filters) - middle).reshape(1, count * channels, *images.shape[2:])
    taps = filters.repeat_interleave(channels, 0)[:, None]  # [NC, 1, K]
    for axis in (2, 3):
        flat = flat.index_select(axis, _mirrored(flat.shape[axis], reach, flat.device))
        flat = conv2d(flat, taps.unsqueeze(5 - axis), groups=count * channels)
    return (flat.view(images.shape) + middle).to(images)


def noisy(images: Tensor, uniform: Tensor, normal: Tensor, chance: Tensor, noise: Tensor, unit: float) -> Tensor:
    """Images with white noise ``[N, C, H, W]`` of a deviation that is itself drawn, |N(0, 0.1²)|.

    Args:
        images: ``[N, C, H, W]``.
        uniform: Numbers uniform on [0, 1), the coins.  # [N]
        normal: Standard normal numbers, of the deviations.  # [N]
        chance: Probability of noise, a scalar.
        noise: Standard normal numbers.  # [N, C, H, W]
        unit: What 1 is in images on [-1, 1].
    """
    deviation = torch.where(uniform < chance, normal.abs() * (_DEVIATION * unit), torch.zeros_like(normal))
    return images + (noise * deviation[:, None, None, None]).to(images)


def cut(images: Tensor, uniform: Tensor, chance: Tensor, middle: float) -> Tensor:
    """Images with a rectangle of half their sides, around a place anywhere in them, that is mid-grey.

    Args:
        images: ``[N, C, H, W]``.
        uniform: Numbers uniform on [0, 1): the coins, and the places of the centres.  # [N, 3]
        chance: Probability of a hole, a scalar.
        middle: Mid-grey.
    """
    coin, x, y = uniform.unbind(1)
    height, width = images.shape[2:]
    hole = (coin < chance)[:, None, None] & _near(y, height)[:, :, None] & _near(x, width)[:, None, :]
    return torch.where(hole[:, None], middle, images)


def _near(centre: Tensor, side: int) -> Tensor:
    """Whether the middle of a row is within half a hole of the centre.  # [N, side]"""
    places = (torch.arange(side, device=centre.device) + 0.5) / side
    return (places - centre[:, None]).abs() < _HOLE / 2


def _mirrored(side: int, reach: int, device: torch.device) -> Tensor:
    """Which row is seen in each place up to ``reach`` beyond the edges: mirrored about the outermost rows."""
    period = max(2 * (side - 1), 1)
    place = torch.arange(-reach, side + reach, device=device).remainder(period)
    return torch.minimum(place, period - place) if side > 1 else torch.zeros_like(place)
