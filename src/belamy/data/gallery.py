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
from belamy.data.files import Room, reason, reasons
from belamy.data.layout import read_layout
from belamy.data.load_options import LoadOptions, check_opacity
from belamy.data.pictures import DecodedPicture, PictureHeader, examined_picture, read_header, strict_pillow
from belamy.data.tables import Wanted, apply_table, wanted_table
from belamy.errors import DataError, Unreadable, UsageError
from belamy.modalities.colours import has_opacity
from belamy.modalities.depth import DTYPES
from belamy.modalities.sizes import LARGEST, SMALLEST, Size, text_of

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
    steps = _Steps(options, len(gallery.entries))
    with strict_pillow():
        headers, skipped = _examined(gallery.entries, steps, Room(options.memory_budget))
        entries, unlabelled, notes = _labelled(gallery, [entry for entry, _ in headers])
        known = [header for _, header in headers]
        reader = _reader(gallery, known, options) if headers else None
        if reader is None or not entries:
            raise _too_few(gallery, [], skipped)
        copies = 1 if options.bits == 8 else 3
        costs = {entry.name: entry.cost + copies * header.cost for entry, header in headers}
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
    notes += [*_lost_depth(known, options.bits), *found.notes(reader)]
    described = described_by(names, gallery.table, gallery.name, notes)
    raw = replace(described, skipped=sorted(skipped + unlabelled))
    return finish(pixels, raw, replace(options, labels=None), origin, options.bits)


def default_side(headers: Sequence[PictureHeader]) -> int:
    """The median short side, to a multiple of 4, in 8..64.

    Example:
        >>> default_side([PictureHeader(30, 45, "L", True)])
        32
    """
    median = statistics.median(min(header.width, header.height) for header in headers)
    return int(min(LARGEST_DEFAULT, max(8, 4 * math.floor(median / 4 + 0.5))))


