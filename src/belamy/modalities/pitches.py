"""Pitches: MIDI numbers, names and frequencies in equal temperament."""

from __future__ import annotations

import math
import re

_STEPS = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
_NAME = re.compile(r"([A-Ga-g])([#b]?)(-?\d)")


def frequency_of(pitch: float) -> float:
    """Hertz of a MIDI number; A4, 69, has 440.

    Example:
        >>> frequency_of(69), round(frequency_of(60), 2)
        (440.0, 261.63)
    """
    return 440.0 * 2.0 ** ((pitch - 69) / 12)


def pitch_of(frequency: float) -> float:
    """The MIDI number of a frequency in hertz, with its fraction of a semitone: the inverse of :func:`frequency_of`."""
    return 69 + 12 * math.log2(frequency / 440.0)


def name_of(pitch: int) -> str:
    """The name of a MIDI number in scientific notation.

    Example:
        >>> name_of(60), name_of(58)
        ('C4', 'A#3')
    """
    return f"{_STEPS[pitch % 12]}{pitch // 12 - 1}"


def named(text: str) -> int | None:
    """The MIDI number that a name or the number itself stands for; None if it is neither.

    Example:
        >>> named("A#3"), named("Bb3"), named("58"), named("kick")
        (58, 58, 58, None)
    """
    if text.isdecimal() and int(text) < 128:
        return int(text)
    found = _NAME.fullmatch(text)
    if found is None:
        return None
    step, sign, octave = found.groups()
    return _STEPS.index(step.upper()) + {"#": 1, "b": -1, "": 0}[sign] + 12 * (int(octave) + 1)
