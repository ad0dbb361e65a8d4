"""Kernels that blur, in closed form: Gaussian, generalised Gaussian, plateau and sinc; each sums to 1."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

UNSHARP, UNSHARP_SIDE, UNSHARP_LEAST = 8.0, 51, 10.0
"""Of unsharp masking: the blur's deviation and side in pixels, and the least difference, in 255ths."""


def distances(side: int, deviations: tuple[float, float], angle: float = 0.0) -> Tensor:
    r"""Squared distances from the middle in units of deviations along turned axes.

    .. math:: q = \frac{(x\cos\theta + y\sin\theta)^2}{\sigma_1^2} + \frac{(y\cos\theta - x\sin\theta)^2}{\sigma_2^2}

    Args:
        side: Of the kernel, odd.
        deviations: σ₁ and σ₂ in pixels.
        angle: θ in radians, of the first axis from the rows.

    Returns:
        float64 ``[side, side]``, rows first.
    """
    y, x = torch.meshgrid(*(_places(side),) * 2, indexing="ij")
    cosine, sine = math.cos(angle), math.sin(angle)
    along, across = x * cosine + y * sine, y * cosine - x * sine
    return (along / deviations[0]).square() + (across / deviations[1]).square()


def gaussian(side: int, deviations: tuple[float, float], angle: float = 0.0, shape: float = 1.0) -> Tensor:
    r"""A generalised Gaussian, :math:`k \propto e^{-\frac12 q^\beta}`; a shape β of 1 is Gauss' own.  # [side, side]

    Example:
        >>> gaussian(3, (1.0, 1.0))[1].mul(1e4).round().tolist()
        [1238.0, 2042.0, 1238.0]
    """
    return _summed(torch.exp(-0.5 * distances(side, deviations, angle) ** shape))


def plateau(side: int, deviations: tuple[float, float], angle: float = 0.0, shape: float = 1.0) -> Tensor:
    r"""A flat top, :math:`k \propto 1 / (1 + q^\beta)`.  # [side, side]"""
    return _summed(1 / (1 + distances(side, deviations, angle) ** shape))


def sinc(side: int, cutoff: float) -> Tensor:
    r"""The circular low-pass filter, which rings: :math:`k = \frac{\omega}{2\pi r} J_1(\omega r)`.  # [side, side]

    Args:
        side: Of the kernel, odd.
        cutoff: ω in radians per pixel, at most π.
    """
    y, x = torch.meshgrid(*(_places(side),) * 2, indexing="ij")
    r = torch.hypot(x, y)
    middle = r == 0
    safe = torch.where(middle, 1.0, r)
    kernel = cutoff / (2 * math.pi * safe) * torch.special.bessel_j1(cutoff * safe)
    return _summed(torch.where(middle, cutoff**2 / (4 * math.pi), kernel))


def blurred(images: Tensor, kernel: Tensor) -> Tensor:
    """Images filtered by a kernel that is its own mirror image, their borders mirrored, or repeated where too small.

    Args:
        images: ``[N, C, H, W]``.
        kernel: ``[side, side]``.
    """
    reach, channels = len(kernel) // 2, images.shape[1]
    mode = "reflect" if reach < min(images.shape[2:]) else "replicate"
    wide = F.pad(images, (reach,) * 4, mode=mode)
    weight = kernel.to(images).expand(channels, 1, *kernel.shape)
    return F.conv2d(wide, weight, groups=channels)


def sharpened(images: Tensor, amount: float) -> Tensor:
    """Unsharp masking of pictures in [-1, 1] where they differ from their blur by more than 10 of 255.

    The blur has a deviation of 8 pixels; where it is applied is blurred too, so that it has no edges.

    References:
        Wang et al. 2021, arXiv 2107.10833, section 3.3, and its published settings.

    Args:
        images: ``[N, C, H, W]``.
        amount: 0 leaves them as they are; 0.5 in the paper.
    """
    kernel = gaussian(UNSHARP_SIDE, (UNSHARP, UNSHARP))
    apart = images - blurred(images, kernel)
    share = blurred((apart.abs() * 127.5 > UNSHARP_LEAST).to(images), kernel)
    return torch.lerp(images, (images + amount * apart).clamp(-1, 1), share)


def _places(side: int) -> Tensor:
    return torch.arange(side, dtype=torch.float64) - side // 2


def _summed(kernel: Tensor) -> Tensor:
    return kernel / kernel.sum()
