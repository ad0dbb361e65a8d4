"""Frequencies of images: power spectra, their radii and the orthonormal cosine transform."""

from __future__ import annotations

import torch
from torch import Tensor


def power(planes: Tensor) -> Tensor:
    r"""Power of each frequency.  # [n, H, W] -> [n, H, W] float64

    .. math:: P_{uv} = \frac{1}{HW}\Bigl|\sum_{yx} p_{yx}\, e^{-2\pi i(uy/H + vx/W)}\Bigr|^2, \qquad
        \sum_{uv} P_{uv} = \sum_{yx} p_{yx}^2 \quad\text{(Parseval)}
    """
    return torch.fft.fft2(planes.double(), norm="ortho").abs().square()


def cycles(height: int, width: int) -> tuple[Tensor, Tensor]:
    """Vertical and horizontal frequency in cycles per pixel, in (-½, ½], of each place.  # each [H, W]"""
    across, down = torch.fft.fftfreq(width, dtype=torch.float64), torch.fft.fftfreq(height, dtype=torch.float64)
    return down.abs().unsqueeze(1).expand(height, width), across.abs().unsqueeze(0).expand(height, width)


def azimuthal(spectra: Tensor) -> Tensor:
    r"""The mean power at each radius from 0 to R = ⌊min(H, W) / 2⌋.  # [n, H, W] -> [n, R + 1]

    A frequency (f, g) in cycles per pixel belongs to the ring nearest to the radius
    :math:`\min(H, W)\sqrt{f^2+g^2}`, so that the last ring holds the Nyquist frequency of the shorter side; the
    corners beyond it belong to none.

    References:
        Durall et al. 2020, arXiv 2003.01826 ("azimuthal integration").
    """
    count, height, width = spectra.shape
    side = min(height, width)
    down, across = cycles(height, width)
    ring = (side * (down.square() + across.square()).sqrt()).round().long().flatten()  # [H W]
    last = side // 2
    inside = ring <= last
    sums = torch.zeros(count, last + 1, dtype=torch.float64)
    sums.index_add_(1, ring[inside], spectra.double().flatten(1)[:, inside])
    return sums / torch.bincount(ring[inside], minlength=last + 1)


def cosine_transform(planes: Tensor) -> Tensor:
    """The two-dimensional orthonormal DCT-II of the last two axes.  # [..., H, W] -> [..., H, W] float64

    References:
        Ahmed, Natarajan, Rao 1974, "Discrete cosine transform".
    """
    from scipy.fft import dctn

    return torch.from_numpy(dctn(planes.double().numpy(), axes=(-2, -1), norm="ortho"))
