"""A small synthesiser: notes as sums of partials that fade, by formula alone."""

from __future__ import annotations

import numpy as np

from belamy.modalities.midi import notes_of

RATE, ON_PAGES = 22_050, 11_025
"""Samples in a second, of files and of what pages hold."""
PEAK = 0.8
_PARTIALS = 8
_ATTACK, _RELEASE = 0.02, 0.12
_TAIL = 0.4
"""Seconds that the last notes may ring."""


def render(codes: np.ndarray, rate: float, sampling: int = RATE) -> np.ndarray:
    r"""Music as sound, a function of its notes: all voices together, brought to one peak.

    .. math:: e(t) \sum_{k=1}^{8} k^{-1.6}\, e^{-0.9 (k - 1) t} \sin(2\pi k f t), \quad f = 440 \cdot 2^{(p-69)/12},

    with an envelope *e* that rises in 20 ms, decays slowly and falls within 120 ms after the note's end. Partials above
    half the sampling rate are left out.

    Args:
        codes: uint8 ``[voices, steps]``.
        rate: Steps in a second.
        sampling: Samples in a second.

    Returns:
        int16 ``[1, samples]``.
    """
    sound = np.zeros(round((codes.shape[1] / rate + _TAIL) * sampling))
    for voice in codes:
        for start, end, pitch in notes_of(voice):
            first = round(start / rate * sampling)
            note = tone(pitch, (end - start) / rate, sampling)[: len(sound) - first]
            sound[first : first + len(note)] += note
    loudest = np.abs(sound).max()
    return np.round(sound * (PEAK * 32767 / max(loudest, 1e-9)))[None].astype(np.int16)


def tone(pitch: int, seconds: float, sampling: int = RATE) -> np.ndarray:
    """One note of a MIDI pitch, with its release.  # float64 [samples]"""
    time = np.arange(round((seconds + _RELEASE) * sampling)) / sampling
    frequency = 440 * 2 ** ((pitch - 69) / 12)
    partials = range(1, min(_PARTIALS, int(sampling / 2 / frequency)) + 1)
    wave = sum(k**-1.6 * np.exp(-0.9 * (k - 1) * time) * np.sin(2 * np.pi * k * frequency * time) for k in partials)
    rising, falling = np.minimum(time / _ATTACK, 1), np.clip((seconds + _RELEASE - time) / _RELEASE, 0, 1)
    return np.asarray(wave * rising * np.exp(-0.8 * time) * falling)
