"""Pairs of films: two folders of equal names, and films that are their own inputs, one frame before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from belamy.data.dataset import Column, Computed, Dataset, Memory
from belamy.data.files import reasons, some, stamp, visible
from belamy.data.film_files import PLAYING, FilmFile, open_film
from belamy.data.fitting import fit
from belamy.data.layout import read_layout
from belamy.data.load_options import LoadOptions
from belamy.data.pairing import INSTANCES, TARGET, paired
from belamy.data.pictures import is_picture_name, squared
from belamy.errors import DataError, Unreadable, UsageError
from belamy.modalities.fields import Field

KINDS = ("video", "label_film")
"""Kinds of films."""
MOST_OBJECTS = 1 << 24
"""What a number of an object may be."""
_FILES = PLAYING | {".gif", ".npy"}


class FilmEntry(NamedTuple):
    """A film file or a folder of frames.

    Args:
        name: What it is called in messages.
        path: Where it lies.
    """

    name: str
    path: Path


class _Held:
    """Frames of one side's films that were read to look at them, as long as they all fit.

    Args:
        room: Bytes that they may take.
    """

    def __init__(self, room: int) -> None:
        self.room, self.films = room, dict[str, list[np.ndarray]]()

    def add(self, name: str, frame: np.ndarray) -> None:
        """Keep a film's next frame; nothing any more from when there is too much."""
        self.room -= frame.nbytes
        if self.room >= 0:
            self.films.setdefault(name, []).append(frame)
        else:
            self.films.clear()


@dataclass(frozen=True)
class _Film:
    """A film of one side whose frames were counted."""

    film: FilmFile
    frames: int
    sides: tuple[int, int]
    highest: int


class _Side(NamedTuple):
    """How the films of a side are read."""

    field: Field
    classes: bool
    numbers: bool
    unknown: int
    size: int

    def frames(self, film: FilmFile) -> Iterator[np.ndarray]:
        """Each frame as the set holds it, uint8 [C, H, W] or [H, W]; numbers of objects from 0 on, in each film."""
        known: dict[int, int] = {}
        for raw, _ in film.frames(self.field, self.unknown, MOST_OBJECTS if self.numbers else 0):
            yield self._numbered(self._fitted(raw), known) if self.numbers else self._fitted(raw).astype(np.uint8)

    def _fitted(self, raw: Tensor) -> np.ndarray:
        if not self.size:
            return raw.numpy()
        if raw.ndim == 3:
            return fit(raw[None], (self.size, self.size), "crop")[0].numpy()
        return np.asarray(squared(Image.fromarray(raw.numpy()), (self.size, self.size), "crop", ground=0))

    def _numbered(self, frame: np.ndarray, known: dict[int, int]) -> np.ndarray:
        values, places = np.unique(frame, return_inverse=True)
        for value in values.tolist():
            known.setdefault(value, len(known))
        if len(known) > 256:
            raise Unreadable("more than 256 objects")
        return np.array([known[value] for value in values.tolist()], np.uint8)[places].reshape(frame.shape)


def films_under(place: Path, shown: Callable[[Path], str]) -> dict[str, FilmEntry]:
    """Film files and folders of pictures in a folder and those below it, by their names within it.

    Args:
        place: The folder.
        shown: What a path is called in messages.
    """
    found: dict[str, FilmEntry] = {}
    waiting = [place]
    while waiting:
        here = waiting.pop()
        held = [each for each in sorted(here.iterdir()) if not each.name.startswith(".")]
        if any(is_picture_name(each.name) and each.suffix.lower() != ".gif" for each in held if each.is_file()):
            found[visible(here.relative_to(place).as_posix())] = FilmEntry(shown(here), here)
            continue
        for each in held:
            if each.is_file() and each.suffix.lower() in _FILES:
                found[visible(each.relative_to(place).as_posix())] = FilmEntry(shown(each), each)
        waiting += [each for each in held if each.is_dir() and not each.is_symlink()]
    return dict(sorted(found.items()))


