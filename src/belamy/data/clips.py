"""From sound files to clips of one rate, one length and one number of channels."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from belamy.data.files import opened, reason
from belamy.errors import DataError, Unreadable
from belamy.modalities.audio import CLIPPED, SILENT, Modality
from belamy.modalities.fields import Field
from belamy.modalities.waves import read_header, read_samples
from belamy.seeds import generator

MOST_BYTES = 1 << 30
"""A larger file is not read."""
QUIET = 0.01
"""Of the peak: what is below, before and after, is silence (-40 dB)."""
OFFSET = 0.05
"""Of full scale: a mean beyond is an offset."""
FEW_CLIPPED = 3
UNEQUAL = 30.0
"""Decibels between the loudest and the faintest from which on loudness is called unequal."""
COMPARED, ALIKE = 4000, 1e-2
"""Clips that are compared with each other at most, and how near their directions are if one is another, scaled."""
_DIRECTIONS = 64
_TAPS = 10
"""Samples of the lower rate on each side that ``scipy.signal.resample_poly`` takes account of."""
MOST_NAMED = 5
SHORTEST = 16
"""Samples of a clip, at least."""
MOST_SILENCE = 2
"""Lengths of the longest sound that a clip may have; what is short is filled with silence."""


@dataclass(frozen=True)
class SoundFile:
    """A sound file and what its header says.

    Args:
        name: Its path inside the folder, with forward slashes.
        path: Where it lies.
        rate: Samples a second.
        frames: Samples of a channel.
        channels: How many.
    """

    name: str
    path: Path
    rate: int
    frames: int
    channels: int


def sound_file(path: Path, name: str) -> SoundFile:
    """What a sound file says of itself.

    Raises:
        Unreadable: It is no sound, is damaged or empty.
        MissingExtra: It needs the package soundfile.
    """
    if not path.stat().st_size:
        raise Unreadable("the file is empty")
    if path.stat().st_size > MOST_BYTES:
        raise Unreadable(f"it has {path.stat().st_size:,} bytes; at most {MOST_BYTES:,} are read")
    with opened(path) as file:
        header = read_header(file)
    return SoundFile(name, path, header.rate, header.frames, header.channels)


@dataclass(frozen=True)
class Cutter:
    """Makes clips of files.

    Args:
        reader: The options of the reader.
        rate: Samples a second of each clip.
        length: Samples of each clip.
    """

    reader: Modality
    rate: int
    length: int

    @property
    def field(self) -> Field:
        """What the clips are."""
        return Field("audio", (self.reader.channels, self.length), rate=float(self.rate))

    def clips(self, file: SoundFile) -> tuple[np.ndarray, list[str]]:
        """The clips of a file, int16 ``[n, channels, length]``, and what is wrong with it.

        Raises:
            Unreadable: It is damaged.
        """
        try:
            with opened(file.path) as held:
                samples, rate = read_samples(held)
        except OSError as error:
            raise Unreadable(reason(error)) from error
        faults = faults_of(samples)
        sound = resampled(mixed(samples, self.reader.channels), rate, self.rate)
        if self.reader.trim:
            sound = trimmed(sound)
        count = max(1, sound.shape[1] // self.length) if self.reader.cut == "pieces" else 1
        if sound.shape[1] < self.length:
            faults.append(f"shorter than a clip ({sound.shape[1]:,} samples)")
            sound = np.pad(sound, ((0, 0), (0, self.length - sound.shape[1])))
        cut = sound[:, : count * self.length].reshape(sound.shape[0], count, self.length).transpose(1, 0, 2)
        if self.reader.normalise:
            cut = cut / np.maximum(np.abs(cut).max((1, 2), keepdims=True), SILENT)
        values = self.reader.to_raw(torch.from_numpy(np.ascontiguousarray(cut)), self.field)
        return values.numpy(), faults

    def count(self, file: SoundFile) -> int:
        """How many clips a file gives, as far as its header tells."""
        frames = math.ceil(file.frames * self.rate / file.rate)
        return max(1, frames // self.length) if self.reader.cut == "pieces" else 1


def faults_of(samples: np.ndarray) -> list[str]:
    """What is wrong with a sound, in words.  # float [channels, samples]"""
    peak = float(np.abs(samples).max())
    if peak < SILENT:
        return ["silent"]
    faults = []
    if int((np.abs(samples) >= CLIPPED).sum()) >= FEW_CLIPPED:
        faults.append("clipped")
    if abs(float(samples.mean())) > OFFSET:
        faults.append(f"an offset of {samples.mean():+.2f}")
    if len(samples) == 2 and float(np.abs(samples).max(1).min()) < SILENT:
        faults.append("one channel silent")
    return faults


def compared(clips: Tensor, names: Sequence[str]) -> list[str]:
    """What is wrong with clips beside each other, in words: copies at another level, unequal loudness.

    Args:
        clips: int16 ``[n, channels, length]``.
        names: The file of each.
    """
    values = clips[:COMPARED].to(torch.float32).flatten(1) / 32768
    levels = values.square().mean(1).sqrt()
    loud = (levels > SILENT / 10).nonzero().flatten()
    if len(loud) < 2:
        return []
    values, levels = values[loud], levels[loud]
    own = [names[place] for place in loud.tolist()]
    directions = torch.randn(values.shape[1], _DIRECTIONS, generator=generator(0, "directions"))
    seen = (values / values.norm(dim=1, keepdim=True)) @ directions / math.sqrt(_DIRECTIONS)
    near = torch.cdist(seen, seen).triu(1) + torch.ones(len(seen), len(seen)).tril()
    pairs = (near < ALIKE).nonzero().tolist()
    scaled = [(a, b) for a, b in pairs if abs(float(levels[a] / levels[b]) - 1) > ALIKE]
    notes = [f"the same but for loudness: {own[a]} = {own[b]}" for a, b in scaled[:MOST_NAMED]]
    notes += [f"the same but for loudness: {len(scaled) - MOST_NAMED:,} pairs more"] if len(scaled) > MOST_NAMED else []
    apart = 20 * math.log10(float(levels.max() / levels.min()))
    if apart > UNEQUAL:
        faint, loudest = own[int(levels.argmin())], own[int(levels.argmax())]
        notes.append(
            f"loudness differs by {apart:.0f} dB, from {faint} to {loudest}; --modality audio:normalise=true makes "
            "peaks alike"
        )
    return notes


