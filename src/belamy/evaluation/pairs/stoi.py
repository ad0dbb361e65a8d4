"""Short-time objective intelligibility."""

from __future__ import annotations

import warnings

import torch
from torch import Tensor

from belamy.errors import DataError, MissingExtra, UsageError
from belamy.evaluation.pairs import speech


class Pair:
    """How much of noisy speech is understood, as a correlation with the clean one: about 0 to 1.

    Sounds of another rate than 10,000 samples a second are brought to it by the package's own polyphase filter, which
    is that of the published Matlab code. Frames 40 dB below the loudest are left out.

    References:
        Taal et al. 2011, "An algorithm for intelligibility prediction of time–frequency weighted noisy speech"; the
        extended measure: Jensen & Taal 2016.

    Args:
        rate: Samples in a second, at least 8,000: below it the highest of the measure's bands would be empty.
        extended: Also for noise that comes and goes.

    Raises:
        UsageError: A rate too low, or sounds of more than one channel.
        DataError: A sound with too little speech.
        MissingExtra: The package ``pystoi`` is not installed.
    """

    higher_is_better = True

    def __init__(self, *, rate: int, extended: bool = False) -> None:
        if rate < 8_000:
            raise UsageError(f"stoi.rate is {rate:,}, but bands up to 4,000 Hz need at least 8,000 samples a second.")
        self.rate, self.extended = rate, extended

    def __call__(self, reference: Tensor, estimate: Tensor) -> Tensor:
        try:
            from pystoi import stoi
        except ImportError:
            raise MissingExtra("pystoi", "audio", "STOI") from None
        reference, estimate = speech(reference, estimate, "STOI")
        scores = []
        for number, (clean, heard) in enumerate(zip(reference, estimate, strict=True)):
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("error", RuntimeWarning)  # pystoi warns and returns 1e-5
                    scores.append(float(stoi(clean.numpy(), heard.numpy(), self.rate, self.extended)))
            except (RuntimeWarning, ValueError):
                raise DataError(
                    f"STOI cannot score pair {number}: without its silent parts less than 0.4 seconds are left. "
                    "Leave it out."
                ) from None
        return torch.tensor(scores, dtype=torch.float64)
