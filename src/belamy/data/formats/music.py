"""Music: a MIDI file or a folder of them, or an archive of steps; cut at bars into samples of one length."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from belamy.data.dataset import Dataset, hold_out_whole
from belamy.data.files import read_bounded, stamp, visible, walk
from belamy.data.gathering import SampleFile, dataset_of, gather
from belamy.data.load_options import LoadOptions
from belamy.data.opened_arrays import arrays_of
from belamy.data.pictures import count_alone
from belamy.errors import DataError, Unreadable
from belamy.modalities.midi import is_midi_name, read_midi
from belamy.modalities.music import Modality, check_range
from belamy.modalities.score import PITCH, Score, cut, rolls, transposed
from belamy.modalities.waves import is_sound_name

BARS = 4
"""Of a sample, where nobody says how long it is."""
LARGEST = 1 << 24
"""Bytes of a MIDI file that is read."""


class Format:
    """MIDI files, classes from direct sub-folders; or an ``.npz`` with ``steps`` [T, voices] and ``lengths`` of pieces.

    A step is one byte for each voice: the MIDI pitch, 0 at rests, and 128 more where a note begins. ``fifths`` (the
    sharps of each piece less its flats), ``time`` (its time signature, e.g. 4/4) and ``names`` are read, too. Bars are
    counted from the first step.
    """

    modalities = ("music",)

    def claim(self, path: Path) -> int:
        """2 for a MIDI file and for a folder of them without pictures and with no more sounds than pieces; 1 for an
        archive, whose meaning is open."""
        if path.is_file():
            return 2 if is_midi_name(path.name) else int(path.suffix.lower() == ".npz")
        pieces = count_alone(path, is_midi_name)
        return (2 if pieces >= count_alone(path, is_sound_name) else 1) if pieces else 0

    def open(self, path: Path, options: LoadOptions) -> Dataset:
        """The samples; those of a piece are all in one split.

        Raises:
            DataError: Fewer than two can be read.
        """
        reader: Modality = options.reader("music")
        field = reader.field(options.length or BARS * reader.bar, options.rate)
        files = _rows(path, reader, field.shape[1], options) if path.suffix.lower() == ".npz" and path.is_file() else [
            SampleFile(
                visible(file.name if path.is_file() else file.relative_to(path).as_posix()), stamp(file),
                partial(_of_file, file, reader, field.shape[1]),
            )
            for file in ([path] if path.is_file() else sorted(walk(path)))
            if is_midi_name(file.name)
        ]  # fmt: skip
        gathered = gather(files, str(path), Modality.words, options)
        found = dataset_of(path, gathered, field, options)
        if found.names is None or (splits := hold_out_whole(found.names)) is None or found.rule == "official":
            return found
        return found.changed(official=splits, rule="a tenth of the pieces held out by seed 0")


def _of_file(path: Path, reader: Modality, steps: int) -> np.ndarray:
    return samples_of(read_midi(read_bounded(path, LARGEST)), reader, steps)


def _rows(path: Path, reader: Modality, steps: int, options: LoadOptions) -> list[SampleFile]:
    """The pieces of an archive as files."""
    arrays: dict[str, Any] = arrays_of(path, options.memory_budget)
    if not {"steps", "lengths"} <= arrays.keys():
        raise DataError(f"{path} holds {', '.join(arrays)}: music has 'steps' [T, voices] and the 'lengths' of pieces.")
    codes, lengths = arrays["steps"], arrays["lengths"]
    if codes.ndim != 2 or codes.dtype != np.uint8 or lengths.ndim != 1 or lengths.sum() != len(codes):
        raise DataError(
            f"{path} holds steps of the shape {codes.shape} and type {codes.dtype} and lengths of {lengths.sum():,} "
            "steps together, but steps are uint8 [T, voices], and the lengths of the pieces sum to T."
        )
    ends = np.cumsum(lengths)
    mark, count = f"{path.name} {stamp(path)}", len(lengths)
    names = arrays.get("names", np.arange(count).astype(str))
    fifths, times = arrays.get("fifths", np.zeros(count, int)), arrays.get("time", np.full(count, ""))
    if not len(names) == len(fifths) == len(times) == count:
        raise DataError(f"{path} holds {count} lengths, but other numbers of names, fifths or times.")
    pieces = [
        Score(np.ascontiguousarray(codes[end - length : end].T), _bar_of(str(time)), int(sharps))
        for end, length, time, sharps in zip(ends, lengths, times, fifths, strict=True)
    ]
    return [
        SampleFile(visible(str(name)), mark, partial(samples_of, piece, reader, steps))
        for name, piece in zip(names, pieces, strict=True)
    ]


def _bar_of(time: str) -> int:
    """Steps of a bar of a time signature; 0 of none."""
    beats, _, unit = time.partition("/")
    return int(beats) * 16 // int(unit) if beats.isdigit() and unit.isdigit() and int(unit) else 0


def samples_of(piece: Score, reader: Modality, steps: int) -> np.ndarray:
    """The rolls of a piece.  # bool [windows, voices, steps, columns]

    Raises:
        Unreadable: It is too short, or has other voices, bars or pitches than are wanted.
    """
    codes = piece.codes
    if len(codes) != reader.voices:
        raise Unreadable(f"it has {len(codes)} voices, not {reader.voices}: music:voices={len(codes)}")
    if piece.bar and piece.bar != reader.bar:
        raise Unreadable(f"its bars have {piece.bar} steps, not {reader.bar}: music:bar={piece.bar}")
    if reader.key == "common":
        codes = _moved(codes, -7 * piece.fifths % 12, reader)
    check_range(codes, reader.lowest, reader.highest)
    found = cut(codes, steps, reader.stride * reader.bar or steps)
    found = found[(found & PITCH).any((1, 2))]
    if not len(found):
        short = codes.shape[1] < steps
        raise Unreadable(f"it has {codes.shape[1]:,} steps, fewer than {steps:,}" if short else "it is silent")
    return rolls(torch.from_numpy(found), reader.lowest, reader.highest).numpy()


def _moved(codes: np.ndarray, semitones: int, reader: Modality) -> np.ndarray:
    """A piece so many semitones higher, or as many less an octave: by the fewest that keep it in the range."""
    sounding = codes[codes & PITCH > 0] & PITCH
    low, high = (int(sounding.min()), int(sounding.max())) if len(sounding) else (reader.lowest, reader.lowest)
    ways = sorted((semitones, semitones - 12), key=abs)
    fitting = [way for way in ways if reader.lowest <= low + way and high + way <= reader.highest]
    return transposed(codes, (fitting or ways)[0])
