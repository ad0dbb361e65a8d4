"""Sound: a folder of sound files, or one long file cut into clips."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from belamy.data.assembly import Raw
from belamy.data.clips import COMPARED, Cutter, SoundFile, common, compared, sound_file, with_noise
from belamy.data.dataset import Column, Computed, Dataset, Memory, SampleStore, hold_out_whole
from belamy.data.files import reason, reasons, some, stamp, visible, walk
from belamy.data.gallery import described_by, labels_for
from belamy.data.load_options import LoadOptions
from belamy.data.pictures import count_alone
from belamy.data.tables import apply_table
from belamy.errors import DataError, Unreadable, UsageError
from belamy.modalities.waves import is_sound_name

CLEAN, NOISY = "clean", "noisy"


class Format:
    """Sound files in a folder with classes from sub-folders; folders ``clean/`` and ``noisy/`` with equal names."""

    modalities = ("audio",)

    def claim(self, path: Path) -> int:
        """2 for a sound file and for a folder of them without pictures."""
        if path.is_file():
            return 2 * is_sound_name(path.name)
        return 2 if count_alone(path, is_sound_name) else 0

    def open(self, path: Path, options: LoadOptions) -> Dataset:
        """The clips, as 16-bit samples of one rate and length.

        Raises:
            DataError: There are none, or their rate or length is open.
        """
        files, skipped = _files(path)
        pairs = {part: _below(files, part) for part in (CLEAN, NOISY)} if path.is_dir() else {}
        if pairs and all(pairs.values()):
            return _of_pairs(path, pairs, skipped, options)
        return _of_files(path, files, skipped, options)


@dataclass
class _Read:
    """Clips of files: where they are, which file each is of, and what is wrong with which."""

    store: SampleStore
    names: list[str]
    skipped: list[tuple[str, str]]
    faults: dict[str, list[str]] = field(default_factory=dict)

    def notes(self) -> list[str]:
        """One line for each fault, with the files that have it."""
        found: dict[str, list[str]] = {}
        for name, faults in self.faults.items():
            for fault in faults:
                found.setdefault(fault, []).append(name)
        return [f"{fault}: {some(names)}" for fault, names in found.items()]


def _files(path: Path) -> tuple[list[SoundFile], list[tuple[str, str]]]:
    """The sound files of a folder, by name, and which cannot be read."""
    files, skipped = [], []
    for found in [path] if path.is_file() else sorted(walk(path)):
        name = visible(found.name if path.is_file() else found.relative_to(path).as_posix())
        if not is_sound_name(found.name):
            continue
        try:
            files.append(sound_file(found, name))
        except Unreadable as finding:
            skipped.append((name, str(finding)))
        except OSError as error:
            skipped.append((name, reason(error)))
    if not files:
        raise DataError(f"None of the {len(skipped)} sound file(s) in {path} can be read: {reasons(skipped)}.")
    return files, skipped


def _below(files: Sequence[SoundFile], part: str) -> list[SoundFile]:
    """The files in a sub-folder, by their names within."""
    return [replace(file, name=file.name.partition("/")[2]) for file in files if file.name.startswith(f"{part}/")]


def _read(files: Sequence[SoundFile], cutter: Cutter, options: LoadOptions, skipped: list[tuple[str, str]]) -> _Read:
    """The clips of all files, in memory if they fit the budget, or else read when they are asked for."""
    size = cutter.reader.channels * cutter.length * 2
    streams = sum(map(cutter.count, files)) * size > options.memory_budget
    kept: list[np.ndarray] = []
    found = _Read(Memory(torch.empty(0, *cutter.field.shape, dtype=torch.int16)), [], skipped)
    places: list[tuple[SoundFile, int]] = []
    for number, file in enumerate(files):
        try:
            clips, faults = cutter.clips(file)
        except Unreadable as finding:
            skipped.append((file.name, str(finding)))
            continue
        if options.progress is not None:
            options.progress(number + 1, len(files))
        if faults:
            found.faults[file.name] = faults
        found.names += [file.name] * len(clips)
        places += [(file, place) for place in range(len(clips))]
        if not streams:
            kept.append(clips)
    if streams:
        found.store = _streamed(places, cutter)
    elif kept:
        found.store = Memory(torch.from_numpy(np.concatenate(kept)))
    return found


def _streamed(places: list[tuple[SoundFile, int]], cutter: Cutter) -> Computed:
    def read(indices: Tensor) -> Tensor:
        clips = [cutter.clips(places[index][0])[0][places[index][1]] for index in indices.tolist()]
        return torch.from_numpy(np.stack(clips)) if clips else torch.empty(0, *cutter.field.shape, dtype=torch.int16)

    def feed(update: Callable[[Any], None]) -> None:
        for file, place in places:
            update(f"{file.name} {stamp(file.path)} {place} {cutter.rate} {vars(cutter.reader)}\n".encode())

    return Computed(read, len(places), cutter.field.shape, feed)


def _of_files(path: Path, files: list[SoundFile], skipped: list[tuple[str, str]], options: LoadOptions) -> Dataset:
    reader, name = options.reader("audio"), path.absolute().stem or "sounds"
    table = labels_for(options, path, name)
    if table is not None:
        labelling = apply_table(table, [file.name for file in files])
        skipped += labelling.skipped
        files = [files[index] for index in labelling.kept]
    cutter = common(files, str(path), options.rate, options.length, reader)
    found = _read(files, cutter, options, skipped)
    if len(found.names) < 2:
        raise DataError(
            f"{path} gives {len(found.names)} clip(s), but there must be 2 or more. Give more, or a shorter --length."
        )
    extra: dict[str, Column] = {}
    notes = [*found.notes(), *_origin(files, cutter)]
    if not found.store.streams and not reader.normalise:
        notes += compared(found.store.read(torch.arange(min(len(found.store), COMPARED))), found.names)
    if reader.noise:
        extra, said = _noisy(found.store, cutter, options)
        notes.append(said)
    said_by = described_by(found.names, table, name, ())
    official = said_by.official or hold_out_whole(found.names)
    rule = None if said_by.official or official is None else "a tenth of the files held out by seed 0"
    raw = replace(said_by, official=official, notes=notes, skipped=sorted(found.skipped))
    return raw.dataset(found.store, cutter.field, extra=extra, rule=rule)


def _origin(files: Sequence[SoundFile], cutter: Cutter) -> list[str]:
    """What was changed of files of another rate or number of channels, by name."""
    other = [file.name for file in files if file.rate != cutter.rate]
    mixed = [file.name for file in files if file.channels != cutter.reader.channels]
    notes = [f"resampled to {cutter.rate:,} samples a second: {some(other)}"] if other else []
    words = "mixed to mono" if cutter.reader.channels == 1 else "brought to stereo"
    return [*notes, f"{words}: {some(mixed)}"] if mixed else notes


def _noisy(clean: SampleStore, cutter: Cutter, options: LoadOptions) -> tuple[dict[str, Column], str]:
    """The field of clips with noise mixed in."""
    folder = Path(cutter.reader.noise).expanduser()
    if not folder.exists():
        raise DataError(f"There is no folder of noises {folder}.")
    files, skipped = _files(folder)
    own = Cutter(type(cutter.reader)(channels=cutter.reader.channels, cut="pieces"), cutter.rate, cutter.length)
    noises = _read(files, own, options, skipped).store
    every = noises.read(torch.arange(len(noises)))

    def read(indices: Tensor) -> Tensor:
        return with_noise(clean.read(indices), every, cutter.reader, indices.tolist())

    def feed(update: Callable[[Any], None]) -> None:
        update(hashlib.sha256(every.numpy().tobytes()).digest())
        update(repr(cutter.reader.snr).encode())

    store: SampleStore = Computed(read, len(clean), cutter.field.shape, feed)
    if not clean.streams:
        store = Memory(read(torch.arange(len(clean))))
    ratios = ", ".join(f"{each:g}" for each in cutter.reader.snr)
    return {NOISY: Column(cutter.field, store)}, f"{len(every):,} clips of noise were mixed in at {ratios} dB"


def _of_pairs(
    path: Path, pairs: dict[str, list[SoundFile]], skipped: list[tuple[str, str]], options: LoadOptions
) -> Dataset:
    """Clean and noisy sounds of equal names."""
    reader = options.reader("audio")
    if reader.trim or reader.normalise or reader.noise:
        raise UsageError(f"{path} holds pairs, which must stay aligned: leave audio:trim, normalise and noise out.")
    sides = {part: {file.name: file for file in files} for part, files in pairs.items()}
    both = sorted(sides[CLEAN].keys() & sides[NOISY].keys())
    alone = [f"{part}/{name}" for part in sides for name in sorted(sides[part].keys() - set(both))]
    skipped += [(name, "it has no partner of its name") for name in alone]
    odd = [name for name in both if abs(sides[CLEAN][name].frames * sides[NOISY][name].rate
           - sides[NOISY][name].frames * sides[CLEAN][name].rate) > sides[CLEAN][name].rate]  # fmt: skip
    skipped += [(name, "clean and noisy differ in length") for name in odd]
    both = [name for name in both if name not in odd]
    if len(both) < 2:
        raise DataError(f"{path} holds {len(both)} pair(s) of equal names in {CLEAN}/ and {NOISY}/, but 2 are needed.")
    every = [sides[part][name] for part in (CLEAN, NOISY) for name in both]
    cutter = common(every, str(path), options.rate, options.length, reader)
    parts = [_read([sides[part][name] for name in both], cutter, options, skipped) for part in (CLEAN, NOISY)]
    if parts[0].names != parts[1].names:
        whole = [name for name in both if name in set(parts[0].names) & set(parts[1].names)]
        if len(whole) < 2:
            raise DataError(f"{path} holds {len(whole)} pair(s) of which both sides can be read, but 2 are needed.")
        parts = [_read([sides[part][name] for name in whole], cutter, options, []) for part in (CLEAN, NOISY)]
        parts[0].skipped = skipped
    notes = [*parts[0].notes(), *_origin(every, cutter)]
    raw = Raw(name=path.absolute().name, notes=notes, skipped=sorted(parts[0].skipped), names=parts[0].names)
    return raw.dataset(parts[0].store, cutter.field, extra={NOISY: Column(cutter.field, parts[1].store)})
