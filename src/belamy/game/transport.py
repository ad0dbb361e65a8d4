"""The Wasserstein-1 distance between sets of points, exactly."""

from __future__ import annotations

import numpy as np


def wasserstein_1(first: np.ndarray, second: np.ndarray) -> float:
    r"""The mean length of the shortest pairing of two equally large sets of points ``[N, d]``.

    .. math:: W_1 = \min_\pi \frac1N \sum_i \lVert x_i - y_{\pi(i)} \rVert_2

    References:
        Villani 2009, Optimal Transport, definition 6.1 (for empirical measures an optimal plan is a permutation).

    Example:
        >>> wasserstein_1(np.array([[0.0], [1.0]]), np.array([[3.0], [0.0]]))
        1.0
    """
    from scipy.optimize import linear_sum_assignment

    costs = np.sqrt(np.square(first[:, None, :] - second[None, :, :]).sum(-1))
    return float(costs[linear_sum_assignment(costs)].mean())
