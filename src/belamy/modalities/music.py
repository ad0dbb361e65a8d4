"""Music in voices of one note each: rolls of [voices, steps, columns], MIDI files, sound and pictures of piano rolls.

Columns are the rest, the pitches from ``facts["lowest"]`` on, and whether a note begins; ``facts["bar"]`` counts the
steps of a bar, ``rate`` those of a second, and ``classes`` names the voices.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from belamy.errors import Unreadable, UsageError
from belamy.modalities.fields import Field, Media
from belamy.modalities.grid import best_columns, grid
from belamy.modalities.midi import encode_midi, read_midi
from belamy.modalities.score import BESIDE, KEYS, VOICES, codes_of, onsets, pitches, rolls, spoken_pitch
from belamy.modalities.synthesiser import ON_PAGES, RATE, render
from belamy.modalities.waves import encode_wav
from belamy.ranges import Within

LOWEST, HIGHEST, BAR, STEPS_A_SECOND = 36, 81, 16, 6
"""Of chorales: C2 to A5, and bars of sixteen semiquavers at 90 crotchets a minute."""
LARGEST = 3900
"""Pixels of a sheet's side, about."""
_STEP, _PITCH = 5, 3
"""Pixels of a step and of a semitone, at most."""
_PAPER, _BLACK_KEY, _BAR_LINE = (252, 252, 250), (238, 238, 235), (190, 190, 190)
_INKS = ((178, 42, 52), (214, 130, 20), (44, 130, 90), (38, 84, 160), (120, 60, 150), (90, 90, 90))


