"""Perceptual evaluation of speech quality."""

from __future__ import annotations

from math import nan

import numpy as np

from belamy.errors import MissingExtra, UsageError

BANDS = {16_000.0: "wb", 8_000.0: "nb"}
LOW, HIGH = 1.0, 4.64
"""What a listener can say at worst, and the best score of the wide band."""


class Quality:
    """The score of ITU-T P.862, of the wide band at 16,000 samples a second and of the narrow one at 8,000.

    *Departs from MetricGAN*, which divides the raw score and a half by five: the scores of P.862.1 and .2 from 1 to
    4.64 become 0 to 1.

    Args:
        rate: Samples in a second.

    Raises:
        UsageError: Another rate than 8,000 and 16,000.
        MissingExtra: The package ``pesq`` is not installed.
    """

    def __init__(self, rate: float) -> None:
        try:
            import pesq
        except ImportError:
            raise MissingExtra("pesq", "audio", "The quality 'pesq'") from None
        if rate not in BANDS:
            raise UsageError(
                f"pesq is defined at 8,000 and 16,000 samples a second, not at {rate:,.0f}. Type --rate 16000."
            )
        self.measure, self.unknown = pesq.pesq, pesq.PesqError
        self.rate, self.band = int(rate), BANDS[rate]

    def __call__(self, reference: np.ndarray, estimate: np.ndarray) -> float:
        if not estimate.any():
            return 0.0
        try:
            score = self.measure(self.rate, reference, estimate, self.band)
        except self.unknown:  # there is no speech
            return nan
        return float(np.clip((score - LOW) / (HIGH - LOW), 0, 1))
