"""Files that hold samples of their own: read once; what is damaged or unlike the others is left out by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from belamy.data.dataset import Computed, Dataset, Memory, SampleStore, chosen_of
from belamy.data.files import reason, some
from belamy.data.gallery import described_by, labels_for
from belamy.data.load_options import LoadOptions
from belamy.data.tables import apply_table
from belamy.errors import DataError, Unreadable
from belamy.modalities.fields import Field

TYPES = (np.dtype(bool), np.dtype(np.uint8), np.dtype(np.float32))
"""Of samples; where files differ, the deepest is taken."""
NAMED = 5


class SampleFile(NamedTuple):
    """A file, a folder or a part of an array with samples.

    Args:
        name: What it is called within the set.
        stamp: Identifies its content without reading it.
        read: Its samples, bool, uint8 or float32; raises :class:`Unreadable`.  # [k, *shape]
    """

    name: str
    stamp: str
    read: Callable[[], np.ndarray]


@dataclass
class Gathered:
    """What the files held.

    Args:
        store: The samples.
        dtype: Their type.
        names: The file of each.
        skipped: Files left out, with the reason.
        notes: What a user should know.
    """

    store: SampleStore
    dtype: np.dtype[Any]
    names: list[str]
    skipped: list[tuple[str, str]]
    notes: list[str] = field(default_factory=list)


@dataclass
class _Found:
    file: SampleFile
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    count: int
    samples: np.ndarray | None


def gather(
    files: Sequence[SampleFile],
    where: str,
    words: tuple[str, str],
    options: LoadOptions,
    unreadable: Sequence[tuple[str, str]] = (),
) -> Gathered:
    """The samples of all files, in memory if they fit the budget, or else read when they are asked for.

    Args:
        files: In order.
        where: The path, for messages.
        words: What one and several samples are called.
        options: The memory budget, and who is told of the progress.
        unreadable: Files that were left out before, with the reason.

    Raises:
        DataError: Fewer than two samples can be read.
    """
    found, skipped = _read(files, options)
    skipped = [*unreadable, *skipped]
    shapes = Counter(each.shape for each in found for _ in range(each.count))
    usual = shapes.most_common(1)[0][0] if shapes else ()
    for each in found:
        if each.shape != usual:
            skipped.append((each.file.name, f"it is {_sides(each.shape)}, where most are {_sides(usual)}"))
    kept = [each for each in found if each.shape == usual]
    count = sum(each.count for each in kept)
    if count < 2:
        listed = "; ".join(f"{name}: {why}" for name, why in skipped[:NAMED])
        held = f"only one {words[0]}" if count else f"no {words[1]}"
        raise DataError(f"{where} holds {held} that can be read{f' ({listed})' if listed else ''}. Give 2 or more.")
    dtype = max((each.dtype for each in kept), key=TYPES.index)
    other = [each.file.name for each in kept if each.dtype != dtype]
    notes = [f"brought from another type to {dtype.name}: {some(other)}"] if other else []
    names = [each.file.name for each in kept for _ in range(each.count)]
    if any(each.samples is None for each in kept):
        store: SampleStore = _streamed(kept, usual, dtype, count)
    else:
        parts = [torch.from_numpy(deepened(each.samples, dtype)) for each in kept if each.samples is not None]
        store = Memory(torch.cat(parts))
    return Gathered(store, dtype, names, skipped, notes)


def dataset_of(path: Path, gathered: Gathered, kind: Field, options: LoadOptions) -> Dataset:
    """A data set of what was gathered, with labels from a table, or classes and splits from folders."""
    name, names = path.absolute().stem or "samples", gathered.names
    store, notes, skipped = gathered.store, [*gathered.notes], [*gathered.skipped]
    table = labels_for(options, path, name)
    if table is not None:
        labelling = apply_table(table, names)
        skipped += labelling.skipped
        notes += labelling.notes
        names = [names[index] for index in labelling.kept]
        store = chosen_of(store, torch.tensor(labelling.kept))
    return replace(described_by(names, table, name, notes), skipped=sorted(skipped)).dataset(store, kind)


def deepened(samples: np.ndarray, dtype: np.dtype[Any]) -> np.ndarray:
    """Samples of another type, true and 255 as 1.0."""
    if samples.dtype == dtype:
        return samples
    if samples.dtype == bool:
        return samples.astype(dtype) * (255 if dtype == np.uint8 else 1)
    return samples.astype(np.float32) / 255


def _read(files: Sequence[SampleFile], options: LoadOptions) -> tuple[list[_Found], list[tuple[str, str]]]:
    found: list[_Found] = []
    skipped: list[tuple[str, str]] = []
    held = 0
    for number, file in enumerate(files):
        try:
            samples = file.read()
            held += samples.nbytes
            kept = samples if held <= options.memory_budget else None
            found.append(_Found(file, samples.shape[1:], samples.dtype, len(samples), kept))
        except (Unreadable, OSError) as error:
            skipped.append((file.name, str(error) if isinstance(error, Unreadable) else reason(error)))
        if options.progress is not None:
            options.progress(number + 1, len(files))
    return found, skipped


def _streamed(kept: Sequence[_Found], shape: tuple[int, ...], dtype: np.dtype[Any], count: int) -> Computed:
    places = [(each.file, place) for each in kept for place in range(each.count)]
    for each in kept:
        each.samples = None

    def read(indices: Tensor) -> Tensor:
        samples = np.empty((len(indices), *shape), dtype)
        for row, index in enumerate(indices.tolist()):
            file, place = places[index]
            try:
                samples[row] = deepened(file.read()[place : place + 1], dtype)[0]
            except (Unreadable, ValueError, IndexError) as error:
                raise DataError(f"{file.name} has changed since it was opened: {reason(error)}.") from error
        return torch.from_numpy(samples)

    def feed(update: Callable[[Any], None]) -> None:
        for file, place in places:
            update(f"{file.name} {file.stamp} {place}\n".encode())

    return Computed(read, count, shape, feed)


def _sides(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))
