"""Many picture files to one data set: headers, then pixels, in parallel; what cannot be read is listed by name."""

from __future__ import annotations

import hashlib
import json
import math
import os
import statistics
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import IO, TypeVar

import numpy as np
import torch
from torch import Tensor

from belamy.data.assembly import Raw, finish
from belamy.data.dataset import Attribute, Computed, Dataset, Memory, Origin, Pixels
from belamy.data.layout import read_layout
from belamy.data.load_options import LoadOptions
from belamy.data.pictures import PictureHeader, Unreadable, read_header, read_picture, strict_pillow
from belamy.data.tables import LabelTable, apply_table
from belamy.errors import DataError

LARGEST_DEFAULT = 64
_WORKERS = min(8, os.cpu_count() or 1)

T = TypeVar("T")


@dataclass(frozen=True)
class PictureEntry:
    """A picture file.

    Args:
        name: Its path inside the folder or archive, with forward slashes.
        stamp: Its size and time, which identify its content without reading it.
        open: Opens it for reading.
    """

    name: str
    stamp: str
    open: Callable[[], IO[bytes]]


@dataclass(frozen=True)
class Gallery:
    """The picture files of a folder or an archive.

    Args:
        name: What the set is called.
        where: The path, for messages.
        entries: The files, sorted by name.
        ignored: How many other files there are, by suffix.
        table: A CSV file of labels, and the column to take.
    """

    name: str
    where: str
    entries: Sequence[PictureEntry]
    ignored: Counter[str]
    table: tuple[LabelTable, str | None] | None = None


def open_gallery(gallery: Gallery, options: LoadOptions) -> Dataset:
    """The pictures as squares of one size.

    Raises:
        DataError: There are no pictures, none can be read, or only one can.
    """
    if not gallery.entries:
        others = ", ".join(f"{count} {suffix}" for suffix, count in gallery.ignored.most_common(3))
        raise DataError(f"{gallery.where} holds no images{f', only {others} file(s)' if others else ''}.")
    steps = _Steps(options, 2 * len(gallery.entries))
    with strict_pillow():
        headers, skipped = _examined(gallery.entries, steps)
        entries, unlabelled, notes = _labelled(gallery, [entry for entry, _ in headers])
        known = [header for _, header in headers]
        reader = _reader(known, options) if headers else None
        if reader is None or not entries:
            raise _too_few(gallery, [], skipped)
        pixels, damaged = _read_all(entries, reader, steps, options)
    kept = [entry for index, entry in enumerate(entries) if index not in damaged]
    skipped += [(entries[index].name, reason) for index, reason in damaged.items()]
    if len(kept) < 2:
        raise _too_few(gallery, kept, skipped)
    names = [entry.name for entry in kept]
    sizes = Counter(f"{header.width}x{header.height}" for header in known)
    origin = Origin(sizes, Counter(header.mode for header in known), gallery.ignored)
    return finish(
        pixels,
        _described(gallery, names, notes),
        replace(options, labels=None),
        origin,
        skipped=sorted(skipped + unlabelled),
        names=names,
    )


def default_side(headers: Sequence[PictureHeader]) -> int:
    """The median short side, to a multiple of 4, in 8..64.

    Example:
        >>> default_side([PictureHeader(30, 45, "L", True)])
        32
    """
    median = statistics.median(min(header.width, header.height) for header in headers)
    return int(min(LARGEST_DEFAULT, max(8, 4 * math.floor(median / 4 + 0.5))))


class _Steps:
    """Counts the files read and tells whoever asked."""

    def __init__(self, options: LoadOptions, total: int) -> None:
        self._progress, self._total, self._done = options.progress, total, 0

    def advance(self) -> None:
        self._done += 1
        if self._progress is not None:
            self._progress(self._done, self._total)

    def finish(self) -> None:
        if self._progress is not None and self._done < self._total:
            self._progress(self._total, self._total)
        self._done = self._total


@dataclass(frozen=True)
class _Reader:
    side: int
    fit: str
    channels: int

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.channels, self.side, self.side

    def __call__(self, file: IO[bytes]) -> np.ndarray:
        return read_picture(file, self.side, self.fit, self.channels)


