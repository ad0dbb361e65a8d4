"""How far the drawing leans."""

from __future__ import annotations

import torch
from torch import Tensor

from belamy.data.measures._ink import ink


class Measure:
    r"""Angle from the vertical in degrees, positive to the right: that of the line x = x̄ - s(y - ȳ) of least squares
    through the ink; 0 where there is none, or only one row of it.

    .. math:: s = -\mu_{11} / \mu_{02}, \qquad \text{slant} = \arctan s

    A drawing sheared by s against an upright one of the same second moments has this slant.

    References:
        LeCun et al. 1998, "Gradient-based learning applied to document recognition", section 3.3 (deslanting).
    """

    words = ("left", "right")
    unit = "degrees"

    def __call__(self, images: Tensor) -> Tensor:
        """Slant of each image."""
        mass = ink(images)
        total = mass.sum((1, 2)).clamp_min(torch.finfo(mass.dtype).tiny)
        y = torch.arange(mass.shape[1], dtype=mass.dtype)[None, :, None]
        x = torch.arange(mass.shape[2], dtype=mass.dtype)[None, None]
        centre_y, centre_x = ((mass * axis).sum((1, 2)) / total for axis in (y, x))
        y, x = y - centre_y[:, None, None], x - centre_x[:, None, None]
        mixed, upright = (mass * x * y).sum((1, 2)), (mass * y.square()).sum((1, 2))
        shear = -mixed / upright.clamp_min(torch.finfo(mass.dtype).tiny)
        return torch.where(upright > 1e-9 * total, shear.atan().rad2deg(), 0.0)