def mixed(samples: np.ndarray, channels: int) -> np.ndarray:
    """A sound in another number of channels: their mean, or the one twice.  # [c, T] to [channels, T]"""
    if len(samples) == channels:
        return samples
    mono = samples.mean(0, keepdims=True)
    return mono if channels == 1 else np.repeat(mono, channels, 0) if len(samples) == 1 else samples[:channels]


def resampled(samples: np.ndarray, rate: int, wanted: int) -> np.ndarray:
    """Sounds at another rate, by a polyphase filter; time is last.  # […, T]"""
    if rate == wanted:
        return samples
    from scipy.signal import resample_poly

    shared = math.gcd(rate, wanted)
    found: np.ndarray = resample_poly(samples, wanted // shared, rate // shared, axis=-1).astype(np.float32)
    return found


def resampled_along(pieces: Iterable[np.ndarray], rate: int, wanted: int) -> Iterator[np.ndarray]:
    """Sounds that come in pieces at another rate, as :func:`resampled` makes them of the whole.  # […, T] each

    Args:
        pieces: One after the other, of any lengths.
        rate: Theirs.
        wanted: What they are to have.
    """
    if rate == wanted:
        yield from pieces
        return
    shared = math.gcd(rate, wanted)
    up, down = wanted // shared, rate // shared
    margin = down * math.ceil((_TAPS * max(up, down) / up + 1) / down)  # what the filter reaches, in whole periods
    held: np.ndarray | None = None
    known = 0  # samples at the beginning of what is held that are done, but reach into what follows
    for piece in pieces:
        held = piece if held is None else np.concatenate([held, piece], -1)
        block = (held.shape[-1] - known - margin) // down * down
        if block < down:
            continue
        made = resampled(held[..., : known + block + margin], rate, wanted)
        yield made[..., known // down * up : (known + block) // down * up]
        kept = min(margin, known + block)
        held, known = held[..., known + block - kept :], kept
    if held is not None:
        yield resampled(held, rate, wanted)[..., known // down * up :]


def trimmed(samples: np.ndarray) -> np.ndarray:
    """A sound without the silence before and after.  # [channels, T]"""
    loud = np.abs(samples).max(0)
    places = np.nonzero(loud > QUIET * loud.max())[0]
    return samples[:, places[0] : places[-1] + 1] if len(places) else samples


def common(files: Sequence[SoundFile], where: str, rate: int | None, length: int | None, reader: Modality) -> Cutter:
    """The rate and length that a user asked for, or that all files have.

    Raises:
        DataError: They differ and none is asked for, or clips are more than twice as long as every file.
    """
    rates = sorted({file.rate for file in files})
    if rate is None and len(rates) > 1:
        told = ", ".join(f"{each:,} ({sum(file.rate == each for file in files):,})" for each in rates)
        raise DataError(
            f"{where} holds sounds of {told} samples a second. Say which all are to have: --rate {rates[0]}"
        )
    rate = rate or rates[0]
    lengths = sorted({math.ceil(file.frames * rate / file.rate) for file in files})
    if length is None and len(lengths) > 1:
        near = 1 << (lengths[len(lengths) // 2].bit_length() - 1)
        raise DataError(
            f"{where} holds sounds of {lengths[0]:,} to {lengths[-1]:,} samples at {rate:,} a second. Say how long a "
            f"clip is: --length {near}"
        )
    length = length or lengths[0]
    if length < SHORTEST:
        raise DataError(
            f"Clips of {length} sample(s) are no sounds: {rate:,} samples are a second. Type --length 8192, say."
        )
    if length > MOST_SILENCE * lengths[-1]:
        raise DataError(
            f"The longest sound in {where} has {lengths[-1]:,} samples at {rate:,} a second, so clips of "
            f"--length {length} would be silence for the most part. Give at most --length {MOST_SILENCE * lengths[-1]}."
        )
    return Cutter(reader, rate, length)


def with_noise(clean: Tensor, noises: Tensor, reader: Modality, indices: Sequence[int]) -> Tensor:
    """Clips with noise mixed in at one of the reader's ratios; each mix is a function of its number alone.

    Args:
        clean: int16 ``[n, channels, length]``.
        noises: int16 ``[m, channels, length]``.
        reader: Says at which ratios.
        indices: The number of each clip.

    Returns:
        int16 mixes, clipped where they exceed the range.
    """
    mixes = []
    for sound, index in zip(clean, indices, strict=True):
        numbers = generator(reader.mix, "noise", index)
        noise = noises[int(torch.randint(len(noises), (), generator=numbers))]
        ratio = reader.snr[int(torch.randint(len(reader.snr), (), generator=numbers))]
        shift = int(torch.randint(noise.shape[1], (), generator=numbers))
        own, other = (reader.to_float(each, NONE) for each in (sound, noise.roll(shift, 1)))
        power = own.square().mean() / other.square().mean().clamp_min(1e-12)
        mixes.append(reader.to_raw(own + other * (power / 10 ** (ratio / 10)).sqrt(), NONE))
    return torch.stack(mixes)


NONE = Field("audio", ())
"""The scale of 16-bit samples depends on no field."""
