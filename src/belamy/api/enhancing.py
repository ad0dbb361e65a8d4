"""Making sound files clean by a trained method: any rate, any length, any number of channels."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
import torch

from belamy.api.translate import translator
from belamy.data.clips import resampled, resampled_along
from belamy.data.files import walk
from belamy.device import choose_device
from belamy.errors import DataError, MissingExtra, Unreadable, UsageError
from belamy.methods.base import given_field
from belamy.modalities.sound_streams import LONG, SHORT, SoundReader, SoundWriter
from belamy.modalities.waves import is_sound_name
from belamy.runs.files import filling
from belamy.runs.run import Run
from belamy.sampling.draw import placement
from belamy.seeds import SampleDraws

OVERLAP = 4
"""Neighbouring pieces have one part of so many in common, in which one fades into the other."""
LARGEST = (1 << 32) - 1024
"""Bytes that a WAV file holds at most."""
TOGETHER = 8
"""Pieces that pass together."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Enhanced:
    """A file that was made.

    Args:
        name: Of the input.
        path: Of the output.
        seconds: Its length.
        rate: Its samples a second, those of the input.
        channels: How many, as many as the input has.
        bits: Of a sample: 16, or 32 for floats.
        took: Seconds that it took.
        clipped: Samples beyond the range, which were cut off.
    """

    name: str
    path: Path
    seconds: float
    rate: int
    channels: int
    bits: int
    took: float
    clipped: int

    @property
    def real_time_factor(self) -> float:
        """Seconds of work for a second of sound."""
        return self.took / self.seconds


def sounds_given(inputs: Sequence[str | Path]) -> list[Path]:
    """The sound files that are named, and those in folders that are, by name.

    Raises:
        DataError: One is not there, or there is none.
    """
    found: list[Path] = []
    for each in (Path(given).expanduser() for given in inputs):
        if not each.is_file() and not each.is_dir():
            raise DataError(f"There is no file or folder {each}.")
        inside = sorted(walk(each)) if each.is_dir() else [each]
        found += [path for path in inside if path == each or is_sound_name(path.name)]
    if not found:
        raise DataError(f"There is no sound file in {', '.join(map(str, inputs))}.")
    return found


def enhancer(run: Run, weights: str = "newest") -> Any:
    """The method of a run, if it makes sound of sound.

    Raises:
        UsageError: It does not.
    """
    method: Any = translator(run, weights)
    given, made = given_field(method), method.spec.fields[method.target]
    if (given.modality, made.modality) != ("audio", "audio"):
        raise UsageError(
            f"{run.path} makes {made.modality} of {given.modality}, but `enhance` makes sounds of sounds. Train one: "
            "belamy train speech-enhancer --data SPEECH --other NOISES."
        )
    return method


def run_rate(method: Any) -> int:
    """Samples in a second of what a method learned from."""
    return round(method.spec.field.hertz)


def enhance(
    run: str | Path | Run,
    inputs: str | Path | Sequence[str | Path],
    out: Callable[[Path], Path],
    *,
    seed: int = 0,
    weights: str = "newest",
    device: str = "auto",
    bits: int | None = None,
    method: Any = None,
    skipped: list[tuple[str, str]] | None = None,
    progress: Progress | None = None,
) -> list[Enhanced]:
    """Write clean files of noisy ones, each whole or not at all; what a killed call left is cleared away by the next.

    A file passes in pieces as long as the clips that were learned from, so that its length costs no memory; each
    channel passes by itself. A method that streams remembers from piece to piece, and makes what it would make of the
    whole; of others the pieces fade into each other. A file of another rate is brought to that of the run and back,
    which leaves out what lies above half the lower rate.

    Args:
        run: Of a method that makes sounds of sounds, such as ``enhancement``.
        inputs: Files and folders.
        out: The place of the output of an input.
        seed: Decides what is random, with the number of the piece.
        weights: The ``newest``, or the ``best`` that ``--keep-best`` kept.
        device: Where to compute.
        bits: 16 for whole numbers, 32 for floats; by default as fine as the input.
        method: The run's, where it is there already: what :func:`enhancer` gives.
        skipped: Takes inputs that cannot be read, and why.
        progress: Called with (seconds done, seconds in all) of each file.

    Raises:
        UsageError: The run does not make sounds of sounds.
        DataError: There are no inputs that can be read.
    """
    opened = run if isinstance(run, Run) else Run.open(run)
    method = (method or enhancer(opened, weights)).to(choose_device(device)).eval()
    left_out = [] if skipped is None else skipped
    files = sounds_given([inputs] if isinstance(inputs, str | Path) else inputs)
    found = []
    for path in files:
        try:
            found.append(_enhanced(method, path, out(path), seed, bits, progress))
        except (Unreadable, MissingExtra) as error:
            left_out.append((str(path), str(error)))
    if not found:
        told = "; ".join(f"{name}: {why}" for name, why in left_out[:3])
        raise DataError(f"None of the {len(files)} file(s) can be read as sound: {told}.")
    return found


