"""Many picture files to one data set: headers, then pixels, in parallel; what cannot be read is listed by name."""

from __future__ import annotations

import hashlib
import json
import math
import os
import statistics
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import IO, TypeVar

import numpy as np
import torch
from torch import Tensor

from belamy.data.arrays import LEVELS, unused
from belamy.data.assembly import Raw, finish
from belamy.data.dataset import Attribute, Computed, Dataset, Memory, Origin, SampleStore
from belamy.data.files import Room, reason
from belamy.data.layout import read_layout
from belamy.data.load_options import LoadOptions
from belamy.data.pictures import DecodedPicture, PictureHeader, examined_picture, read_header, strict_pillow
from belamy.data.tables import Wanted, apply_table, wanted_table
from belamy.errors import DataError, Unreadable

LARGEST_DEFAULT = 64
_NONE = np.empty(0, np.uint8)
_WORKERS = min(8, os.cpu_count() or 1)

T = TypeVar("T")


@dataclass(frozen=True)
class PictureEntry:
    """A picture file.

    Args:
        name: Its path inside the folder or archive, with forward slashes.
        stamp: Its size and time, which identify its content without reading it.
        open: Opens it for reading.
        cost: Bytes of memory that it takes while it is open.
    """

    name: str
    stamp: str
    open: Callable[[], IO[bytes]]
    cost: int = 0


@dataclass(frozen=True)
class Gallery:
    """The picture files of a folder or an archive.

    Args:
        name: What the set is called.
        where: The path, for messages.
        entries: The files, sorted by name.
        ignored: How many other files there are, by suffix.
        table: A CSV file of labels, and what is wanted of it.
    """

    name: str
    where: str
    entries: Sequence[PictureEntry]
    ignored: Counter[str]
    table: Wanted | None = None


def labels_for(options: LoadOptions, folder: Path, name: str) -> Wanted | None:
    """The table of labels that a request names, if it names one."""
    return None if options.labels is None else wanted_table(options.labels, folder, name, options.memory_budget)


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
        headers, skipped = _examined(gallery.entries, steps, Room(options.memory_budget))
        entries, unlabelled, notes = _labelled(gallery, [entry for entry, _ in headers])
        known = [header for _, header in headers]
        reader = _reader(known, options) if headers else None
        if reader is None or not entries:
            raise _too_few(gallery, [], skipped)
        costs = {entry.name: entry.cost + header.cost for entry, header in headers}
        pixels, found = _read_all([replace(entry, cost=costs[entry.name]) for entry in entries], reader, steps, options)
    kept = [entry for index, entry in enumerate(entries) if index not in found.damaged]
    skipped += [(entries[index].name, reason) for index, reason in found.damaged.items()]
    if len(kept) < 2:
        raise _too_few(gallery, kept, skipped)
    names = [entry.name for entry in kept]
    sizes = Counter(f"{header.width}x{header.height}" for header in known)
    origin = Origin(sizes, Counter(header.mode for header in known), gallery.ignored)
    made = sorted(name for name in gallery.ignored if name.endswith("/"))
    notes += [f"folders that file servers and desktops make are left out: {', '.join(made)}"] if made else []
    described = _described(gallery, names, [*notes, *found.notes(options.levels)])
    raw = replace(described, skipped=sorted(skipped + unlabelled), names=names)
    return finish(pixels, raw, replace(options, labels=None), origin)


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
    levels: int | None = None

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.channels, self.side, self.side

    def __call__(self, file: IO[bytes]) -> DecodedPicture:
        return examined_picture(file, self.side, self.fit, self.channels, self.levels)

    def __repr__(self) -> str:  # it marks the files of a streamed set, whose fingerprint must stay
        levels = "" if self.levels is None else f", levels={self.levels}"
        return f"_Reader(side={self.side}, fit={self.fit!r}, channels={self.channels}{levels})"


@dataclass
class _Found:
    """What decoding the files showed: which are damaged, the largest value beyond 8 bits, how many are transparent."""

    damaged: dict[int, str] = field(default_factory=dict)
    highest: int | None = None
    transparent: int = 0

    def add(self, index: int, picture: DecodedPicture | Unreadable) -> None:
        if isinstance(picture, Unreadable):
            self.damaged[index] = str(picture)
            return
        self.transparent += picture.transparent
        if picture.highest is not None:
            self.highest = max(self.highest or 0, picture.highest)

    def notes(self, levels: int | None) -> list[str]:
        notes = []
        if self.highest is not None and levels is not None:
            notes.append(f"values of more than 8 bits, 0..{levels:,}, became 0..255{LEVELS}")
        elif self.highest is not None:
            notes.append(f"16-bit values were divided by 257{unused(self.highest)}")
        if self.transparent:
            notes.append(f"{self.transparent:,} picture(s) are transparent in part, and lie on white now")
        return notes


def _attempt(read: Callable[[IO[bytes]], T], entry: PictureEntry, room: Room) -> T | Unreadable:
    """The result of reading a file, or the finding that it cannot be read."""
    try:
        with room.taking(entry.cost), entry.open() as file:
            return read(file)
    except Unreadable as finding:
        return finding
    # A hostile or damaged file can raise nearly anything; whatever it is, the file is listed by name.
    except Exception as error:
        return Unreadable(reason(error))