def _attempt(read: Callable[[IO[bytes]], T], entry: PictureEntry) -> T | Unreadable:
    """The result of reading a file, or the finding that it cannot be read."""
    try:
        with entry.open() as file:
            return read(file)
    except Unreadable as finding:
        return finding
    except (OSError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        return Unreadable(getattr(error, "strerror", None) or str(error) or type(error).__name__)


def _examined(
    entries: Sequence[PictureEntry], steps: _Steps
) -> tuple[list[tuple[PictureEntry, PictureHeader]], list[tuple[str, str]]]:
    headers, skipped = [], []
    with ThreadPoolExecutor(_WORKERS) as pool:
        for entry, found in zip(entries, pool.map(lambda entry: _attempt(read_header, entry), entries), strict=True):
            steps.advance()
            if isinstance(found, Unreadable):
                skipped.append((entry.name, str(found)))
            else:
                headers.append((entry, found))
    return headers, skipped


def _read_all(
    entries: Sequence[PictureEntry], reader: _Reader, steps: _Steps, options: LoadOptions
) -> tuple[Pixels, dict[int, str]]:
    """The pixels of the files that can be read, and why the others cannot, by index."""
    if len(entries) * math.prod(reader.shape) <= options.memory_budget:
        images, damaged = _decoded(entries, reader, steps)
        kept = [index for index in range(len(entries)) if index not in damaged]
        return Memory(images[kept] if damaged else images), damaged
    damaged = _verified(entries, reader, steps, options)
    return _streamed([entry for index, entry in enumerate(entries) if index not in damaged], reader), damaged


def _decoded(entries: Sequence[PictureEntry], reader: _Reader, steps: _Steps) -> tuple[Tensor, dict[int, str]]:
    images = torch.empty((len(entries), *reader.shape), dtype=torch.uint8)
    rows = images.numpy()

    def decode(index: int) -> str | None:
        found = _attempt(reader, entries[index])
        if isinstance(found, Unreadable):
            return str(found)
        rows[index] = found
        return None

    return images, _each(decode, len(entries), steps)


def _verified(entries: Sequence[PictureEntry], reader: _Reader, steps: _Steps, options: LoadOptions) -> dict[int, str]:
    """The damaged files of a set too large for memory, found by decoding all of them once; the answer is remembered."""
    digest = hashlib.sha256(_marks(entries, reader).encode()).hexdigest()
    memory = options.cache_folder / "verified" / f"{digest}.json"
    # The memory only saves time: a cache that cannot be read or written costs a second look, nothing else.
    with suppress(OSError, ValueError, AttributeError, IndexError):
        remembered = {
            range(len(entries))[int(index)]: str(reason) for index, reason in json.loads(memory.read_text()).items()
        }
        steps.finish()
        return remembered

    def decode(index: int) -> str | None:
        found = _attempt(reader, entries[index])
        return str(found) if isinstance(found, Unreadable) else None

    damaged = _each(decode, len(entries), steps)
    with suppress(OSError):
        memory.parent.mkdir(parents=True, exist_ok=True)
        part = memory.with_suffix(f".{os.getpid()}.part")
        part.write_text(json.dumps(damaged))
        part.replace(memory)
    return damaged


def _each(decode: Callable[[int], str | None], count: int, steps: _Steps) -> dict[int, str]:
    damaged = {}
    with ThreadPoolExecutor(_WORKERS) as pool:
        for index, reason in enumerate(pool.map(decode, range(count))):
            steps.advance()
            if reason is not None:
                damaged[index] = reason
    steps.finish()
    return damaged


def _marks(entries: Sequence[PictureEntry], reader: _Reader) -> str:
    return "\n".join([repr(reader), *(f"{entry.name} {entry.stamp}" for entry in entries)])


def _streamed(entries: Sequence[PictureEntry], reader: _Reader) -> Computed:
    def decode(index: int) -> np.ndarray:
        found = _attempt(reader, entries[index])
        if isinstance(found, Unreadable):
            raise DataError(f"{entries[index].name} could be read when the data was opened, but not now: {found}.")
        return found

    def read(indices: Tensor) -> Tensor:
        # Not under strict_pillow: two threads may read at once, and its filters belong to the whole process. Each file
        # was read under it when the data was opened.
        with ThreadPoolExecutor(_WORKERS) as pool:
            images = list(pool.map(decode, indices.tolist()))
        return torch.from_numpy(np.stack(images)) if images else torch.empty((0, *reader.shape), dtype=torch.uint8)

    def feed(update: Callable[[bytes], None]) -> None:
        update(_marks(entries, reader).encode())

    return Computed(read, len(entries), reader.shape, feed)


def _reader(known: Sequence[PictureHeader], options: LoadOptions) -> _Reader:
    channels = options.channels or (1 if all(header.grey for header in known) else 3)
    return _Reader(options.size or default_side(known), options.fit, channels)


def _labelled(
    gallery: Gallery, entries: list[PictureEntry]
) -> tuple[list[PictureEntry], list[tuple[str, str]], list[str]]:
    """The files that the table labels, the others, and notes on it; asked before the long work of decoding."""
    if gallery.table is None or not entries:
        return entries, [], []
    labelling = apply_table(gallery.table[0], [entry.name for entry in entries], gallery.table[1])
    return [entries[index] for index in labelling.kept], labelling.skipped, labelling.notes


def _described(gallery: Gallery, names: Sequence[str], notes: Sequence[str]) -> Raw:
    """Labels and splits of the files that were read."""
    layout = read_layout(names)
    label = layout.label
    attributes: Mapping[str, Attribute] = {"folder": label} if label else {}
    if gallery.table is not None:
        labelling = apply_table(gallery.table[0], names, gallery.table[1])
        label, attributes = labelling.label, labelling.attributes
    return Raw(
        name=gallery.name,
        labels=label.codes if label else None,
        classes=label.values if label else (),
        attributes=attributes,
        official=layout.official,
        notes=[*notes, *(layout.notes if gallery.table is None else ())],
    )


def _too_few(gallery: Gallery, kept: Sequence[PictureEntry], skipped: Sequence[tuple[str, str]]) -> DataError:
    if kept:
        return DataError(
            f"{gallery.where} holds only one image that can be read, {kept[0].name}: there is nothing to learn a "
            "distribution from. Give a folder of many."
        )
    listed = "; ".join(f"{name}: {reason}" for name, reason in skipped[:3])
    more = f"; and {len(skipped) - 3} more" if len(skipped) > 3 else ""
    return DataError(f"None of the {len(gallery.entries)} image(s) in {gallery.where} can be read: {listed}{more}.")
