"""Films: files that play, folders of numbered frames, or an array of films."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from belamy.data.dataset import Dataset
from belamy.data.files import opened, read_bounded, reason, some, stamp, visible, walk
from belamy.data.film_files import PLAYING, numbered
from belamy.data.fitting import fit
from belamy.data.gathering import SampleFile, dataset_of, gather
from belamy.data.load_options import LoadOptions
from belamy.data.opened_arrays import array_of
from belamy.data.pictures import count_alone, is_picture_name
from belamy.errors import DataError, Unreadable, UsageError
from belamy.modalities.fields import Field
from belamy.modalities.films import MOST_BYTES, ReadFilm, as_frames, read_film, read_frames_array
from belamy.modalities.video import Modality, in_channels

FILES = PLAYING | {".gif", ".npy"}
NAMES = ("films", "videos", "video", "frames", "x", "data", "samples", "arr_0")


@dataclass(frozen=True)
class Source:
    """A film that can be read.

    Args:
        name: What it is called within the set.
        stamp: Identifies its content without reading it.
        read: Its frames and their rate; raises :class:`Unreadable`.
    """

    name: str
    stamp: str
    read: Callable[[], ReadFilm]


class Format:
    """GIF and what PyAV plays, folders of frames, or an array [N, T, H, W, C]; classes from direct sub-folders."""

    modalities = ("video",)

    def claim(self, path: Path) -> int:
        """2 for files that play, without pictures; 1 for pictures and arrays, which may be frames."""
        if path.is_file():
            suffix = path.suffix.lower()
            return 2 if suffix in PLAYING else int(suffix in (".gif", ".npy", ".npz"))
        if not path.is_dir():
            return 0
        return 2 if count_alone(path, lambda name: Path(name).suffix.lower() in PLAYING) else 1

    def open(self, path: Path, options: LoadOptions) -> Dataset:
        """Clips of the most usual size; what is damaged, still or of another size is left out by name.

        Raises:
            DataError: Fewer than two clips can be read, or their length is open.
            UsageError: Nobody said that these are films, or what their rate is.
        """
        if options.kind is None and self.claim(path) < 2:
            raise UsageError(f"{path} may be a film or something else. Type --modality video --rate 25.")
        reader: Modality = options.reader("video")
        sources = list(_sources(path, options))
        if not sources:
            raise DataError(f"{path} holds no films: neither files that play nor folders of frames.")
        clips = _Clips(str(path), sources, reader, options)
        gathered = gather(clips.files(), str(path), Modality.words, options, clips.skipped)
        gathered.notes += clips.notes
        return dataset_of(path, gathered, Field("video", gathered.store.shape, rate=clips.rate), options)


class _Clips:
    """Films brought to one rate and cut into clips of one length.

    Raises:
        DataError: They are of several lengths, and none was asked for.
        UsageError: No rate is known.
    """

    def __init__(self, where: str, sources: list[Source], reader: Modality, options: LoadOptions) -> None:
        self.reader, self.sources, self.notes = reader, sources, list[str]()
        self.skipped: list[tuple[str, str]] = []
        known: dict[str, tuple[int, float | None]] = {}
        for source in sources:
            try:
                film = source.read()
                _check(film)
                known[source.name] = (len(film.frames), film.rate)
            except Unreadable as finding:
                self.skipped.append((source.name, str(finding)))
            except OSError as error:
                self.skipped.append((source.name, reason(error)))
        rates = Counter(rate for _, rate in known.values() if rate is not None)
        usual = rates.most_common(1)[0][0] if rates else None
        if known and options.rate is None and usual is None:
            raise UsageError(f"{where} holds frames, which do not say their rate. Type it, e.g. --rate 25.")
        self.rate = float(options.rate or usual or 1)
        other = [name for name, (_, rate) in known.items() if rate is not None and rate != self.rate]
        if other:
            self.notes.append(f"brought from another rate to {self.rate:g} frames a second: {some(other)}")
        lengths = {name: _resampled(count, rate, self.rate) for name, (count, rate) in known.items()}
        if options.length is None and len(set(lengths.values())) > 1:
            low, high = min(lengths.values()), max(lengths.values())
            raise DataError(
                f"{where} holds films of {low} to {high} frames. Type --length {low} for clips of that many."
            )
        self.length = options.length or max(lengths.values(), default=2)
        self.known = known
        if short := [name for name, count in lengths.items() if count < self.length]:
            self.skipped += [(name, f"{lengths[name]} frames, shorter than a clip of {self.length}") for name in short]
        self.long = {name for name, count in lengths.items() if count >= self.length}

    def files(self) -> list[SampleFile]:
        """The films that are long enough."""
        return [
            SampleFile(source.name, source.stamp, partial(self.cut, source))
            for source in self.sources
            if source.name in self.long
        ]

    def cut(self, source: Source) -> np.ndarray:
        """The clips of a film, one after the other; what is left at its end is dropped.  # uint8 [k, T, C, H, W]"""
        film = source.read()
        own = film.rate or self.rate
        count = _resampled(len(film.frames), film.rate, self.rate)
        places = np.minimum((np.arange(count) * own / self.rate + 1e-6).astype(int), len(film.frames) - 1)
        frames = in_channels(film.frames[places], self.reader.channels)
        if self.reader.size:
            side = self.reader.size
            frames = fit(torch.from_numpy(frames), (side, side), "crop").numpy()
        whole = len(frames) // self.length * self.length
        return frames[:whole].reshape(-1, self.length, *frames.shape[1:])