def _examined(
    entries: Sequence[PictureEntry], steps: _Steps, room: Room
) -> tuple[list[tuple[PictureEntry, PictureHeader]], list[tuple[str, str]]]:
    headers, skipped = [], []
    with ThreadPoolExecutor(_WORKERS) as pool:
        found = pool.map(lambda entry: _attempt(read_header, entry, room), entries)
        for entry, header in zip(entries, found, strict=True):
            steps.advance()
            if isinstance(header, Unreadable):
                skipped.append((entry.name, str(header)))
            else:
                headers.append((entry, header))
    return headers, skipped


def _read_all(
    entries: Sequence[PictureEntry], reader: _Reader, steps: _Steps, options: LoadOptions
) -> tuple[SampleStore, _Found]:
    """The pixels of the files that can be read, and what was found."""
    size = len(entries) * math.prod(reader.shape)
    if size <= options.memory_budget:
        images = torch.empty((len(entries), *reader.shape), dtype=torch.uint8)
        found = _decoded(entries, reader, steps, Room(options.memory_budget, size), images)
        kept = [index for index in range(len(entries)) if index not in found.damaged]
        for place, index in enumerate(kept if found.damaged else []):
            images[place] = images[index]
        return Memory(images[: len(kept)]), found
    room = Room(options.memory_budget)
    found = _verified(entries, reader, steps, options, room)
    return _streamed([entry for index, entry in enumerate(entries) if index not in found.damaged], reader, room), found


def _decoded(
    entries: Sequence[PictureEntry], reader: _Reader, steps: _Steps, room: Room, images: Tensor | None = None
) -> _Found:
    """Decodes all files, into ``images`` if they are to be kept."""
    rows = None if images is None else images.numpy()

    def decode(index: int) -> DecodedPicture | Unreadable:
        picture = _attempt(reader, entries[index], room)
        if isinstance(picture, Unreadable):
            return picture
        if rows is not None:
            rows[index] = picture.pixels
        return picture._replace(pixels=_NONE)  # results wait for those of slower files

    found = _Found()
    with ThreadPoolExecutor(_WORKERS) as pool:
        for index, picture in enumerate(pool.map(decode, range(len(entries)))):
            steps.advance()
            found.add(index, picture)
    steps.finish()
    return found


def _verified(
    entries: Sequence[PictureEntry], reader: _Reader, steps: _Steps, options: LoadOptions, room: Room
) -> _Found:
    """What is found in a set too large for memory by decoding all files once; the answer is remembered."""
    digest = hashlib.sha256(_marks(entries, reader).encode()).hexdigest()
    memory = options.cache_folder / "verified" / f"{digest}.json"
    # The memory only saves time: a cache that cannot be read or written costs a second look, nothing else.
    with suppress(OSError, ValueError, AttributeError, TypeError, LookupError):
        held = json.loads(memory.read_text())
        damaged = {range(len(entries))[int(index)]: str(reason) for index, reason in held["damaged"].items()}
        highest = None if held["highest"] is None else int(held["highest"])
        steps.finish()
        return _Found(damaged, highest, int(held["transparent"]))
    found = _decoded(entries, reader, steps, room)
    with suppress(OSError):
        memory.parent.mkdir(parents=True, exist_ok=True)
        part = memory.with_suffix(f".{os.getpid()}.part")
        part.write_text(json.dumps(asdict(found)))
        part.replace(memory)
    return found


def _marks(entries: Sequence[PictureEntry], reader: _Reader) -> str:
    return "\n".join([repr(reader), *(f"{entry.name} {entry.stamp}" for entry in entries)])


def _streamed(entries: Sequence[PictureEntry], reader: _Reader, room: Room) -> Computed:
    def decode(index: int) -> np.ndarray:
        found = _attempt(reader, entries[index], room)
        if isinstance(found, Unreadable):
            raise DataError(f"{entries[index].name} could be read when the data was opened, but not now: {found}.")
        return found.pixels

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
    return _Reader(options.size or default_side(known), options.fit, channels, options.levels)


def _labelled(
    gallery: Gallery, entries: list[PictureEntry]
) -> tuple[list[PictureEntry], list[tuple[str, str]], list[str]]:
    """The files that the table labels, the others, and notes on it; asked before the long work of decoding."""
    if gallery.table is None or not entries:
        return entries, [], []
    labelling = apply_table(gallery.table, [entry.name for entry in entries])
    return [entries[index] for index in labelling.kept], labelling.skipped, labelling.notes


def _described(gallery: Gallery, names: Sequence[str], notes: Sequence[str]) -> Raw:
    """Labels and splits of the files that were read."""
    layout = read_layout(names)
    label = layout.label
    attributes: Mapping[str, Attribute] = {"folder": label} if label else {}
    if gallery.table is not None:
        labelling = apply_table(gallery.table, names)
        label, attributes = labelling.label, labelling.attributes
    return Raw(
        name=gallery.name,
        label=label,
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
