"""Perceptual evaluation of speech quality."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from belamy.errors import DataError, MissingExtra, UsageError
from belamy.evaluation.pairs import speech

RATES = {"wide": (16_000,), "narrow": (8_000, 16_000)}


class Pair:
    """Opinion score that listeners would give the estimate, as ITU-T P.862 foretells it: about 1 to 4.6.

    Nothing is resampled: the standard knows 8,000 and 16,000 samples a second, and another rate is refused.

    References:
        Rix et al. 2001, "Perceptual evaluation of speech quality"; the scale: ITU-T P.862.1 (narrow), P.862.2 (wide).

    Args:
        rate: Samples in a second: 8,000 or 16,000.
        band: ``wide`` (50–7,000 Hz, 16,000 samples a second) or ``narrow`` (300–3,400 Hz, either rate).

    Raises:
        UsageError: A rate that the band does not know, or sounds of more than one channel.
        DataError: A sound without speech, or a silent estimate.
        MissingExtra: The package ``pesq`` is not installed.
    """

    higher_is_better = True

    def __init__(self, *, rate: int, band: Literal["wide", "narrow"] = "wide") -> None:
        if rate not in RATES[band]:
            known = " or ".join(f"{known:,}" for known in RATES[band])
            raise UsageError(
                f"pesq.rate is {rate:,}, but the {band} band is measured at {known} samples a second. "
                "Resample the sounds first."
            )
        self.rate, self.mode = rate, {"wide": "wb", "narrow": "nb"}[band]

    def __call__(self, reference: Tensor, estimate: Tensor) -> Tensor:
        try:
            from pesq import PesqError, pesq
        except ImportError:
            raise MissingExtra("pesq", "audio", "PESQ") from None
        reference, estimate = speech(reference, estimate, "PESQ")
        scores = []
        for number, (clean, heard) in enumerate(zip(reference, estimate, strict=True)):
            if not heard.any():  # of which the package makes NaN
                raise DataError(f"PESQ cannot score pair {number}: its estimate is silent. Leave it out.")
            try:
                scores.append(float(pesq(self.rate, clean.numpy(), heard.numpy(), self.mode)))
            except PesqError as error:
                reason = error.args[0] if error.args else error
                reason = reason.decode() if isinstance(reason, bytes) else reason
                raise DataError(f"PESQ cannot score pair {number}: {reason}. Leave it out.") from None
        return torch.tensor(scores, dtype=torch.float64)