def _resampled(count: int, own: float | None, wanted: float) -> int:
    """Frames of a film after a change of its rate."""
    return count if own is None else max(1, int(count * wanted / own + 1e-6))


def _check(film: ReadFilm) -> None:
    if len(film.frames) < 2:
        raise Unreadable("a single frame, which is no film")
    if (film.frames == film.frames[:1]).all():
        raise Unreadable("still: all frames are the same")


def _sources(path: Path, options: LoadOptions) -> Iterator[Source]:
    if path.is_file():
        if path.suffix.lower() in (".npy", ".npz"):
            yield from _rows(path, options)
        else:
            yield Source(visible(path.name), stamp(path), partial(_of_file, path))
        return
    folders: dict[Path, list[Path]] = {}
    for file in sorted(walk(path)):
        name = visible(file.relative_to(path).as_posix())
        if file.suffix.lower() in FILES:
            yield Source(name, stamp(file), partial(_of_file, file))
        elif is_picture_name(file.name):
            folders.setdefault(file.parent, []).append(file)
    for folder, files in sorted(folders.items()):
        mark = " ".join(stamp(file) for file in files)
        yield Source(visible(folder.relative_to(path).as_posix()), mark, partial(_of_frames, files))


def _of_file(path: Path) -> ReadFilm:
    content = read_bounded(path, MOST_BYTES)
    return ReadFilm(read_frames_array(content), None) if path.suffix.lower() == ".npy" else read_film(content)


def _of_frames(files: list[Path]) -> ReadFilm:
    """The pictures of a folder in the order of their numbers."""
    frames: list[np.ndarray] = []
    for file in numbered(files):
        name = visible(file.name)
        try:
            with opened(file) as held, Image.open(held) as picture:
                frames.append(np.asarray(picture.convert("RGB")))
        except Exception as error:  # what is damaged can raise nearly anything
            raise Unreadable(f"{name} is no picture, or a damaged one") from error
        if frames[-1].shape != frames[0].shape:
            height, width = frames[-1].shape[:2]
            raise Unreadable(f"{name} is {width}x{height}, but the first {frames[0].shape[1]}x{frames[0].shape[0]}")
    return ReadFilm(np.stack(frames), None)


def _rows(path: Path, options: LoadOptions) -> Iterator[Source]:
    array = array_of(path, NAMES, options.memory_budget)
    if array.ndim not in (4, 5) or 0 in array.shape:
        raise DataError(f"{path} has the shape {array.shape}, but films are [N, frames, height, width, 1 or 3].")
    mark = f"{path.name} {stamp(path)}"
    for row in range(len(array)):
        yield Source(f"{visible(path.name)}[{row}]", mark, partial(_of_row, array, row))


def _of_row(array: np.ndarray, row: int) -> ReadFilm:
    return ReadFilm(as_frames(np.asarray(array[row])), None)
