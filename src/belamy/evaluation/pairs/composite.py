"""Ratings that listeners would give enhanced speech, foretold from four measures together."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from belamy.evaluation.pairs import speech
from belamy.evaluation.pairs.pesq import Pair as Pesq
from belamy.evaluation.speech_distances import log_likelihood_ratio, piecewise_snr, smallest, weighted_slope

WEIGHTS = {
    "signal": (3.093, -1.029, 0.603, -0.009, 0.0),
    "background": (1.634, 0.0, 0.478, -0.007, 0.063),
    "overall": (1.594, -0.512, 0.805, -0.007, 0.0),
}
"""Constant, log-likelihood ratio, PESQ, weighted slope and segmental ratio."""


class Pair:
    r"""CSIG, CBAK or COVL: how distorted speech is, how intrusive what is left of the noise, and the whole, 1 to 5.

    .. math:: \mathrm{COVL} = 1.594 + 0.805\,\mathrm{PESQ} - 0.512\,\mathrm{LLR} - 0.007\,\mathrm{WSS}

    and alike for the others. LLR and WSS are means over the 95 % of pieces that are least apart; ratios of pieces are
    within -10 … 35 dB. At 16,000 samples a second PESQ is the wide-band one, as all enhancement papers have it; the
    authors' listeners heard the narrow band.

    References:
        Hu & Loizou 2008, "Evaluation of objective quality measures for speech enhancement", section V, with the weights
        of the authors' published code.

    Args:
        rate: Samples in a second: 8,000 or 16,000.
        of: ``signal`` (CSIG), ``background`` (CBAK) or ``overall`` (COVL).

    Raises:
        UsageError: A rate that PESQ does not know, or sounds of more than one channel.
        DataError: A sound without speech.
        MissingExtra: The package ``pesq`` is not installed.
    """

    higher_is_better = True

    def __init__(self, *, rate: int, of: Literal["signal", "background", "overall"] = "overall") -> None:
        self.pesq = Pesq(rate=rate, band="narrow" if rate == 8000 else "wide")
        self.rate, self.weights = rate, WEIGHTS[of]

    def __call__(self, reference: Tensor, estimate: Tensor) -> Tensor:
        reference, estimate = speech(reference, estimate, "The composite measure")
        given = (reference, estimate, self.rate)
        constant, ratio, pesq, slope, snr = self.weights
        found = constant + pesq * self.pesq(reference, estimate)
        found = found + slope * smallest(weighted_slope(*given)) + snr * piecewise_snr(*given).mean(1)
        return (found + ratio * smallest(log_likelihood_ratio(*given))).clamp(1, 5).to(torch.float64)
