"""Music in voices as codes: what each voice does at each step; and the same as rolls, which networks learn from.

A code is one byte: the MIDI pitch in the low 7 bits, 0 for a rest, and 128 more at the step where a note begins. A roll
has columns for the rest, for each pitch, one of which is full, and a last one that is full where a note begins.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

ONSET, PITCH = 128, 127
"""Of a code: the bit that a note begins, and the bits of its pitch."""
BESIDE = 2
"""Columns of a roll that are no pitches: the rest before them, the onset behind them."""
VOICES = ("soprano", "alto", "tenor", "bass")
"""What four voices are called; other numbers are only numbered."""
KEYS = ("C", "C#", "D", "E flat", "E", "F", "F#", "G", "A flat", "A", "B flat", "B")


class Score(NamedTuple):
    """A piece of music.

    Args:
        codes: uint8 ``[voices, steps]``.
        bar: Steps of a bar; 0 where that is not known.
        fifths: Sharps of its key less the flats.
    """

    codes: np.ndarray
    bar: int = 0
    fifths: int = 0


def pitches(codes: Tensor) -> Tensor:
    """The MIDI pitches that sound, 0 at rests.  # long, like the codes"""
    return codes.long() & PITCH


def onsets(codes: Tensor) -> Tensor:
    """Where notes begin.  # bool, like the codes"""
    return codes.long() >= ONSET


def told_apart(pitch: Tensor, begun: Tensor) -> Tensor:
    """Codes of pitches and of where notes begin: also wherever the pitch is another than before, never at a rest.

    Args:
        pitch: 0 at rests.  # long [..., steps]
        begun: Where a note of the same pitch begins anew.  # bool [..., steps]

    Returns:
        uint8 ``[..., steps]``.
    """
    before = torch.nn.functional.pad(pitch, (1, 0))[..., :-1]
    return (pitch + ONSET * ((begun | (pitch != before)) & (pitch > 0))).to(torch.uint8)


def rolls(codes: Tensor, lowest: int, highest: int) -> Tensor:
    """Codes as rolls.  # uint8 [..., steps] to bool [..., steps, 2 + highest - lowest + 1]

    Args:
        codes: Their pitches are in ``lowest..highest``.
        lowest: The pitch of the first column but one.
        highest: Of the last but one.
    """
    pitch = pitches(codes)
    places = torch.where(pitch > 0, pitch - lowest + 1, 0)
    found = torch.zeros(*codes.shape, highest - lowest + BESIDE, dtype=torch.bool)
    return torch.cat([found.scatter_(-1, places[..., None], True), onsets(codes)[..., None]], -1)


def codes_of(rolled: Tensor, lowest: int) -> Tensor:
    """Codes of rolls, or of what networks make of them: the fullest column sounds, an onset is one above 0.

    Args:
        rolled: bool, or floats in [-1, 1].  # [..., steps, columns]
        lowest: The pitch of the first column but one.

    Returns:
        uint8 ``[..., steps]``.
    """
    values = rolled if rolled.is_floating_point() else rolled.to(torch.uint8)
    place = values[..., :-1].argmax(-1)
    return told_apart(torch.where(place > 0, place - 1 + lowest, 0), values[..., -1] > 0)


def cut(codes: np.ndarray, steps: int, stride: int) -> np.ndarray:
    """The windows of a piece; a note that began before a window begins with it.  # uint8 [windows, voices, steps]"""
    starts = range(0, codes.shape[1] - steps + 1, stride)
    windows = np.zeros((len(starts), len(codes), steps), np.uint8)
    for window, start in zip(windows, starts, strict=True):
        window[:] = codes[:, start : start + steps]
    windows[:, :, 0] |= np.where(windows[:, :, 0] & PITCH, ONSET, 0).astype(np.uint8)
    return windows


def transposed(codes: np.ndarray, semitones: int) -> np.ndarray:
    """The same music so many semitones higher; rests stay.  # uint8, like the codes"""
    moved = codes.astype(np.int64) + np.where(codes & PITCH, semitones, 0)
    return moved.astype(np.uint8)


def spoken_pitch(pitch: int) -> str:
    """A MIDI pitch as musicians say it.

    Example:
        >>> spoken_pitch(60), spoken_pitch(70)
        ('C4', 'B flat4')
    """
    return f"{KEYS[pitch % 12]}{pitch // 12 - 1}"
