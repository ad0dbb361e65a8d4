"""The subspace method: what speech does not reach is dropped, and the rest is weighed."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import avg_pool1d, pad

from belamy.errors import UsageError
from belamy.modalities.short_time import frame_length, spectra
from belamy.networks.classical_enhancers._gains import of_channels
from belamy.networks.noise_tracking import noise_powers

LEAST, MOST = -5.0, 20.0
"""Decibels of the ratio of speech to noise between which μ changes, from 5 to 1."""
_RIDGE = 1e-6


class ClassicalEnhancer:
    r"""A linear estimate in the directions that diagonalise the covariances of noise and of what is heard together.

    With :math:`R_n = LL^\top` and :math:`L^{-1} R_y L^{-\top} = U \Lambda U^\top`, vectors of samples are multiplied by

    .. math:: H = L\,U\,\mathrm{diag}\left(\frac{\lambda_k}{\lambda_k + \mu}\right) U^\top L^{-1},
        \qquad \lambda_k = \max(\Lambda_k - 1, 0)

    Directions without speech have λ = 0. More of the noise is taken off where there is more: μ falls from 5 at -5 dB
    to 1 at 20 dB and above.

    *Departs from the paper*: the covariances of a frame are Toeplitz matrices of the autocorrelations that its
    (smoothed) spectrum and the tracked spectrum of the noise have, in place of means over samples and over pauses.

    References:
        Hu & Loizou 2003, "A generalized subspace approach for enhancing speech corrupted by colored noise", equations
        17 to 23 (time domain constrained); the idea: Ephraim & Van Trees 1995.

    Args:
        rate: Samples in a second.
        dimension: Samples of a vector, an even number; 4 ms at 16,000 samples a second.

    Raises:
        UsageError: A dimension that is odd, below 2 or longer than a frame.
    """

    against = ("noise",)

    def __init__(self, rate: float, *, dimension: int = 64) -> None:
        self.length, self.dimension = frame_length(rate), dimension
        if dimension % 2 or not 2 <= dimension <= self.length // 2:
            raise UsageError(
                f"subspace.dimension is {dimension}, but it must be an even number in 2..{self.length // 2}."
            )

    def __call__(self, sounds: Tensor) -> Tensor:
        """Sounds with the noise turned down.  # [N, C, T]"""
        return of_channels(sounds, lambda some: torch.stack([self._enhanced(one) for one in some]))

    def _enhanced(self, sound: Tensor) -> Tensor:
        """One sound.  # [T]"""
        powers = spectra(sound[None], self.length).abs().square()
        noise = noise_powers(powers)[0]
        filters = self.filters(smoothed(powers)[0], noise)  # [frames, K, K]
        step, samples = self.dimension // 2, len(sound)
        padded = pad(sound, (step, self.dimension + (-samples) % step))
        vectors = padded.unfold(0, self.dimension, step)  # [vectors, K]
        centres = torch.arange(len(vectors), device=sound.device) * step
        frames = ((centres + self.length // 4) // (self.length // 2)).clamp_max(len(filters) - 1)
        made = torch.einsum("vij,vj->vi", filters[frames], vectors)
        made = made * torch.hann_window(self.dimension, dtype=made.dtype, device=made.device)
        found = torch.zeros_like(padded)
        found[: len(vectors) * step] += made[:, :step].reshape(-1)
        found[step : (len(vectors) + 1) * step] += made[:, step:].reshape(-1)
        return found[step : step + samples]

    def filters(self, heard: Tensor, noise: Tensor) -> Tensor:
        """H of each frame, from powers ``[F, frames]`` of what is heard and of noise.  # [frames, K, K]"""
        own, other = (self._covariances(each) for each in (heard, noise))
        root = torch.linalg.cholesky(other)
        white = torch.linalg.solve_triangular(root, own, upper=False)
        white = torch.linalg.solve_triangular(root, white.mT, upper=False)
        values, directions = torch.linalg.eigh((white + white.mT) / 2)
        speech = (values - 1).clamp_min(0)
        ratio = 10 * (speech.mean(1) + 1e-12).log10()
        mu = 1 + 4 * (MOST - ratio.clamp(LEAST, MOST)) / (MOST - LEAST)
        gain = speech / (speech + mu[:, None])
        inner = directions * gain[:, None, :] @ directions.mT  # between L and its inverse
        return torch.linalg.solve_triangular(root, root @ inner, upper=False, left=False)

    def _covariances(self, powers: Tensor) -> Tensor:
        """Toeplitz matrices of the autocorrelations of spectra ``[F, frames]``.  # [frames, K, K]"""
        lags = torch.fft.irfft(powers.mT, self.length)[:, : self.dimension]
        places = torch.arange(self.dimension, device=powers.device)
        found = lags[:, (places[:, None] - places).abs()]
        ridge = _RIDGE * lags[:, :1, None].clamp_min(1e-12)
        return found + ridge * torch.eye(self.dimension, dtype=powers.dtype, device=powers.device)


def smoothed(powers: Tensor) -> Tensor:
    """The mean of each frame and its two neighbours, as far as there are any.  # [N, F, frames]"""
    return avg_pool1d(powers, 3, 1, 1, count_include_pad=False)
