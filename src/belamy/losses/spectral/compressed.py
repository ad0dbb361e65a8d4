"""Distances of compressed spectra, with the phase and without it."""

from __future__ import annotations

from torch import Tensor

from belamy.errors import UsageError
from belamy.modalities.short_time import compressed, spectra


class Spectral:
    r"""Squared distances of magnitudes to the power 0.3, and of spectra whose magnitudes are so compressed.

    .. math:: (1 - \beta)\,\bigl||Y|^c - |\hat Y|^c\bigr|^2
        + \beta\,\bigl||Y|^c e^{i\angle Y} - |\hat Y|^c e^{i\angle \hat Y}\bigr|^2, \qquad c = 0.3

    the mean over frames and frequencies. Faint sounds count nearly as much as loud ones, as they do for listeners.

    References:
        Braun & Tashev 2020, "A consolidated view of loss functions for supervised deep learning-based speech
        enhancement", arXiv 2009.12286, equations 14 and 15.

    Args:
        frame: Samples of a frame.
        share: β, of the distance with the phase.

    Raises:
        UsageError: A frame below 4 samples, or a share that is none.
    """

    def __init__(self, *, frame: int = 512, share: float = 0.3) -> None:
        if frame < 4 or frame % 2 or not 0 <= share <= 1:
            raise UsageError(
                f"compressed has frame={frame} and share={share:g}, but a frame must have an even number of samples, 4 "
                "or more, and a share must be in 0..1. Type frame=512,share=0.3."
            )
        self.frame, self.share = frame, share

    def __call__(self, output: Tensor, target: Tensor) -> Tensor:
        """``[N]`` of sounds ``[N, C, T]``."""
        (size, parts), (true_size, true_parts) = (
            compressed(spectra(sounds.flatten(0, 1), self.frame)) for sounds in (output, target)
        )
        count = len(output)
        plain = (size - true_size).square().reshape(count, -1).mean(1)
        whole = (parts - true_parts).square().sum(1).reshape(count, -1).mean(1)
        return (1 - self.share) * plain + self.share * whole
