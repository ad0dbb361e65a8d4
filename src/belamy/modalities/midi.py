"""Standard MIDI files: notes of voices on a grid of four steps to a crotchet, written and read.

References:
    MIDI Manufacturers Association 1996, "Standard MIDI files 1.0", RP-001.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from belamy.errors import Unreadable
from belamy.modalities.score import ONSET, PITCH, Score

SUFFIXES = (".mid", ".midi")
TICKS, STEPS = 480, 4
"""Of a crotchet: ticks of the files that are written, and steps of the grid."""
LONGEST = 1 << 20
"""Steps of a piece, at most."""
_CHOIR = 52  # the sound "choir aahs" of General MIDI, numbered from 0
_LOUDNESS = 80
_OF_BYTES = {0x8: 2, 0x9: 2, 0xA: 2, 0xB: 2, 0xC: 1, 0xD: 1, 0xE: 2}
_TEMPO, _TIME, _KEY, _END = 0x51, 0x58, 0x59, 0x2F


class Note(NamedTuple):
    """A note, in ticks."""

    start: int
    end: int
    pitch: int


class _Track(NamedTuple):
    notes: dict[int, list[Note]]  # by channel
    end: int
    bar: int
    fifths: int


def is_midi_name(name: str) -> bool:
    """Whether a file's name ends as those of MIDI files do.

    Example:
        >>> is_midi_name("tune.MID"), is_midi_name("tune.wav")
        (True, False)
    """
    return name.lower().endswith(SUFFIXES)


def encode_midi(codes: np.ndarray, rate: float, bar: int) -> bytes:
    """A file of format 1: a track of the tempo and the bars, and a track for each voice.

    Args:
        codes: uint8 ``[voices, steps]``.
        rate: Steps in a second.
        bar: Steps of a bar, a multiple of 2.
    """
    length = TICKS // STEPS
    tempo = round(1e6 * STEPS / rate).to_bytes(3, "big")
    beats, unit = (bar // STEPS, 2) if bar % STEPS == 0 else (bar // (STEPS // 2), 3)
    last = codes.shape[1] * length
    events = [(0, bytes([0xFF, _TEMPO, 3]) + tempo), (0, bytes([0xFF, _TIME, 4, beats, unit, 24, 8]))]
    tracks = [_track(events, last)]
    for channel, voice in enumerate(codes):
        place = channel % 9  # the tenth channel holds drums
        events = [(0, bytes([0xC0 | place, _CHOIR]))]
        for start, end, pitch in notes_of(voice):
            events.append((start * length, bytes([0x90 | place, pitch, _LOUDNESS])))
            events.append((end * length, bytes([0x80 | place, pitch, 0])))
        tracks.append(_track(events, last))
    return b"MThd" + struct.pack(">IHHH", 6, 1, len(tracks), TICKS) + b"".join(tracks)


def notes_of(voice: np.ndarray) -> list[Note]:
    """The notes of one voice, in steps.  # uint8 [steps]

    Example:
        >>> notes_of(np.array([0, 188, 60, 188, 0], np.uint8))
        [Note(start=1, end=3, pitch=60), Note(start=3, end=4, pitch=60)]
    """
    begins = np.flatnonzero(voice & ONSET)
    rests = np.flatnonzero(voice & PITCH == 0)
    ends = [min([*begins[begins > start][:1], *rests[rests > start][:1], len(voice)]) for start in begins]
    return [Note(int(start), int(end), int(voice[start] & PITCH)) for start, end in zip(begins, ends, strict=True)]


def read_midi(data: bytes) -> Score:
    """The voices of a file: its tracks with notes in their order, or the channels of a single track.

    Notes are brought to the nearest step; each lasts a step at least. Of two that sound in a voice at once, the later
    cuts the earlier off, and of those that begin together the highest is kept.

    Raises:
        Unreadable: It is no MIDI file, damaged, holds no notes, or counts time in frames of a film.
    """
    if not data:
        raise Unreadable("it is empty")
    if data[:4] != b"MThd" or len(data) < 14:
        raise Unreadable("it is no MIDI file")
    size, _, _, division = struct.unpack(">IHHH", data[4:14])
    if division & 0x8000 or not division:
        raise Unreadable("it counts time in frames of a film, not in notes")
    try:
        tracks = [_read_track(chunk) for chunk in _chunks(data[8 + size :])]
    except IndexError as error:
        raise Unreadable("it is cut off within a track") from error
    voices = [notes for track in tracks for _, notes in sorted(track.notes.items())]
    if not voices:
        raise Unreadable("it holds no notes")
    steps = max(_step(track.end, division) for track in tracks)
    if steps > LONGEST:
        raise Unreadable(f"it is {steps:,} steps long, and at most {LONGEST:,} are read")
    codes = np.stack([_voice(notes, division, steps) for notes in voices])
    bars = [round(track.bar * STEPS / 24) for track in tracks if track.bar]  # MIDI's clocks: 24 to a crotchet
    fifths = [track.fifths for track in tracks if track.fifths]
    return Score(codes, bars[0] if bars else 0, fifths[0] if fifths else 0)


def _track(events: list[tuple[int, bytes]], last: int) -> bytes:
    """A chunk of events at their ticks, in order; of the same tick those that end notes come first."""
    body, now = b"", 0
    for tick, event in sorted(events, key=lambda each: (each[0], each[1][0] & 0xF0 == 0x90)):
        body += _written(tick - now) + event
        now = tick
    body += _written(last - now) + bytes([0xFF, _END, 0])
    return b"MTrk" + struct.pack(">I", len(body)) + body


def _written(number: int) -> bytes:
    """A number of variable length: seven bits in a byte, the highest bit set in all but the last."""
    found = [number & 0x7F]
    while number := number >> 7:
        found.insert(0, number & 0x7F | 0x80)
    return bytes(found)


def _chunks(data: bytes) -> Iterator[bytes]:
    """The bodies of the tracks."""
    place = 0
    while place + 8 <= len(data):
        kind, size = data[place : place + 4], int.from_bytes(data[place + 4 : place + 8], "big")
        if kind == b"MTrk":
            if place + 8 + size > len(data):
                raise Unreadable(f"it is cut off: a track promises {size:,} bytes and has {len(data) - place - 8:,}")
            yield data[place + 8 : place + 8 + size]
        place += 8 + size


def _number(body: bytes, place: int) -> tuple[int, int]:
    """A number of variable length, and the place behind it."""
    value = 0
    for at in range(place, place + 4):
        value = value << 7 | body[at] & 0x7F
        if body[at] < 0x80:
            return value, at + 1
    raise Unreadable("a number in it is longer than four bytes")


def _read_track(body: bytes) -> _Track:
    place = now = bar = fifths = status = 0
    notes: dict[int, list[Note]] = {}
    sounding: dict[tuple[int, int], int] = {}

    def ended(channel: int, pitch: int) -> None:
        start = sounding.pop((channel, pitch), None)
        if start is not None:
            notes.setdefault(channel, []).append(Note(start, now, pitch))

    while place < len(body):
        wait, place = _number(body, place)
        now += wait
        if body[place] in (0xF0, 0xF7, 0xFF):
            kind = body[place + 1] if body[place] == 0xFF else -1
            size, place = _number(body, place + 2 if kind >= 0 else place + 1)
            content, place = body[place : place + size], place + size
            if kind == _TIME and len(content) >= 2:
                bar = bar or content[0] * 96 // 2 ** min(content[1], 6)
            elif kind == _KEY and content:
                fifths = fifths or (content[0] + 128) % 256 - 128
            elif kind == _END:
                break
            continue
        if body[place] & 0x80:
            status, place = body[place], place + 1
        count = _OF_BYTES.get(status >> 4)
        if count is None:
            raise Unreadable(f"a track holds the byte {status:#x}, which is no event")
        first, second, place = body[place], body[place + count - 1], place + count
        channel = status & 0xF
        if status >> 4 in (0x8, 0x9):
            ended(channel, first)
        if status >> 4 == 0x9 and second:
            sounding[channel, first] = now
    for channel, pitch in list(sounding):
        ended(channel, pitch)
    return _Track(notes, now, bar, fifths)


def _step(tick: int, division: int) -> int:
    """The nearest step, halves upwards."""
    return (2 * tick * STEPS + division) // (2 * division)


def _voice(notes: list[Note], division: int, steps: int) -> np.ndarray:
    """Codes of notes that may overlap.  # uint8 [steps]"""
    codes = np.zeros(steps, np.uint8)
    for note in sorted(notes, key=lambda each: (_step(each.start, division), each.pitch)):
        start = _step(note.start, division)
        codes[start : max(_step(note.end, division), start + 1)] = note.pitch
        codes[start + max(_step(note.end, division) - start, 1) :] = 0  # of an earlier, longer note nothing is left
        codes[start : start + 1] = note.pitch + ONSET
    return codes
