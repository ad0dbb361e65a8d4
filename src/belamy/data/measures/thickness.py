"""How thick the strokes are."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from belamy.data.measures._ink import HALF, ink


class Measure:
    r"""Width of the strokes in pixels, from area, outline and Euler number; 0 where there is no ink.

    A figure of strokes of width w and whole length L has area A = wL and outline P = 2L + 2χw, where the Euler number χ
    is its pieces minus its holes: a bar (χ = 1), a ring (0) and a cross (1, its centre counted once) all obey. So

    .. math:: w = \frac{4A}{P + \sqrt{\max(P^2 - 16 \chi A, 0)}}

    which for a disc is its diameter. All are sums over grey values, with the strongest ink of the image as 1, so a grey
    pixel counts as the part of a pixel that it is: the area is the sum of ink; outline and Euler number are integrals
    over the thresholds below one half (coarea formula), where a line thinner than a pixel is still whole.

    References:
        Minkowski functionals of pixel images: Michielsen & De Raedt 2001, Physics Reports 347, section 2; coarea
        formula: Federer 1959.

    Example:
        >>> bar = torch.zeros(1, 1, 28, 28, dtype=torch.uint8)
        >>> bar[:, :, 4:24, 12:15] = 255
        >>> Measure()(bar)
        tensor([3.1078], dtype=torch.float64)
    """

    words = ("thin", "thick")
    unit = "pixels"

    def __call__(self, images: Tensor) -> Tensor:
        """Stroke width of each image."""
        grey = functional.pad(ink(images), (1, 1, 1, 1))
        grey = grey / grey.amax((1, 2), keepdim=True).clamp_min(torch.finfo(grey.dtype).tiny)
        area = grey.sum((1, 2))
        below = (grey / HALF).clamp_max(1)
        outline = _outline(below)
        root = (outline.square() - 16 * _euler(below) * area).clamp_min(0).sqrt()
        return torch.where(area > 0, 4 * area / (outline + root).clamp_min(torch.finfo(area.dtype).tiny), 0.0)


def _outline(grey: Tensor) -> Tensor:
    """Length of the level lines, summed over all levels: of the bilinear surface between each four pixels.  # [n]"""
    a, b, c, d = _corners(grey)
    across, down = (b - a + d - c) / 2, (c - a + d - b) / 2
    return torch.hypot(across, down).sum((1, 2))


def _euler(grey: Tensor) -> Tensor:
    """Pieces minus holes, integrated over all levels: corners minus sides plus faces of closed pixels.  # [n]"""
    a, b, c, d = _corners(grey)
    sides = torch.maximum(a, b).sum((1, 2)) + torch.maximum(a, c).sum((1, 2))  # the frame is empty: none is left out
    corners = torch.maximum(torch.maximum(a, b), torch.maximum(c, d)).sum((1, 2))
    return corners - sides + grey.sum((1, 2))


def _corners(grey: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The upper left, upper right, lower left and lower right pixel of each block of four."""
    return grey[:, :-1, :-1], grey[:, :-1, 1:], grey[:, 1:, :-1], grey[:, 1:, 1:]
