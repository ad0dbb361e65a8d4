"""Distances of magnitudes at several resolutions of time and frequency."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

RESOLUTIONS = ((1024, 120, 600), (2048, 240, 1200), (512, 50, 240))
"""Samples of the transform, of a step and of the window, at 16,000 to 24,000 samples a second."""
LEAST = 1e-7


@lru_cache(maxsize=16)
def _window(length: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    return torch.hann_window(length, dtype=dtype, device=device)


class Spectral:
    r"""Spectral convergence and the distance of logarithms, the mean over three resolutions.

    .. math:: \frac13 \sum_r \frac{\lVert |Y_r| - |\hat Y_r| \rVert_F}{\lVert |Y_r| \rVert_F}
        + \frac1{M_r} \lVert \ln|Y_r| - \ln|\hat Y_r| \rVert_1

    No resolution can be fooled by the comb of a transposed convolution, for each sees it at another place.

    References:
        Yamamoto, Song & Kim 2020, "Parallel WaveGAN", arXiv 1910.11480, equations 3 to 6 and table 1.
    """

    def __call__(self, output: Tensor, target: Tensor) -> Tensor:
        """``[N]`` of sounds ``[N, C, T]``."""
        found = [self._at(resolution, output, target) for resolution in RESOLUTIONS]
        return torch.stack(found).mean(0)

    def _at(self, resolution: tuple[int, int, int], output: Tensor, target: Tensor) -> Tensor:
        mine, its = (self._magnitudes(resolution, sounds) for sounds in (output, target))  # [N, values]
        convergence = (its - mine).square().sum(1).clamp_min(LEAST).sqrt() / its.square().sum(1).sqrt()
        return convergence + (its.log() - mine.log()).abs().mean(1)

    @staticmethod
    def _magnitudes(resolution: tuple[int, int, int], sounds: Tensor) -> Tensor:
        transform, step, length = resolution
        flat = sounds.flatten(0, 1)
        window = _window(length, sounds.dtype, sounds.device)
        found = torch.stft(flat, transform, step, length, window, pad_mode="constant", return_complex=True)
        powers = found.real.square() + found.imag.square()
        return powers.clamp_min(LEAST).sqrt().reshape(len(sounds), -1)
