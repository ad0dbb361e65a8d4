"""One film, read frame by frame: a file that plays, a GIF, an array, or a folder of numbered pictures."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from belamy.data.files import opened, reason, visible
from belamy.data.pictures import is_picture_name, strict_pillow
from belamy.errors import MissingExtra, Unreadable
from belamy.modalities.fields import Field
from belamy.modalities.films import as_frames, over_white
from belamy.modalities.label_film import classes_by_colour
from belamy.modalities.label_map import MOST, Modality, classes_in
from belamy.modalities.video import in_channels

PLAYING = frozenset((".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".ogv"))
"""Endings of files that PyAV reads."""
SINGLE = "a single frame, which is no film"
_NUMBER = re.compile(r"(\d+)(?=\D*$)")
_LABELS = ("label_map", "label_film")


class Shown(NamedTuple):
    """A frame of a film.

    Args:
        pixels: uint8 [H, W, 1 or 3]; of a file that holds classes, whole numbers [H, W].
        seconds: How long it is seen; None where the file does not say.
    """

    pixels: np.ndarray
    seconds: float | None


@dataclass(frozen=True)
class FilmFile:
    """A film whose first frame was read.

    Args:
        name: What it is called.
        suffix: Of its file; empty for a folder of frames.
        sides: Height and width.
        count: How many frames it says that it has; 0 where it does not.
        rate: Frames a second, if it says.
        sound: Whether it has a sound track.
        names: Of its frames, if they are files.
        read: Its frames, from the first; raises :class:`Unreadable`.
    """

    name: str
    suffix: str
    sides: tuple[int, int]
    count: int
    rate: float | None
    sound: bool
    names: Sequence[str]
    read: Callable[[], Iterator[Shown]]

    def frames(self, field: Field, unknown: int = -1, numbers: int = 0) -> Iterator[tuple[Tensor, float | None]]:
        """Each frame as files hold it, uint8 [C, H, W] or classes [H, W], and how long it is seen.

        Args:
            field: Its kind, channels and classes.
            unknown: In label maps, the value of pixels whose class is not known; -1 for none.
            numbers: How many there may be, where pixels hold numbers of objects; 0 for those of classes.

        Raises:
            Unreadable: A frame is damaged, of another size than the first, or holds an unknown class.
        """
        number = 0
        for number, (pixels, seconds) in enumerate(self._whole(), 1):
            if pixels.shape[:2] != self.sides:
                height, width = pixels.shape[:2]
                raise Unreadable(
                    f"its frame {number} is {width}x{height}, but the first {self.sides[1]}x{self.sides[0]}"
                )
            yield _as_field(pixels, field, unknown, numbers), seconds
        if number < 2:
            raise Unreadable(SINGLE)

    def _whole(self) -> Iterator[Shown]:
        count = 0
        try:
            for shown in self.read():
                yield shown
                count += 1
        except Unreadable:
            raise
        except Exception as error:  # what is damaged can raise nearly anything
            raise Unreadable(f"damaged after frame {count} ({reason(error)})") from error


def open_film(path: Path, classes: bool = False) -> FilmFile:
    """A film, of which the first frame is read, and of a folder the sizes of all frames.

    Args:
        path: A file or a folder of numbered pictures.
        classes: Whether pictures and arrays hold classes.

    Raises:
        Unreadable: It is no film, a single frame, or its frames have several sizes.
        MissingExtra: PyAV is needed and not installed.
    """
    try:
        if path.is_dir():
            film = _folder(path, classes)
        elif path.suffix.lower() == ".npy":
            film = _array(path, classes)
        elif path.suffix.lower() == ".gif":
            film = _gif(path)
        else:
            film = _playing(path)
    except (Unreadable, MissingExtra):
        raise
    except Exception as error:  # what is damaged can raise nearly anything
        raise Unreadable(f"not a film, or a damaged one ({reason(error)})") from error
    if film.count == 1:
        raise Unreadable(SINGLE)
    return film


def is_film(path: Path) -> bool:
    """Whether a file can only be a film: one that plays, or a GIF of several frames."""
    suffix = path.suffix.lower()
    return suffix in PLAYING or (suffix == ".gif" and path.is_file() and moves(path))


def moves(path: Path) -> bool:
    """Whether a picture file has several frames; what cannot be read has none, and is told when it is read."""
    try:
        with strict_pillow(), Image.open(path) as image:
            return getattr(image, "n_frames", 1) > 1
    except Exception:  # what is damaged can raise nearly anything
        return False


def numbered(files: Sequence[Path]) -> list[Path]:
    """Pictures in the order of the numbers in their names.

    Raises:
        Unreadable: A number is missing, or comes twice.
    """
    numbers: dict[int, Path] = {}
    for file in files:
        found = _NUMBER.search(file.stem)
        if found is None:
            raise Unreadable(f"{visible(file.name)} has no number, so its place is open")
        if (earlier := numbers.get(int(found[1]))) is not None:
            raise Unreadable(f"{visible(earlier.name)} and {visible(file.name)} have the same number")
        numbers[int(found[1])] = file
    missing = sorted(set(range(min(numbers), max(numbers) + 1)) - set(numbers))
    if missing:
        raise Unreadable(f"frame {missing[0]} is missing" + (f", and {len(missing) - 1} more" if missing[1:] else ""))
    return [numbers[number] for number in sorted(numbers)]


def _as_field(pixels: np.ndarray, field: Field, unknown: int, numbers: int) -> Tensor:
    if field.modality not in _LABELS:
        return torch.from_numpy(in_channels(pixels[None], field.shape[-3])[0])
    known = numbers or len(field.classes) or MOST
    found = pixels if pixels.ndim == 2 else classes_by_colour(pixels[None], known)[0]
    found = Modality(unknown=unknown).known(found)
    if found.min() < 0 or found.max() >= known:
        worst = found.min() if found.min() < 0 else found.max()
        raise Unreadable(f"it holds the class {worst}, but the known ones are 0..{known - 1}")
    return torch.from_numpy(np.ascontiguousarray(found, np.int32))


def _folder(path: Path, classes: bool) -> FilmFile:
    files = [each for each in sorted(path.iterdir()) if is_picture_name(each.name) and not each.name.startswith(".")]
    if not files:
        raise Unreadable("a folder without pictures")
    files, first = numbered(files), (0, 0)
    for file in files:
        try:
            with strict_pillow(), opened(file) as held, Image.open(held) as picture:
                sides = (picture.height, picture.width)
        except Exception as error:  # what is damaged can raise nearly anything
            raise Unreadable(f"{visible(file.name)} is no picture, or a damaged one") from error
        first = first if any(first) else sides
        if sides != first:
            told = f"{sides[1]}x{sides[0]}, but the first {first[1]}x{first[0]}"
            raise Unreadable(f"frames of different sizes: {visible(file.name)} is {told}")

    def read() -> Iterator[Shown]:
        for file in files:
            with strict_pillow(), opened(file) as held, Image.open(held) as picture:
                yield Shown(classes_in(picture) if classes else np.asarray(picture.convert("RGB")), None)

    return FilmFile(visible(path.name), "", first, len(files), None, False, [file.name for file in files], read)


def _array(path: Path, classes: bool) -> FilmFile:
    array = np.load(path, mmap_mode="r", allow_pickle=False)
    if classes:
        if array.ndim != 3 or 0 in array.shape or array.dtype.kind not in "bui":
            kind = f"{array.dtype} of shape {list(array.shape)}"
            raise Unreadable(f"an array of {kind}, but a film of label maps is whole numbers [frames, height, width]")
        sides = array.shape[1:]
    else:
        sides = as_frames(array[:1]).shape[1:3]

    def read() -> Iterator[Shown]:
        held = np.load(path, mmap_mode="r", allow_pickle=False)
        for place in range(len(held)):
            yield Shown(np.array(held[place]) if classes else as_frames(held[place : place + 1])[0], None)

    return FilmFile(visible(path.name), ".npy", sides, len(array), None, False, (), read)


def _gif(path: Path) -> FilmFile:
    with opened(path) as held, Image.open(held) as film:
        count, sides = getattr(film, "n_frames", 1), (film.height, film.width)
        times = []
        for place in range(count):
            film.seek(place)
            times.append(float(film.info.get("duration", 0)) / 1000)
    total = sum(times)

    def read() -> Iterator[Shown]:
        with opened(path) as held, Image.open(held) as film:
            for place in range(count):
                film.seek(place)
                yield Shown(over_white(film), times[place] if total else None)

    return FilmFile(visible(path.name), ".gif", sides, count, count / total if total else None, False, (), read)


def _playing(path: Path) -> FilmFile:
    if importlib.util.find_spec("av") is None:
        raise MissingExtra("av", "video", "reading films other than GIF")
    read = partial(_played, path)
    first = next(read(), None)
    if first is None:
        raise Unreadable("a film without frames")
    import av

    with opened(path) as held, av.open(held, "r") as film:
        stream = film.streams.video[0]
        rate = float(stream.average_rate) if stream.average_rate else None
        length = film.duration / av.time_base if film.duration else 0.0
        count = stream.frames or round(length * (rate or 0))
        return FilmFile(
            visible(path.name), path.suffix.lower(), first.pixels.shape[:2], count, rate, bool(film.streams.audio),
            (), read,
        )  # fmt: skip


def _played(path: Path) -> Iterator[Shown]:
    import av

    with opened(path) as held, av.open(held, "r") as film:
        if not film.streams.video:
            raise Unreadable("it holds no pictures")
        stream: Any = film.streams.video[0]
        usual = 1 / float(stream.average_rate) if stream.average_rate else None
        for frame in film.decode(stream):
            seconds = float(frame.duration * frame.time_base) if frame.duration and frame.time_base else usual
            pixels = frame.to_ndarray(format="rgb24")
            turned = round(getattr(frame, "rotation", 0) / 90) % 4  # as telephones are held
            yield Shown(np.rot90(pixels, turned) if turned else pixels, seconds)
