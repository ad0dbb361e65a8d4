"""Whether two recordings have one voice."""

from __future__ import annotations

import torch
from torch import Tensor

from belamy.evaluation.pairs import speech
from belamy.networks.voices import Listener


class Pair:
    """Cosine of the voices that the embedded speaker encoder hears, from 0 to 1, whatever is said.

    Nothing is resampled: the encoder knows 16,000 samples a second, and another rate is refused.

    References:
        Wan et al. 2018, "Generalized end-to-end loss for speaker verification", arXiv 1710.10467, equation 5.

    Args:
        rate: Samples in a second: 16,000.

    Raises:
        UsageError: Another rate, or sounds of more than one channel.
        DataError: A reference is silent.
    """

    higher_is_better = True

    def __init__(self, *, rate: int) -> None:
        self.listener = Listener(rate)

    @torch.no_grad()
    def __call__(self, reference: Tensor, estimate: Tensor) -> Tensor:
        heard = [self.listener(sounds[:, None]) for sounds in speech(reference, estimate, "The voice")]
        return (heard[0] * heard[1]).sum(1)
