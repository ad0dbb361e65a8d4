"""Notes of four instruments by formula: every pitch of a range, as many as are wanted, each with its pitch."""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Tensor

from belamy.data.assembly import Raw, categories, chosen_label
from belamy.data.dataset import Attribute, Dataset, Memory
from belamy.data.load_options import LoadOptions
from belamy.errors import UsageError
from belamy.modalities.audio import Modality
from belamy.modalities.fields import Field
from belamy.modalities.pitches import frequency_of, name_of
from belamy.ranges import Within
from belamy.seeds import generator

INSTRUMENTS = ("plucked", "reed", "flute", "brass")
MOST = 100_000
RATE, LENGTH = 16_000, 16_384
PEAK = 0.9
OVERTONES = 40
_LOWEST, _HIGHEST = 12, 120


class Source:
    """Mono notes at 16,000 samples a second, whose classes are pitches, C3 to B3 by default.

    Instruments differ in the strengths of their overtones, how a note begins and how it fades; ``--labels instrument``
    makes them the classes.

    Args:
        count: How many notes.
        low: MIDI number of the lowest pitch, 60 for C4.
        high: MIDI number of the highest.
        seed: Other seeds give other notes.

    Raises:
        UsageError: A number out of range, or pitches in disorder.

    Example:
        >>> from belamy.data import open_data
        >>> open_data("notes:count=24", length=1024).classes[9]
        'A3'
    """

    def __init__(self, *, count: int = 1000, low: int = 48, high: int = 59, seed: int = 0) -> None:
        self.count, self.seed = Within(2, MOST).check("notes.count", count), seed
        self.low = Within(_LOWEST, _HIGHEST).check("notes.low", low)
        self.high = Within(_LOWEST, _HIGHEST).check("notes.high", high)
        if low > high:
            raise UsageError(f"notes.low is {low}, but it must not be above notes.high, {high}.")

    def open(self, options: LoadOptions) -> Dataset:
        """The notes, pitches in turn and instruments drawn, of the rate and length that are asked for."""
        rate, length = options.rate or RATE, options.length or LENGTH
        kind = Field("audio", (1, length), rate=float(rate))
        pitches = [self.low + number % (self.high - self.low + 1) for number in range(self.count)]
        drawn = torch.randint(len(INSTRUMENTS), (self.count,), generator=generator(self.seed, "instruments")).tolist()
        notes = torch.stack(
            [
                note(pitch, INSTRUMENTS[which], self.seed, number, rate, length)
                for number, (pitch, which) in enumerate(zip(pitches, drawn, strict=True))
            ]
        )
        named = tuple(name_of(pitch) for pitch in range(self.low, self.high + 1))
        pitch = Attribute(named, torch.tensor(pitches) - self.low)
        attributes = {"pitch": pitch, "instrument": categories([INSTRUMENTS[which] for which in drawn])}
        raw = Raw(name="notes", label=pitch, attributes=attributes, licence="computed by formula")
        wanted = replace(raw, label=chosen_label(raw, options.labels))
        return wanted.dataset(Memory(Modality().to_raw(notes[:, None], kind)), kind)


def note(pitch: int, instrument: str, seed: int, number: int, rate: int, length: int) -> Tensor:
    """One note: a function of pitch, instrument, seed and number.  # float [length] in [-1, 1]"""
    numbers = generator(seed, "notes", number)
    u = torch.rand(4, generator=numbers).tolist()
    time = torch.arange(length) / rate
    frequency = frequency_of(pitch)
    speed, depth = 4 + 2 * u[2], 0.005 * u[1] if instrument == "flute" else 0.0  # of the vibrato
    phase = 2 * math.pi * frequency * time + depth * frequency / speed * (2 * math.pi * speed * time).sin()
    beginning = {"plucked": 0.002, "reed": 0.02, "flute": 0.06, "brass": 0.04}[instrument] * (0.7 + 0.6 * u[3])
    sound = torch.zeros(length)
    for overtone in range(1, min(OVERTONES, int(rate / 2 / frequency)) + 1):
        strength = {
            "plucked": 1 / overtone ** (1 + u[0]),
            "reed": (1.0 if overtone % 2 else 0.1 * u[1]) / overtone ** (0.6 + 0.6 * u[0]),
            "flute": (0.12 + 0.2 * u[0]) ** (overtone - 1),
            "brass": math.exp(-((overtone - 1 - 3 * u[0]) ** 2) / 18),
        }[instrument]
        fading = (-time * (2 + 4 * u[1]) * overtone**0.5).exp() if instrument == "plucked" else 1.0
        sound += strength * fading * (overtone * phase).sin()
    sound *= (1 - (-time / beginning).exp()) * (1 - time / time[-1]).mul(8).clamp_max(1)
    return sound * (PEAK * (0.6 + 0.4 * u[3]) / sound.abs().max().clamp_min(1e-6))
