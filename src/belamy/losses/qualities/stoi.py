"""Short-time objective intelligibility."""

from __future__ import annotations

import warnings
from math import nan

import numpy as np

from belamy.errors import MissingExtra, UsageError

LEAST = 8_000


class Quality:
    """How much of noisy speech is understood (Taal et al. 2011), by the package ``pystoi``.

    Args:
        rate: Samples in a second, at least 8,000.
        extended: Also for noise that comes and goes (Jensen & Taal 2016).

    Raises:
        UsageError: A rate too low.
        MissingExtra: The package ``pystoi`` is not installed.
    """

    def __init__(self, rate: float, *, extended: bool = False) -> None:
        try:
            from pystoi import stoi
        except ImportError:
            raise MissingExtra("pystoi", "audio", "The quality 'stoi'") from None
        if rate < LEAST:
            raise UsageError(f"stoi needs at least 8,000 samples a second, not {rate:,.0f}. Type --rate 16000.")
        self.measure, self.rate, self.extended = stoi, int(rate), extended

    def __call__(self, reference: np.ndarray, estimate: np.ndarray) -> float:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", RuntimeWarning)  # pystoi warns of too little speech, and returns 1e-5
                score = self.measure(reference, estimate, self.rate, self.extended)
        except (RuntimeWarning, ValueError):
            return nan
        return float(np.clip(score, 0, 1))
