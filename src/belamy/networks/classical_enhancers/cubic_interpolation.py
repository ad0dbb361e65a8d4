"""A cubic spline over what was lost or cut off."""

from __future__ import annotations

import numpy as np
from scipy.interpolate import CubicSpline

from belamy.networks.classical_enhancers._interpolation import Interpolation


class ClassicalEnhancer(Interpolation):
    """The cubic spline through all known samples (scipy's ``CubicSpline``): good for some samples, wild in long gaps.

    Args:
        rate: Samples in a second.
    """

    def drawn(self, sound: np.ndarray, missing: np.ndarray, cut: np.ndarray) -> np.ndarray:
        """The spline, where samples are missing."""
        time = np.arange(len(sound))
        found = sound.copy()
        found[missing] = CubicSpline(time[~missing], sound[~missing])(time[missing])
        return found