def _enhanced(method: Any, path: Path, out: Path, seed: int, bits: int | None, progress: Progress | None) -> Enhanced:
    began = monotonic()
    with SoundReader(path) as reader, filling(out.parent) as beside:
        header = reader.header
        depth = bits or (LONG if reader.fine else SHORT)
        if header.frames * header.channels * depth // 8 > LARGEST:
            raise Unreadable("its output would be longer than a WAV file can be; cut it in two")
        total, done = header.frames, 0
        with SoundWriter(beside / out.name, header.rate, header.channels, depth) as writer:
            for block in blocks(method, reader, seed):
                writer.write(block)
                done += block.shape[1]
                if progress is not None:
                    progress(round(done / header.rate), max(1, round(total / header.rate)))
    return Enhanced(
        str(path), out, done / header.rate, header.rate, header.channels, depth, monotonic() - began, writer.clipped
    )


def blocks(method: Any, reader: SoundReader, seed: int) -> Iterator[np.ndarray]:
    """What is made of a file, one block after the other, as long together as the file.  # float [channels, n]

    Raises:
        Unreadable: It ends before its header says, or is damaged.
    """
    channels = method.spec.shape[0]
    if channels not in (1, reader.header.channels):
        raise Unreadable(f"it has {reader.header.channels} channel(s), but the run learned from {channels}")
    yield from _joined(method, reader, seed) if getattr(method, "delay", None) is None else _streamed(method, reader)


def _streamed(method: Any, reader: SoundReader) -> Iterator[np.ndarray]:
    """What is made of a file by a method that remembers: the same as of the whole at once.  # float [channels, n]"""
    device, dtype = placement(method)
    rate, own, left = run_rate(method), reader.header.rate, reader.header.frames
    step = max(1, round(method.spec.shape[1] * own / rate))
    pieces = (_read(reader, start, step) for start in range(0, left, step))
    alone = method.spec.shape[0] == 1
    given = (torch.from_numpy(piece).to(device, dtype) for piece in resampled_along(pieces, own, rate))
    made = method.streamed(each[:, None] if alone else each[None] for each in given)
    values = (each.flatten(0, 1).double().cpu().numpy() for each in made)
    for block in resampled_along(values, rate, own):
        if block[:, :left].shape[1]:
            yield block[:, :left]
        left -= min(left, block.shape[1])


def _joined(method: Any, reader: SoundReader, seed: int) -> Iterator[np.ndarray]:
    """What is made of pieces of a file, which fade into each other.  # float [channels, n]"""
    samples, rate, own = method.spec.shape[1], run_rate(method), reader.header.rate
    piece = max(OVERLAP, round(samples * own / rate))
    shared = piece // OVERLAP
    step, fade = piece - shared, np.linspace(0, 1, shared + 2)[1:-1]
    total, tail = reader.header.frames, None
    count = 1 + max(0, -(-(total - piece) // step))
    held = _read(reader, 0, piece)
    for first in range(0, count, TOGETHER):
        some = []
        for number in range(first, min(count, first + TOGETHER)):
            some.append(np.pad(held, ((0, 0), (0, piece - held.shape[1]))))
            held = np.concatenate([held[:, step:], _read(reader, number * step + piece, step)], 1)
        for number, made in enumerate(_pieces(method, some, first, (own, rate, samples), seed), first):
            if tail is not None:
                made[:, :shared] = tail * (1 - fade) + made[:, :shared] * fade
            tail = made[:, step:]
            yield made[:, : step if number < count - 1 else total - number * step]


def _read(reader: SoundReader, start: int, frames: int) -> np.ndarray:
    """The samples from a place on, as many as the file has up to so many.  # float [channels, n]

    Raises:
        Unreadable: It ends before its header says.
    """
    wanted = max(0, min(frames, reader.header.frames - start))
    found = reader.read(wanted)
    if found.shape[1] < wanted:
        raise Unreadable("it is cut off: it holds fewer samples than its header promises")
    return found


@torch.no_grad()
def _pieces(
    method: Any, some: Sequence[np.ndarray], first: int, rates: tuple[int, int, int], seed: int
) -> list[np.ndarray]:
    """What is made of pieces that pass together, as long as they are.  # [channels, piece] each"""
    own, rate, samples = rates
    device, dtype = placement(method)
    length, channels = some[0].shape[1], method.spec.shape[0]
    given = resampled(np.stack(some), own, rate)
    given = np.pad(given, ((0, 0), (0, 0), (0, max(0, samples - given.shape[2]))))[..., :samples]
    alone = channels == 1
    values = torch.from_numpy(given.reshape(-1, 1, samples) if alone else given).to(device, dtype)
    count = given.shape[1] if alone else 1
    numbers = [(first + place) * count + channel for place in range(len(some)) for channel in range(count)]
    made = method.translate(values, SampleDraws(seed, numbers)).double().cpu().numpy()
    made = resampled(made.reshape(len(some), -1, samples), rate, own)
    made = np.pad(made, ((0, 0), (0, 0), (0, max(0, length - made.shape[2]))))[..., :length]
    return list(made)
