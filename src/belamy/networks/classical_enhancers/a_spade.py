"""A-SPADE: of all sounds that fit a clipped one, the one whose spectrum has few components."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from belamy.modalities.short_time import frame_length
from belamy.networks.classical_enhancers._damage import clipped, each_sound

_QUARTERS = 4
_ENOUGH = 0.1


class ClassicalEnhancer:
    r"""Seeks sparse spectra of frames and sounds that fit what is heard, in turn, until both are the same.

    With A the transform of frames to twice as many frequencies, and :math:`H_k` keeping the k largest magnitudes:

    .. math:: z = H_k(A x + u), \qquad x = P\bigl(A^*(z - u)\bigr), \qquad u \leftarrow u + A x - z, \qquad
        k \leftarrow k + 1

    where P keeps reliable samples and holds the others beyond the level where they were cut. A frame is done when
    :math:`\|A x - z\|` is below a tenth of its norm.

    References:
        Kitić, Bertin & Gribonval 2015, "Sparsity and cosparsity for audio declipping: a flexible non-convex approach",
        arXiv 1506.01830 (A-SPADE).

    Args:
        rate: Samples in a second.
    """

    against = ("clipping",)

    def __init__(self, rate: float) -> None:
        self.length = frame_length(rate)

    def __call__(self, sounds: Tensor) -> Tensor:
        """Sounds with peaks.  # [N, C, T]"""
        return each_sound(sounds, self._restored)

    def _restored(self, sound: np.ndarray) -> np.ndarray:
        """One sound, in frames a quarter apart."""
        cut = clipped(sound)
        if not cut.any():
            return sound
        step = self.length // _QUARTERS
        around = (self.length, self.length + (-len(sound)) % step)
        window = np.sqrt(np.hanning(self.length + 1)[:-1] / 2)  # its squares, a quarter apart, add up to 1
        heard, sides = (_framed(np.pad(each, around), self.length, step) for each in (sound, cut))
        made = heard * window
        spoilt = (sides != 0).any(1)
        made[spoilt] = sparse(made[spoilt], sides[spoilt])
        found = np.zeros(len(sound) + sum(around))
        for number, frame in enumerate(made * window):
            found[number * step : number * step + self.length] += frame
        found = found[self.length : self.length + len(sound)]
        return np.where((cut == 0) | (cut * found < cut * sound), sound, found)


def _framed(values: np.ndarray, length: int, step: int) -> np.ndarray:
    return np.lib.stride_tricks.sliding_window_view(values, length)[::step]


def sparse(frames: np.ndarray, sides: np.ndarray) -> np.ndarray:
    """Frames that fit what is heard, and whose spectra are sparse.  # [n, L]

    Args:
        frames: What is heard; at places that were cut off, the level.  # [n, L]
        sides: 1 where a sample lies at the level or above, -1 where below, 0 where it is reliable.  # int [n, L]
    """
    length = frames.shape[1]
    found, done = frames.copy(), frames.copy()
    size = np.linalg.norm(frames, axis=1)
    open_ones = np.arange(len(frames))
    residual = np.zeros((len(frames), length + 1), complex)
    for count in range(1, length + 1):
        spectrum = _analysed(found)
        kept = _largest(spectrum + residual, count)
        found = _synthesised(kept - residual, length)
        outside = sides * found < sides * frames
        found = np.where((sides == 0) | outside, frames, found)
        spectrum = _analysed(found)
        apart = _norm(spectrum - kept)
        residual = residual + spectrum - kept
        left = apart > _ENOUGH * size
        done[open_ones[~left]] = found[~left]
        if not left.any():
            break
        found, frames, sides, residual, size, open_ones = (
            each[left] for each in (found, frames, sides, residual, size, open_ones)
        )
    else:
        done[open_ones] = found
    return done


def _analysed(frames: np.ndarray) -> np.ndarray:
    """Half of the spectrum of twice as many frequencies, of the same norm as a whole.  # [n, L + 1]"""
    found: np.ndarray = np.fft.rfft(frames, 2 * frames.shape[1], norm="ortho")
    return found


def _synthesised(spectrum: np.ndarray, length: int) -> np.ndarray:
    found: np.ndarray = np.fft.irfft(spectrum, 2 * length, norm="ortho")[:, :length]
    return found


def _norm(spectrum: np.ndarray) -> np.ndarray:
    """Of whole spectra, of halves.  # [n]"""
    powers = np.abs(spectrum) ** 2
    found: np.ndarray = np.sqrt(2 * powers.sum(1) - powers[:, 0] - powers[:, -1])
    return found


def _largest(spectrum: np.ndarray, count: int) -> np.ndarray:
    """The largest of each, the others 0.  # [n, F]"""
    sizes = np.abs(spectrum)
    least = np.partition(sizes, -count, axis=1)[:, -count, None]
    return np.where(sizes >= least, spectrum, 0)