class Modality:
    """Music on a grid of semiquavers, of voices that sound one note at a time.

    Args:
        voices: How many; pieces with another number are left out.
        lowest: MIDI pitch of the lowest note that is told apart, 60 for the middle C.
        highest: Of the highest; pieces with notes beyond are left out.
        bar: Steps of a bar, four to a crotchet; pieces whose bars are known to be others are left out.
        key: ``own``, or ``common`` moves each piece by its signature to the key without sharps and flats.
        stride: Bars from the beginning of one sample to that of the next; 0 for a sample's length.
    """

    suffix = ".mid"
    words = ("piece of music", "pieces of music")
    recipe = "musegan-small"  # what the doctor of data suggests

    def __init__(
        self,
        *,
        voices: int = 4,
        lowest: int = LOWEST,
        highest: int = HIGHEST,
        bar: int = BAR,
        key: Literal["own", "common"] = "own",
        stride: int = 0,
    ) -> None:
        self.voices = Within(1, 16).check("music.voices", voices)
        self.lowest = Within(1, 127).check("music.lowest", lowest)
        self.highest = Within(lowest, 127).check("music.highest", highest)
        self.bar = Within(2, 64).check("music.bar", bar)
        if bar % 2:
            raise UsageError(f"music.bar is {bar}, but a bar has an even number of steps, four to a crotchet.")
        self.key = key
        self.stride = Within(0, 1024).check("music.stride", stride)

    def field(self, steps: int, rate: float | None = None) -> Field:
        """What samples of so many steps are."""
        names = VOICES if self.voices == len(VOICES) else tuple(f"voice {place + 1}" for place in range(self.voices))
        shape = (self.voices, steps, self.highest - self.lowest + 1 + BESIDE)
        facts = {"lowest": self.lowest, "bar": self.bar}
        return Field("music", shape, names, rate=rate or float(STEPS_A_SECOND), bits=1, facts=facts)

    def to_float(self, raw: Tensor, field: Field) -> Tensor:
        """Full columns as 1 and empty ones as -1."""
        return raw.to(torch.float32).mul_(2).sub_(1)

    def to_raw(self, values: Tensor, field: Field) -> Tensor:
        """The fullest of rest and pitches at each step; a note begins where the last says so or the pitch is new."""
        lowest = _lowest(field)
        return rolls(codes_of(values.detach(), lowest), lowest, highest_of(field)).to(values.device)

    def sheet(
        self, raw: Tensor, field: Field, columns: int | None = None, captions: Sequence[str] | None = None
    ) -> np.ndarray:
        """A piano roll of each piece: time to the right, pitch upwards, a colour for each voice, lines at the bars."""
        _, steps, width = field.shape
        columns = columns or best_columns(len(raw), steps * _STEP / ((width - BESIDE) * _PITCH))
        rows = -(-len(raw) // columns)
        step = max(1, min(_STEP, LARGEST // (columns * steps)))
        pitch = max(1, min(_PITCH, LARGEST // (rows * (width - BESIDE))))
        codes = score_of(raw, field).numpy()
        cells = np.stack([piano_roll(each, field, step, pitch) for each in codes])
        return grid(cells.transpose(0, 3, 1, 2), columns, captions=captions)

    def media(self, raw: Tensor, field: Field) -> tuple[Media, ...]:
        """A WAV file of each piece, as the synthesiser plays it."""
        found = []
        for one in raw:
            notes = int(onsets(score_of(one, field)).sum())
            found.append(Media("audio/wav", _heard(one, field, ON_PAGES), f"{notes:,} notes"))
        return tuple(found)

    def encode(self, raw: Tensor, field: Field) -> bytes:
        """A MIDI file with a track for each voice."""
        return encode_midi(score_of(raw, field).numpy(), field.rate or STEPS_A_SECOND, _bar(field))

    def others(self, raw: Tensor, field: Field) -> dict[str, bytes]:
        """A WAV file of a piece."""
        return {".wav": _heard(raw, field, RATE)}

    def decode(self, data: bytes, field: Field) -> Tensor:
        """The piece in a MIDI file of as many voices and steps."""
        codes = read_midi(data).codes
        voices, steps, _ = field.shape
        if codes.shape != (voices, steps):
            raise Unreadable(f"{codes.shape[0]} voice(s) of {codes.shape[1]:,} steps, not {voices} of {steps:,}")
        check_range(codes, _lowest(field), highest_of(field))
        return rolls(torch.from_numpy(codes), _lowest(field), highest_of(field))

    def describe(self, raw: Tensor, field: Field) -> dict[str, Any]:
        """Notes and rests of each voice with its range, and how often each pitch class begins."""
        codes = score_of(raw, field)
        pitch, begun = pitches(codes), onsets(codes)
        classes = torch.bincount(pitch[begun] % 12, minlength=12).tolist()
        voices = {}
        for place, name in enumerate(field.classes or map(str, range(1, field.shape[0] + 1))):
            own = pitch[:, place][begun[:, place]]
            span = [spoken_pitch(int(own.min())), spoken_pitch(int(own.max()))] if len(own) else []
            voices[name] = {
                "range": " to ".join(span), "notes": len(own) / len(raw),
                "rests": float((pitch[:, place] == 0).double().mean()),
            }  # fmt: skip
        return {
            "seconds": field.shape[1] / (field.rate or STEPS_A_SECOND), "bars": field.shape[1] / _bar(field),
            "silent": int((~begun.flatten(1).any(1)).sum()), "voices": voices,
            "pitch_classes": dict(zip(KEYS, classes, strict=True)),
        }  # fmt: skip

    def distances(self, a: Tensor, b: Tensor, field: Field) -> Tensor:
        """The share of steps of all voices at which two pieces sound differently.  # [n, m]"""
        left, right = (each[..., :-1].flatten(1).to(torch.float32) for each in (a, b))
        return 1 - left @ right.T / (field.shape[0] * field.shape[1])


def score_of(raw: Tensor, field: Field) -> Tensor:
    """Codes of samples as files hold them.  # bool [..., voices, steps, columns] to uint8 [..., voices, steps]"""
    return codes_of(raw.cpu(), _lowest(field))


def highest_of(field: Field) -> int:
    """The highest pitch that has a column."""
    return _lowest(field) + field.shape[2] - BESIDE - 1


def check_range(codes: np.ndarray, lowest: int, highest: int) -> None:
    """Refuse notes that have no column.

    Raises:
        Unreadable: There are some.
    """
    found = codes & 127
    found = found[found > 0]
    if len(found) and not lowest <= found.min() <= found.max() <= highest:
        raise Unreadable(f"its pitches are {found.min()} to {found.max()}, beyond {lowest} to {highest}")


def piano_roll(codes: np.ndarray, field: Field, step: int, pitch: int) -> np.ndarray:
    """One piece.  # uint8 [voices, steps] to uint8 [pitches * pitch, steps * step, 3]"""
    lowest, high = _lowest(field), field.shape[2] - BESIDE
    keys = np.array(
        [_BLACK_KEY if (lowest + key) % 12 in (1, 3, 6, 8, 10) else _PAPER for key in range(high)], np.uint8
    )
    picture = np.repeat(np.repeat(keys[::-1, None], pitch, 0), codes.shape[1] * step, 1)
    picture[:, :: _bar(field) * step] = _BAR_LINE
    for voice in reversed(range(len(codes))):
        ink = np.array(_INKS[voice % len(_INKS)])
        for at, code in enumerate(codes[voice].tolist()):
            if not code & 127:
                continue
            top, left = (lowest + high - 1 - (code & 127)) * pitch, at * step
            picture[top : top + pitch, left : left + step] = ink
            if code >= 128:  # a light edge where the note begins
                picture[top : top + pitch, left] = 255 - (255 - ink) // 4
    return picture


def _heard(raw: Tensor, field: Field, sampling: int) -> bytes:
    """A WAV file of one piece."""
    return encode_wav(render(score_of(raw, field).numpy(), field.rate or STEPS_A_SECOND, sampling), sampling)


def _lowest(field: Field) -> int:
    return int(field.facts.get("lowest", LOWEST))


def _bar(field: Field) -> int:
    return int(field.facts.get("bar", BAR))