class _Steps:
    """Counts the files read, half when examined and half when their pixels are read, and tells whoever asked."""

    def __init__(self, options: LoadOptions, total: int) -> None:
        self._progress, self._total, self._halves = options.progress, total, 0

    def advance(self) -> None:
        self._halves += 1
        if self._progress is not None:
            self._progress((self._halves + 1) // 2, self._total)

    def finish(self) -> None:
        if self._progress is not None and self._halves < 2 * self._total:
            self._progress(self._total, self._total)
        self._halves = 2 * self._total


@dataclass(frozen=True)
class _Reader:
    size: Size
    fit: str
    channels: int
    levels: int | None = None
    bits: int = 8

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.channels, *self.size

    @property
    def dtype(self) -> torch.dtype:
        return DTYPES[self.bits]

    @property
    def weight(self) -> int:
        """Of one picture."""
        return math.prod(self.shape) * self.bits // 8

    def __call__(self, file: IO[bytes]) -> DecodedPicture:
        return examined_picture(file, self.size, self.fit, self.channels, self.levels, self.bits)

    def __repr__(self) -> str:  # it marks the files of a streamed set, whose fingerprint must stay
        height, width = self.size
        side = f"side={height}" if height == width else f"height={height}, width={width}"
        levels = "" if self.levels is None else f", levels={self.levels}"
        bits = "" if self.bits == 8 else f", bits={self.bits}"
        return f"_Reader({side}, fit={self.fit!r}, channels={self.channels}{levels}{bits})"


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

    def notes(self, reader: _Reader) -> list[str]:
        notes, levels = [], reader.levels
        top = {8: "0..255", 16: "0..65,535", 32: "0..1"}[reader.bits]
        if self.highest is not None and levels is not None:
            notes.append(f"values of more than 8 bits, 0..{levels:,}, became {top}{LEVELS}")
        elif self.highest is not None and reader.bits == 8:
            notes.append(f"16-bit values were divided by 257{unused(self.highest)}")
        if self.transparent:
            fate = "keep that" if has_opacity(reader.channels) else "lie on white now"
            notes.append(f"{self.transparent:,} picture(s) are transparent in part, and {fate}")
        return notes


def attempt(read: Callable[[IO[bytes]], T], entry: PictureEntry, room: Room) -> T | Unreadable:
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
        found = pool.map(lambda entry: attempt(read_header, entry, room), entries)
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
    size = len(entries) * reader.weight
    if size <= options.memory_budget:
        images = torch.empty((len(entries), *reader.shape), dtype=reader.dtype)
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
        picture = attempt(reader, entries[index], room)
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
        found = attempt(reader, entries[index], room)
        if isinstance(found, Unreadable):
            raise DataError(f"{entries[index].name} could be read when the data was opened, but not now: {found}.")
        return found.pixels

    def read(indices: Tensor) -> Tensor:
        # Not under strict_pillow: two threads may read at once, and its filters belong to the whole process. Each file
        # was read under it when the data was opened.
        with ThreadPoolExecutor(_WORKERS) as pool:
            images = list(pool.map(decode, indices.tolist()))
        return torch.from_numpy(np.stack(images)) if images else torch.empty((0, *reader.shape), dtype=reader.dtype)

    def feed(update: Callable[[bytes], None]) -> None:
        update(_marks(entries, reader).encode())

    return Computed(read, len(entries), reader.shape, feed)


def _reader(gallery: Gallery, known: Sequence[PictureHeader], options: LoadOptions) -> _Reader:
    channels = options.channels or (1 if all(header.grey for header in known) else 3)
    if options.channels is None and options.keeps_opacity and not all(header.opaque for header in known):
        channels += 1
    if channels > 4:
        raise UsageError(
            f"The channels are {channels}, but picture files have 1 (grey) or 3 (RGB), and one more with --alpha keep. "
            "Save more as an array, [N, C, H, W], in an .npy file."
        )
    check_opacity(channels, options)
    size = _common_size(gallery, known) if options.native else options.sides
    side = default_side(known)
    return _Reader(size or (side, side), options.fit, channels, options.levels, options.bits)


def _lost_depth(known: Sequence[PictureHeader], bits: int) -> list[str]:
    deep = sum(header.deep for header in known)
    if bits > 8 or not deep:
        return []
    return [f"{deep:,} picture(s) have 16 bits of colour, and 8 are read: --modality image:bits=16 keeps all"]


def _common_size(gallery: Gallery, known: Sequence[PictureHeader]) -> Size:
    """The (height, width) of all pictures.

    Raises:
        DataError: They are of several sizes.
    """
    sizes = Counter((header.height, header.width) for header in known)
    if len(sizes) > 1:
        named = ", ".join(f"{width}x{height} ({count:,})" for (height, width), count in sizes.most_common(4))
        more = f" and {len(sizes) - 4} more" if len(sizes) > 4 else ""
        raise DataError(
            f"{gallery.where} holds pictures of {len(sizes)} sizes, width x height: {named}{more}. --size native takes "
            f"pictures that are alike; type --size {text_of(sizes.most_common(1)[0][0])} to make them so."
        )
    (size,) = sizes
    if not all(SMALLEST <= side <= LARGEST for side in size):
        raise DataError(
            f"The pictures of {gallery.where} are {size[1]}x{size[0]}, but sides must be in {SMALLEST}..{LARGEST} "
            "pixels. Type another --size."
        )
    return size


def _labelled(
    gallery: Gallery, entries: list[PictureEntry]
) -> tuple[list[PictureEntry], list[tuple[str, str]], list[str]]:
    """The files that the table labels, the others, and notes on it; asked before the long work of decoding."""
    if gallery.table is None or not entries:
        return entries, [], []
    labelling = apply_table(gallery.table, [entry.name for entry in entries])
    return [entries[index] for index in labelling.kept], labelling.skipped, labelling.notes


def described_by(names: Sequence[str], table: Wanted | None, name: str, notes: Sequence[str]) -> Raw:
    """What a table, or else the folders that they lie in, say of files that were read.

    Args:
        names: The file of each sample; a table labels them all.
        table: The table of labels, if there is one.
        name: What the set is called.
        notes: What else a user should know.
    """
    layout = read_layout(names)
    label = layout.label
    attributes: Mapping[str, Attribute] = {"folder": label} if label else {}
    if table is not None:
        labelling = apply_table(table, names)
        label, attributes = labelling.label, labelling.attributes
    notes = [*notes, *(layout.notes if table is None else ())]
    return Raw(name=name, label=label, attributes=attributes, official=layout.official, notes=notes, names=names)


def _too_few(gallery: Gallery, kept: Sequence[PictureEntry], skipped: Sequence[tuple[str, str]]) -> DataError:
    if kept:
        return DataError(
            f"{gallery.where} holds only one image that can be read, {kept[0].name}: there is nothing to learn a "
            "distribution from. Give a folder of many."
        )
    count = len(gallery.entries)
    return DataError(f"None of the {count} image(s) in {gallery.where} can be read: {reasons(skipped)}.")
