"""Autoregressive interpolation: what was lost is what surprises a linear prediction least."""

from __future__ import annotations

import numpy as np
from scipy.linalg import cho_factor, cho_solve, solve_toeplitz

from belamy.errors import UsageError
from belamy.networks.classical_enhancers._damage import runs
from belamy.networks.classical_enhancers._interpolation import Interpolation

CONTEXT = 0.032
"""Seconds on each side that tell how a sound goes on; speech hardly changes in them."""
_ROUNDS = 30
_RIDGE = 1e-9


class ClassicalEnhancer(Interpolation):
    r"""Predicts each sample from those before it, and fills in what has the least squared error of prediction.

    .. math:: \min_{x_u} \sum_n \Bigl(\sum_{k=0}^{p} a_k x_{n-k}\Bigr)^2 \quad\Rightarrow\quad
        \sum_{v} b_{u-v}\,x_v = -\sum_{n\ \mathrm{known}} b_{u-n}\,x_n, \qquad b_l = \sum_k a_k a_{k+|l|}

    The coefficients a are those of the autocorrelation of what is there, at first with 0 for what is missing; both
    steps are repeated. The order p is 3 m + 2 for m missing samples, up to a largest. Losses are filled in from left
    to right, those within 32 ms together.

    *Departs from the paper*: samples that were cut off are sought beyond the level (a quadratic programme), and the
    largest order is above the paper's 50, so that it reaches the period of a voice.

    References:
        Janssen, Veldhuis & Vries 1986, "Adaptive interpolation of discrete-time signals that can be modeled as
        autoregressive processes", IEEE Transactions on Acoustics, Speech and Signal Processing 34(2).

    Args:
        rate: Samples in a second.
        order: Largest order of the prediction.
        iterations: How often coefficients and samples follow from each other.

    Raises:
        UsageError: An order or a number of iterations below 1.
    """

    def __init__(self, rate: float, *, order: int = 256, iterations: int = 3) -> None:
        if order < 1 or iterations < 1:
            raise UsageError(
                f"autoregressive-interpolation has order={order} and iterations={iterations}, but both must be at "
                "least 1. Type order=256,iterations=3."
            )
        super().__init__(rate)
        self.order, self.iterations = order, iterations

    def drawn(self, sound: np.ndarray, missing: np.ndarray, cut: np.ndarray) -> np.ndarray:
        """The sound with the least surprising values at the missing places."""
        found = np.where(missing & (cut == 0), 0.0, sound)
        left = missing.copy()
        context = round(CONTEXT * self.rate)
        for start, stop in _groups(runs(missing), context):
            window = slice(max(0, start - context), stop + context)
            found[window] = self._filled(found[window], left[window], cut[window])
            left[start:stop] = False  # what is filled in is known to the next
        return found

    def _filled(self, sound: np.ndarray, missing: np.ndarray, cut: np.ndarray) -> np.ndarray:
        order = max(1, min(self.order, 3 * int(missing.sum()) + 2, len(sound) // 3))
        found = sound.copy()
        for _ in range(self.iterations):
            if not found.any():
                break
            found[missing] = least_surprising(sound, missing, prediction(found, order), cut)
        return found


def _groups(found: list[tuple[int, int]], longest: int) -> list[tuple[int, int]]:
    """Neighbouring stretches as one, as long as it is not longer than so many samples."""
    groups: list[tuple[int, int]] = []
    for start, stop in found:
        if groups and stop - groups[-1][0] <= longest:
            groups[-1] = (groups[-1][0], stop)
        else:
            groups.append((start, stop))
    return groups


def prediction(sound: np.ndarray, order: int) -> np.ndarray:
    """The coefficients of the least error of prediction, by autocorrelation; the first is 1.  # [T] to [order + 1]

    Args:
        sound: Not silent.
        order: How many samples tell the next, fewer than there are.
    """
    size = 2 ** int(np.ceil(np.log2(len(sound) + order + 1)))
    lags = np.fft.irfft(np.abs(np.fft.rfft(sound, size)) ** 2)[: order + 1]
    lags[0] *= 1 + _RIDGE
    return np.concatenate([[1.0], -solve_toeplitz(lags[:-1], lags[1:])])


def least_surprising(
    sound: np.ndarray, missing: np.ndarray, coefficients: np.ndarray, cut: np.ndarray | None = None
) -> np.ndarray:
    """The missing samples with the least squared error of prediction, before and after the sound silence.  # [m]

    Args:
        sound: ``[T]``; at places that were cut off, the level.
        missing: Bool ``[T]``.
        coefficients: The first is 1.
        cut: 1 where a sample lies above the level or at it, -1 where below, 0 where it is free.
    """
    order = len(coefficients) - 1
    weights = np.correlate(coefficients, coefficients, "full")  # b, from -p to p
    known = np.where(missing, 0.0, sound)
    wanted = -np.convolve(known, weights)[order : order + len(sound)][missing]
    places = np.flatnonzero(missing)
    apart = np.abs(places[:, None] - places)
    matrix = np.concatenate([weights[order:], [0.0]])[np.minimum(apart, order + 1)]
    matrix[np.diag_indices_from(matrix)] *= 1 + _RIDGE
    free = _solved(matrix, wanted)
    signs = None if cut is None else cut[missing]
    if signs is None or not (signs * free < signs * sound[missing]).any():
        return free
    return _beyond(matrix, wanted, signs, sound[missing])


def _solved(matrix: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """The solution for a positive definite matrix; without what scipy's solve checks, in half the time."""
    found: np.ndarray = cho_solve(cho_factor(matrix, check_finite=False), wanted, check_finite=False)
    return found


def _beyond(matrix: np.ndarray, wanted: np.ndarray, signs: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """The least of the quadratic form beyond the levels, by exchanging which samples rest at theirs (Judice & Pires).

    Args:
        matrix: Of the form.
        wanted: Its linear part.
        signs: Of the sides.
        levels: Of the samples that have a side.
    """
    resting = np.zeros(len(wanted), bool)
    found = levels.copy()
    for _ in range(_ROUNDS):
        free = ~resting
        found[resting] = levels[resting]
        rest = wanted[free] - matrix[np.ix_(free, resting)] @ levels[resting]
        found[free] = _solved(matrix[np.ix_(free, free)], rest)
        pulled = signs * (matrix @ found - wanted)  # a resting sample must be pulled inwards
        inside = free & (signs * found < signs * levels - 1e-12)
        leaving = resting & (pulled < 0)
        if not inside.any() and not leaving.any():
            break
        resting = (resting & ~leaving) | inside
    return np.where(signs * found < signs * levels, levels, found)
