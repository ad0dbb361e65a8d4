"""Translating films as they are read, frame by frame: by a translator of pictures, or by one of films."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice, tee
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from belamy.api.film_targets import FrameMeasures, spoken_mean
from belamy.api.making import Maker, Manner
from belamy.api.translate import translator, unknown_label
from belamy.api.translation_measures import MADE
from belamy.data.files import opened
from belamy.data.film_files import PLAYING, FilmFile, is_film, open_film
from belamy.data.pictures import is_picture_name
from belamy.device import choose_device
from belamy.errors import DataError, Unreadable, UsageError
from belamy.evaluation.pairs.summary import Summary
from belamy.methods.base import UNTOUCHED, Fills, TranslatesFilms, given_field
from belamy.modalities import modality
from belamy.modalities.animation import MOST_FRAMES, Thinned, available_codecs, encode_gif, encode_webp
from belamy.modalities.fields import Field, Media
from belamy.modalities.film_writing import FilmWriter
from belamy.modalities.image import as_bytes
from belamy.modalities.label_map import palette
from belamy.modalities.video import RATE
from belamy.networks.warping import changes_on_the_way
from belamy.pages import page
from belamy.runs.run import Run
from belamy.sampling.draw import checked_options, placement

Progress = Callable[[int, int], None]

PREVIEW, SMALLEST = 240, 96
"""Pixels that the longer side of a frame in a page has at most, and at least."""
_FRAMES = {"image": 3, "video": 3, "label_map": 2, "label_film": 2}
"""Axes of a frame, by kind."""


@dataclass(frozen=True)
class FilmTranslation:
    """A film that was translated.

    Args:
        name: Of the input.
        frames: How many it has.
        rate: Of them a second, on average; None where nobody knows it.
        given: Height and width of the input.
        made: Height and width of what was made.
        took: Seconds of work.
        warping: Root of the mean squared change of pixels in [-1, 1] against their places in the frame before, of the
            ``output`` and, where it has pixels, the ``input``; empty where no flow is known.
        notes: What a user should know.
        preview: Some frames, input beside output.  # uint8 [H, W, 3] each
        still: Input and output in the middle of the film.
        near: How near its frames come to those of the target, where one is given, by measure: those ``made``, and the
            input's as they are, ``untouched``, where they can be compared.
    """

    name: str
    frames: int
    rate: float | None
    given: tuple[int, int]
    made: tuple[int, int]
    took: float
    warping: Mapping[str, float]
    notes: Sequence[str]
    preview: Sequence[np.ndarray] = field(repr=False)
    still: tuple[np.ndarray, np.ndarray] = field(repr=False)
    near: Mapping[str, Mapping[str, Summary]] = field(default_factory=dict)

    @property
    def told(self) -> str:
        """Its length, size and rate in words."""
        pace = f", {self.rate:.4g} a second" if self.rate else ""
        return f"{self.frames:,} frames of {self.made[1]}x{self.made[0]}{pace}"

    @property
    def speed(self) -> float:
        """Frames in a second of work."""
        return self.frames / max(self.took, 1e-9)


class FilmTranslator:
    """A run at work on films; memory does not grow with their length.

    A translator of pictures makes each frame by itself, with the same random numbers for all, so what it leaves to
    chance does not flicker. A translator of films makes each from those that it made before.

    Args:
        run: Trained.
        manner: Seed, how many frames pass together, and tiles.
        weights: The ``newest`` or the ``best``.
        device: Where to compute.
        options: Values of the method's ``sampling_options``.
        back: Translate the second of two sides into the first.
        method: The run's, where it is there already: what :func:`belamy.api.translate.translator` gives.

    Raises:
        UsageError: The run translates nothing, or no frames of films.
    """

    def __init__(
        self, run: Run, manner: Manner, *, weights: str = "newest", device: str = "auto",
        options: Mapping[str, float] | None = None, back: bool = False, method: Any = None,
    ) -> None:  # fmt: skip
        method = translator(run, weights, back) if method is None else method
        self.method: Any = method.to(choose_device(device)).eval()
        given: Field = given_field(method)
        wanted: Field = method.spec.fields[method.target]
        self.given, self.wanted = (wanted, given) if back else (given, wanted)
        self.of_films = takes_films(self.method)
        self.unknown = unknown_label(run.recipe.modality)
        self._check(run.path)
        manner.check(self.given)
        work = method.translate_back if back else method.translate
        chosen = checked_options(method, options)
        self.maker = Maker(partial(work, options=chosen) if chosen else work, self.given, self.wanted, manner,
                           *placement(method))  # fmt: skip
        self.batch = manner.batch

    def _check(self, run: Path) -> None:
        """Refuse runs of other things than frames."""
        fields = (self.given, self.wanted)
        pixels = [each.shape[-3] for each in fields if each.modality in ("image", "video")]
        if isinstance(self.method, Fills):
            raise UsageError(f"{run} fills holes of pictures, and films have none. Give pictures.")
        if self.given.modality not in _FRAMES or self.wanted.modality not in ("image", "video"):
            kinds = [modality(each.modality).words[1] for each in fields]
            raise UsageError(
                f"{run} makes {kinds[1]} of {kinds[0]}, so it translates no films. Take a run that makes pictures of "
                "pictures or of label maps, or films."
            )
        if not {*pixels} <= {1, 3}:
            raise UsageError(
                f"{run} works on pictures of {max(pixels)} channels, but frames of films have 1 or 3. Give pictures."
            )

    def open(self, path: Path) -> FilmFile:
        """A film that can be translated.

        Raises:
            DataError: It cannot.
        """
        try:
            return open_film(path, self.given.modality in ("label_map", "label_film"))
        except Unreadable as error:
            raise DataError(f"{path} cannot be translated: {error}.") from error

    def rate(self, film: FilmFile, asked: float | None, timed: bool) -> float | None:
        """Frames a second of a film, None where nobody knows it.

        Args:
            film: The film.
            asked: What a user says.
            timed: Whether what is written has a rate.

        Raises:
            UsageError: It is needed and not known, or the film says it itself.
        """
        if asked is not None and film.rate is not None:
            raise UsageError(f"{film.name} says itself that it has {film.rate:g} frames a second. Leave --rate out.")
        known = film.rate or asked or self.given.rate or self.wanted.rate
        if known is None and timed:
            raise UsageError(f"{film.name} holds frames, which do not say their rate. Type it, e.g. --rate 25.")
        return known

    @torch.no_grad()
    def translate(
        self, film: FilmFile, writer: FilmWriter, rate: float | None, flow: Tensor | None = None,
        progress: Progress | None = None, target: FilmFile | None = None,
    ) -> FilmTranslation:  # fmt: skip
        """Translate a film as it is read, and write it.

        Args:
            film: The input.
            writer: Takes the frames; it is closed.
            rate: Frames a second, which count where the film does not say how long each is seen.
            flow: From each pixel of what is made to its place in the frame before, if it is known.  # [T, 3, H, W]
            progress: Called with (done, total), the latter 0 where it is not known.
            target: What it should become, if that is known.

        Raises:
            DataError: A frame is damaged, or the flow or the target are of another film.
        """
        began, seen = monotonic(), Thinned[tuple[np.ndarray, np.ndarray]](MOST_FRAMES)
        ways = {
            "output": MovedChanges(flow),
            **({"input": MovedChanges(flow)} if _FRAMES[self.given.modality] == 3 else {}),
        }
        length, count, made = 0.0, 0, torch.empty(0)
        near = None if target is None else FrameMeasures(target, self.wanted)
        try:
            for count, (raw, seconds, made) in enumerate(self._pairs(film), 1):
                made = as_bytes(made) if made.dtype != torch.uint8 else made
                shown = seconds or 1 / (rate or RATE)
                writer.add(made.movedim(0, -1).numpy(), shown)
                length += shown
                for name, each in ((name, raw if name == "input" else made) for name in ways):
                    ways[name].add(each)
                if near is not None:
                    near.add(made, raw)
                seen.offer(partial(_both_small, raw, made))
                if progress is not None:
                    progress(count, max(film.count, count) if film.count else 0)
            for way in ways.values():
                way.close()
            if near is not None:
                near.close()
        except Unreadable as error:
            raise DataError(f"{film.name} cannot be translated: {error}.") from error
        writer.close()
        still = seen.held[len(seen.held) // 2]
        notes = ["its sound track is left out: what is written has none"] if film.sound else []
        notes += sorted(self.maker.notes)
        if flow is None:
            notes.append(
                "the temporal warping error is not told, because the film's optical flow is not known (--flow)"
            )
        return FilmTranslation(
            film.name, count, None if rate is None else count / length, film.sides, (made.shape[1], made.shape[2]),
            monotonic() - began,
            {name: apart for name, way in ways.items() if (apart := way.error) is not None}, notes,
            [_beside(*pair) for pair in seen.held], (_enlarged(still[0]), _enlarged(still[1])),
            near.summaries if near else {},
        )  # fmt: skip

    def _pairs(self, film: FilmFile) -> Iterator[tuple[Tensor, float | None, Tensor]]:
        """Each frame as files hold it, how long it is seen, and what is made of it."""
        frames = film.frames(self.given, self.unknown)
        if not self.of_films:
            while some := list(islice(frames, self.batch)):
                made = self.maker.made([raw for raw, _ in some], [0] * len(some))
                yield from ((raw, seconds, each) for (raw, seconds), each in zip(some, made, strict=True))
            return
        ours, theirs = tee(frames)  # a frame apart at most
        values = (self.maker.see_frame(raw) for raw, _ in theirs)
        for (raw, seconds), each in zip(ours, self.method.continued(values), strict=True):
            yield raw, seconds, self.maker.keep_frame(each)


class MovedChanges:
    """How much of a film changes that only moves, told frame by frame.

    Args:
        flow: x and y from each pixel to its place in the frame before, and 1 where it was seen there; None where it is
            not known.  # [T, 3, H, W]
    """

    def __init__(self, flow: Tensor | None) -> None:
        self.flow, self.count = flow, 0
        self.before: Tensor | None = None
        self.total = self.places = 0.0

    def add(self, frame: Tensor) -> None:
        """The next frame, as files hold it.  # uint8 [C, H, W]

        Raises:
            Unreadable: The flow is of another size, or shorter.
        """
        if self.flow is None:
            return
        if self.flow.shape[2:] != frame.shape[1:] or self.count >= len(self.flow):
            given = f"{len(self.flow)} frames of {self.flow.shape[3]}x{self.flow.shape[2]}"
            raise Unreadable(
                f"--flow holds {given}, but its frame {self.count + 1} is {frame.shape[2]}x{frame.shape[1]}"
            )
        now = frame.float() / 127.5 - 1
        if self.before is not None:
            moves = torch.stack([torch.zeros_like(self.flow[0]), self.flow[self.count]]).float()
            places = float((moves[1, 2] > 0).sum())
            error = float(changes_on_the_way(torch.stack([self.before, now])[None].double(), moves[None].double()))
            self.total, self.places = self.total + error**2 * places, self.places + places
        self.before, self.count = now, self.count + 1

    def close(self) -> None:
        """The end of the film.

        Raises:
            Unreadable: The flow is longer.
        """
        if self.flow is not None and self.count != len(self.flow):
            raise Unreadable(f"--flow holds {len(self.flow)} frames, but it has {self.count}")

    @property
    def error(self) -> float | None:
        """Root of the mean squared change in [-1, 1] of what was seen before; None where nothing was."""
        return (self.total / self.places) ** 0.5 if self.places else None


def takes_films(method: Any) -> bool:
    """Whether a method makes films of films, and not pictures of pictures."""
    return isinstance(method, TranslatesFilms) and given_field(method).modality in ("video", "label_film")  # type: ignore[arg-type]


def films_given(inputs: Sequence[str], method: Any, run: str, wanted: str) -> list[Path] | None:
    """The films that a user names; None where none is given.

    Args:
        inputs: Files and folders.
        method: What is to translate them.
        run: What its run is called in messages.
        wanted: The ending of what is to be written, which says that pictures of a folder are frames.

    Raises:
        UsageError: Pictures and films are mixed, or a run of films is given a picture.
    """
    field, of_films = given_field(method), takes_films(method)
    found: list[Path] = []
    others: list[str] = []
    for name in inputs:
        path = Path(name).expanduser()
        if path.is_dir():
            films = films_in(path, of_films or wanted in (".mp4", ".gif", ".npy"))
        else:
            films = [path] if path.is_file() and _is_film(path, field, of_films) else []
        found += films
        others += [] if films else [name]
    if of_films and others:
        raise UsageError(
            f"{others[0]} is no film, but {run} makes films of films. Give a film, a folder of numbered pictures or "
            "an array in an .npy file."
        )
    if found and others:
        raise UsageError(
            f"{found[0]} is a film and {others[0]} is none. Translate films and pictures by one command each."
        )
    return found or None


def films_in(folder: Path, frames: bool) -> list[Path]:
    """The films in a folder; the folder itself, or those in it, where their pictures are frames."""
    held = [each for each in sorted(folder.iterdir()) if not each.name.startswith(".")]
    films = [each for each in held if each.suffix.lower() in PLAYING]
    if films or not frames:
        return films
    if any(is_picture_name(each.name) and each.suffix.lower() != ".gif" for each in held):
        return [folder]
    films = [each for each in held if each.suffix.lower() in (".gif", ".npy")]
    return films + [each for each in held if each.is_dir() and any(is_picture_name(one.name) for one in each.iterdir())]


def read_flow(path: Path) -> Tensor:
    """Optical flow in an ``.npy`` file, from each pixel to its place in the frame before.  # [T, 3, H, W]

    Raises:
        DataError: There is none.
    """
    try:
        with opened(path):
            found = np.load(path, mmap_mode="c", allow_pickle=False)
    except Exception as error:  # what is damaged can raise nearly anything
        raise DataError(f"--flow is {path}, which is no array in an .npy file.") from error
    if found.ndim != 4 or found.shape[1] != 3 or found.dtype.kind != "f":
        raise DataError(
            f"--flow holds {found.dtype} of shape {list(found.shape)}, but flow is floats [frames, 3, height, width]: "
            "pixels to the right and downwards to the place in the frame before, and 1 where it was seen there."
        )
    return torch.from_numpy(found)


def film_page(title: str, films: Sequence[FilmTranslation]) -> str:
    """A page that shows films and what was made of them, playing side by side."""
    items = []
    for film in films:
        cells = [
            {"name": name, "picture": picture, "media": ()}
            for name, picture in zip(("input", "output"), film.still, strict=True)
        ]
        seconds = max(film.frames / (film.rate or RATE), 0.1)
        webp = "webp" in available_codecs()
        moving = (encode_webp if webp else encode_gif)(film.preview, seconds, 0.0)
        media = [Media("image/webp" if webp else "image/gif", moving, "input | output")]
        items.append({"name": film.name, "cells": cells, "figures": {"": film.told}, "media": media})
    rows = [
        [f"warping error, {film.name}", *(f"{film.warping[who]:.4f}" if who in film.warping else ""
                                          for who in ("output", "input"))]
        for film in films if film.warping
    ]  # fmt: skip
    rows += [
        [f"{name}, {film.name}", *(spoken_mean(film.near[who][name]) if name in film.near.get(who, {}) else ""
                                   for who in (MADE, UNTOUCHED))]
        for film in films for name in film.near.get(MADE, {})
    ]  # fmt: skip
    notes = [f"{film.name}: {note}" for film in films for note in film.notes]
    told = f"{len(films):,} {'film' if len(films) == 1 else 'films'} translated; the pictures are from their middle."
    measured = (
        "Warping error: root of the mean squared change, in [-1, 1], of pixels against their places in the frame "
        "before. The other numbers are means over frames."
    )
    return page("translation", title, lead_text=told, notes=notes, rows=rows, rivals=[], items=items, skipped={},
                measured=measured)  # fmt: skip


def _is_film(path: Path, given: Field, of_films: bool) -> bool:
    if path.suffix.lower() == ".npy":
        try:
            with opened(path):
                axes = np.load(path, mmap_mode="r", allow_pickle=False).ndim
        except (OSError, ValueError):
            return of_films
        frame = _FRAMES.get(given.modality, 9)
        return axes == frame + 1 or (of_films and axes == 3)
    return is_film(path) or (of_films and path.suffix.lower() == ".gif")


def _small(raw: Tensor) -> np.ndarray:
    """A frame as it is shown, at most so large: label maps in the colours of their classes.  # uint8 [H, W, 3]"""
    pixels = palette()[raw.numpy()] if raw.ndim == 2 else raw.movedim(0, -1).expand(-1, -1, 3).numpy()
    image = Image.fromarray(np.ascontiguousarray(pixels, np.uint8))
    times = -(-max(image.size) // PREVIEW)
    return np.asarray(image.reduce(times) if times > 1 else image)


def _both_small(given: Tensor, made: Tensor) -> tuple[np.ndarray, np.ndarray]:
    return _small(given), _small(made)


def _enlarged(pixels: np.ndarray) -> np.ndarray:
    times = max(1, SMALLEST // max(pixels.shape[:2]))
    return pixels.repeat(times, 0).repeat(times, 1)


def _beside(given: np.ndarray, made: np.ndarray) -> np.ndarray:
    """Two frames side by side, the first as high as the second."""
    made = _enlarged(made)
    height, width = made.shape[:2]
    alike = np.asarray(Image.fromarray(given).resize((width, height), Image.Resampling.NEAREST))
    return np.concatenate([alike, np.full((height, 4, 3), 255, np.uint8), made], 1)
