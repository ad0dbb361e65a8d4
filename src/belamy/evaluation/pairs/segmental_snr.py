"""Signal-to-noise ratio of short segments, averaged."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad

from belamy.errors import UsageError
from belamy.evaluation.pairs import alike, decibels

LIMITS = (-10.0, 35.0)
"""Decibels beyond which listeners hear no difference."""
FLOOR = 1e-10
"""Share of the mean energy of a segment below which an energy counts as that much."""


class Pair:
    r"""Mean over segments of the signal-to-noise ratio, in decibels.

    .. math:: \frac{10}{S} \sum_{s=1}^{S} \log_{10} \frac{\sum_{t \in s} x_t^2}{\sum_{t \in s} (x_t - \hat x_t)^2}

    A sound is brought to whole segments with zeros at its end. So that no logarithm is infinite, energies below 1e-10
    of the reference's mean energy of a segment count as that. Segments in which both reference and error are so low
    tell nothing and are left out. An exact copy is infinite, or 35 dB where ratios are clamped.

    *Departs from the book's code*, which pads the two sounds by different lengths, takes the estimate itself for the
    noise and multiplies by 10 twice.

    References:
        Valle 2019, Hands-On Generative Adversarial Networks with Keras, chapter 10; the limits: Hansen & Pellom 1998,
        "An effective quality evaluation protocol for speech enhancement algorithms", section 2.

    Args:
        rate: Samples in a second.
        milliseconds: Length of a segment; 15 to 20 is usual.
        clamp: Limit each segment's ratio to -10 … 35 dB.

    Raises:
        UsageError: A rate or a length that makes no segment.
    """

    higher_is_better = True

    def __init__(self, *, rate: int, milliseconds: float = 16.0, clamp: bool = False) -> None:
        self.length, self.clamp = round(rate * milliseconds / 1000), clamp
        if rate < 1 or self.length < 1:
            raise UsageError(
                f"segmental-snr has rate={rate} and milliseconds={milliseconds:g}, which make no segment of a sample "
                "or more. Type rate=16000,milliseconds=16."
            )

    def __call__(self, reference: Tensor, estimate: Tensor) -> Tensor:
        reference, estimate = alike(reference, estimate, "sounds")
        signal = self._energies(reference)  # [N, segments]
        noise = self._energies(reference - estimate)
        exact = noise.sum(1) == 0
        least = FLOOR * signal.mean(1, keepdim=True)
        told = (signal > least) | (noise > least)
        ratios = decibels(signal.maximum(least), noise.maximum(least))
        ratios = ratios.clamp(*LIMITS) if self.clamp else ratios
        averaged = ratios.where(told, 0).sum(1) / told.sum(1).clamp(min=1)
        return torch.where(exact, LIMITS[1] if self.clamp else torch.inf, averaged)

    def _energies(self, sound: Tensor) -> Tensor:
        """Of each segment; each channel makes segments of its own.  # [N, segments]"""
        whole = pad(sound, (0, -sound.shape[-1] % self.length))
        return whole.flatten(1).unflatten(1, (-1, self.length)).square().sum(-1)