def open_film_pairs(
    path: Path, sides: Mapping[str, Mapping[str, FilmEntry]], folders: Mapping[str, str], options: LoadOptions
) -> Dataset:
    """Clips of the pairs of films that can be read, both of a pair from the same frames.

    What has no partner, another length or size than its partner, or another size or rate than most, is left out by
    name.

    Args:
        path: Of the set.
        sides: The films of each side by name: ``input``, ``target`` and, where there are such, ``instances``.
        folders: What the sides are called in messages.
        options: The size that the modality's reader asks for, the length of clips, the rate.

    Raises:
        DataError: No pair, or one clip, can be read; or they are more than fits into the memory.
        UsageError: Labels are asked for.
    """
    if options.labels is not None:
        raise UsageError(f"Pairs of films have no labels. Leave --labels {options.labels} out.")
    assert options.kind is not None
    kind = options.kind.name
    reader: Any = options.reader(kind)
    size, unknown = int(reader.size), int(getattr(reader, "unknown", -1))
    of_labels, of_pixels = Field("label_film", (1, 1, 1)), Field("video", (1, getattr(reader, "channels", 3), 1, 1))
    hows = {
        "input": _Side(of_labels if kind == "label_film" else of_pixels, kind == "label_film", False, unknown, size),
        TARGET: _Side(of_pixels, False, False, -1, size),
        INSTANCES: _Side(of_labels, True, True, -1, size),
    }
    joined, skipped = _joined(sides, folders)
    budget = options.memory_budget // len(sides)
    held = {side: _Held(budget) for side in sides}
    known, more = _examined(joined, hows, options, held)
    skipped += more
    if not known:
        raise DataError(f"{path} holds no pair of films that can be read.{f' {reasons(skipped)}.' if skipped else ''}")
    rate, length, names, more = _usual(known, options, str(path))
    skipped += [(joined[name]["input"].name, why) for name, why in more]
    clips = [(name, start) for name in names for start in range(0, known[name]["input"].frames - length + 1, length)]
    height, width = known[names[0]]["input"].sides if not size else (size, size)
    if len(clips) < 2:
        raise DataError(f"{path} holds {len(clips)} clip of {length} frames. Give more films, or a shorter --length.")
    columns = {}
    for side, how in hows.items():
        if side in sides:
            shape = (length, *((how.field.shape[1],) if not how.classes else ()), height, width)
            films = {name: known[name][side].film for name in names}
            marks = {name: _mark(joined[name][side].path) for name in names}
            store = _store(how, films, marks, clips, shape, budget, held[side])
            columns[side] = Column(how.field._replace(shape=shape, rate=rate), store)
    main = columns.pop("input")
    if kind == "label_film":
        highest = max(known[name]["input"].highest for name in names)
        main = main._replace(field=main.field._replace(classes=tuple(map(str, range(highest + 1)))))
    order = [name for name, _ in clips]
    return Dataset(
        path.absolute().name or "films", main.store, field=main.field, extra=columns,
        names=[joined[name]["input"].name for name in order],
        official=read_layout(order).official, skipped=sorted(set(skipped)),
    )  # fmt: skip


def next_frames(data: Dataset) -> Dataset:
    """Films that are their own inputs: to each frame belongs the one that follows.

    Args:
        data: Films of ``length + 1`` frames become pairs of films of ``length``.

    Raises:
        DataError: They have a single frame.
    """
    length = data.field.shape[0] - 1
    if length < 1:
        raise DataError(f"{data.name} holds films of one frame, after which nothing follows. Type a larger --length.")
    shape = (length, *data.field.shape[1:])
    field = data.field._replace(shape=shape)
    before, after = (_shifted(data.store, place, shape) for place in (0, 1))
    return data.changed(store=before, field=field, extra={**data.extra, TARGET: Column(field, after)})


def _shifted(store: Any, place: int, shape: tuple[int, ...]) -> Memory | Computed:
    if isinstance(store, Memory):
        return Memory(store.tensor[:, place : place + shape[0]])

    def read(indices: Tensor) -> Tensor:
        films: Tensor = store.read(indices)
        return films[:, place : place + shape[0]]

    def feed(update: Callable[[Any], None]) -> None:
        update(f"frames from {place} on of\n".encode())
        store.feed(update)

    return Computed(read, len(store), shape, feed, f"{getattr(store, 'identity', 'the films')}, one frame apart")


def _joined(
    sides: Mapping[str, Mapping[str, FilmEntry]], folders: Mapping[str, str]
) -> tuple[dict[str, dict[str, FilmEntry]], list[tuple[str, str]]]:
    """The films of each pair, by its name; and what has no partner."""
    pairs, skipped = paired(sides["input"], sides[TARGET], (folders["input"], folders[TARGET]))
    found = {name: {"input": sides["input"][name], TARGET: sides[TARGET][other]} for name, other in pairs}
    if INSTANCES in sides:
        kept = {name: sides["input"][name] for name in found}
        triples, lone = paired(kept, sides[INSTANCES], (folders["input"], folders[INSTANCES]))
        found = {name: {**found[name], INSTANCES: sides[INSTANCES][other]} for name, other in triples}
        skipped = [*skipped, *lone]
    return found, list(skipped)


def _examined(
    joined: Mapping[str, Mapping[str, FilmEntry]], hows: Mapping[str, _Side], options: LoadOptions,
    held: Mapping[str, _Held],
) -> tuple[dict[str, dict[str, _Film]], list[tuple[str, str]]]:  # fmt: skip
    """Each pair of which all films can be read to their end and are alike; and the others."""
    known: dict[str, dict[str, _Film]] = {}
    skipped: list[tuple[str, str]] = []
    for number, (name, entries) in enumerate(joined.items(), 1):
        found: dict[str, _Film] = {}
        for side, entry in entries.items():
            try:
                found[side] = _looked_at(entry.path, hows[side], held[side], name)
            except (Unreadable, OSError) as error:
                skipped.append((entry.name, str(error)))
        first = found.get("input")
        if first is not None and len(found) == len(entries):
            apart = [side for side, each in found.items() if (each.frames, each.sides) != (first.frames, first.sides)]
            for side in apart:
                skipped.append((entries[side].name, _differs(found[side], first, entries["input"].name)))
            if not apart:
                known[name] = found
        if name not in known:
            for each in held.values():
                each.films.pop(name, None)
        if options.progress is not None:
            options.progress(number, len(joined))
    return known, skipped


def _looked_at(path: Path, how: _Side, held: _Held, name: str) -> _Film:
    film = open_film(path, how.classes)
    count = highest = 0
    for frame in how.frames(film):
        count, highest = count + 1, max(highest, int(frame.max())) if how.classes else 0
        held.add(name, frame)
    return _Film(film, count, film.sides, highest)


def _differs(other: _Film, first: _Film, name: str) -> str:
    if other.frames != first.frames:
        return f"it has {other.frames:,} frames, but {name} has {first.frames:,}"
    height, width = other.sides
    return f"its size {width}x{height} differs from {first.sides[1]}x{first.sides[0]} of {name}"


def _usual(
    known: Mapping[str, Mapping[str, _Film]], options: LoadOptions, where: str
) -> tuple[float | None, int, list[str], list[tuple[str, str]]]:
    """Rate, length of clips, the pairs that have the usual size and rate and are long enough, and the others."""
    skipped: list[tuple[str, str]] = []
    rates = {
        name: next((each.film.rate for each in films.values() if each.film.rate), None) for name, films in known.items()
    }
    told = Counter(rate for rate in rates.values() if rate is not None)
    rate = float(options.rate) if options.rate else (told.most_common(1)[0][0] if told else None)
    usual = Counter(films["input"].sides for films in known.values()).most_common(1)[0][0]
    sized = bool(options.reader(options.kind.name).size) if options.kind is not None else False
    names = []
    for name, films in known.items():
        sides, own = films["input"].sides, rates[name]
        if own is not None and rate is not None and abs(own - rate) > 0.01 * rate:
            skipped.append((name, f"it has {own:g} frames a second, where --rate or most say {rate:g}"))
        elif sides != usual and not sized:
            skipped.append((name, f"it is {sides[1]}x{sides[0]}, where most are {usual[1]}x{usual[0]}"))
        else:
            names.append(name)
    lengths = {name: known[name]["input"].frames for name in names}
    if options.length is None and len(set(lengths.values())) > 1:
        low, high = min(lengths.values()), max(lengths.values())
        raise DataError(f"{where} holds films of {low} to {high} frames. Type --length {low} for clips of that many.")
    length = options.length or max(lengths.values(), default=1)
    short = [name for name in names if lengths[name] < length]
    skipped += [(name, f"{lengths[name]} frames, shorter than a clip of {length}") for name in short]
    names = [name for name in names if lengths[name] >= length]
    if not names:
        raise DataError(
            f"{where} holds no pair of films of {length} frames: {some([why for _, why in skipped], 3, '; ')}."
        )
    return rate, length, names, skipped


def _mark(path: Path) -> str:
    return " ".join(stamp(each) for each in (sorted(path.iterdir()) if path.is_dir() else [path]))


def _store(
    how: _Side, films: Mapping[str, FilmFile], marks: Mapping[str, str], clips: list[tuple[str, int]],
    shape: tuple[int, ...], budget: int, held: _Held,
) -> Memory | Computed:  # fmt: skip
    """The clips of one side, in memory if they fit, else read again when they are asked for."""

    def clip(name: str, start: int) -> Iterator[np.ndarray]:
        for place, frame in enumerate(how.frames(films[name])):
            if start <= place < start + shape[0]:
                yield frame
            if place + 1 == start + shape[0]:
                return

    def read(indices: Tensor) -> Tensor:
        made = np.empty((len(indices), *shape), np.uint8)
        for row, index in enumerate(indices.tolist()):
            name, start = clips[index]
            try:
                made[row] = np.stack(list(clip(name, start)))
            except (Unreadable, ValueError) as error:
                raise DataError(f"{name} has changed since it was opened: {error}.") from error
        return torch.from_numpy(made)

    def feed(update: Callable[[Any], None]) -> None:
        for name, start in clips:
            update(f"{name} {marks[name]} {start} {shape}\n".encode())

    if len(clips) * int(np.prod(shape)) > budget:
        held.films.clear()
        return Computed(read, len(clips), shape, feed)
    whole = np.empty((len(clips), *shape), np.uint8)
    row, counts = 0, Counter(name for name, _ in clips)
    for name in films:
        count = counts[name]
        seen = held.films.pop(name, None) or how.frames(films[name])
        frames = (frame for _, frame in zip(range(count * shape[0]), seen, strict=False))
        whole[row : row + count] = np.stack(list(frames)).reshape(count, *shape)
        row += count
    return Memory(torch.from_numpy(whole))
