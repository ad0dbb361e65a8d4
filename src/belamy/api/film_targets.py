"""Films that films should become: found by name, and compared frame by frame."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from belamy.api.translation_measures import MADE
from belamy.data.film_files import FilmFile, open_film
from belamy.data.pictures import is_picture_name
from belamy.errors import DataError, Unreadable, UsageError
from belamy.evaluation.pairs import Pair
from belamy.evaluation.pairs.summary import Summary, summarise
from belamy.evaluation.pairs.usual import UsualMeasures
from belamy.methods.base import UNTOUCHED
from belamy.modalities.fields import Field
from belamy.modalities.image import to_float


def targets_of(films: Sequence[Path], targets: str) -> list[Path | None]:
    """The film that each should become; None where there is none of its name.

    Args:
        films: Files and folders of frames.
        targets: A film, or a folder that holds one of each name, whatever the ending.

    Raises:
        UsageError: There is none at all, or one for several films.
        DataError: Two films of the folder have one name.
    """
    path = Path(targets).expanduser()
    if not path.exists():
        raise UsageError(f"There is no file or folder {path}, but --targets names it.")
    single = path.is_file() or any(
        is_picture_name(each.name) and each.suffix.lower() != ".gif" for each in path.iterdir()
    )
    if single and len(films) > 1:
        raise UsageError(
            f"--targets is one film, {path}, but {len(films)} are given. Name a folder that holds one of each name."
        )
    if single:
        return [path]
    named: dict[str, Path] = {}
    for each in sorted(path.iterdir()):
        if each.stem in named:
            raise DataError(f"{named[each.stem]} and {each} have one name, so it is open which is the target.")
        named[each.stem] = each
    found = [named.get(film.stem) for film in films]
    if not any(found):
        raise UsageError(f"{path} holds no film named as {films[0].stem}. Name the film itself.")
    return found


def open_target(path: Path) -> FilmFile:
    """A film that another should become.

    Raises:
        DataError: It is none.
    """
    try:
        return open_film(path)
    except Unreadable as error:
        raise DataError(f"The target {path} cannot be compared with: {error}.") from error


class FrameMeasures:
    """How near the frames of a film come to those of another, and those that it was made from; told as they pass.

    Args:
        target: The other film.
        field: What is made.
    """

    def __init__(self, target: FilmFile, field: Field) -> None:
        self.name, self.count = target.name, 0
        self.frames: Iterator[tuple[Tensor, float | None]] = target.frames(field)
        self.usual = UsualMeasures()
        self.found: dict[str, dict[str, list[Tensor]]] = {}

    def add(self, made: Tensor, given: Tensor) -> None:
        """The next frame, and what it was made from, as files hold them.  # uint8 [C, H, W] each; classes [H, W]

        Raises:
            Unreadable: The target has no such frame, or one of another size.
        """
        wanted = self._next()
        if wanted is None:
            raise Unreadable(f"its target {self.name} ends after {self.count} frames")
        self.count += 1
        if wanted.shape != made.shape:
            told = [f"{each.shape[-1]}x{each.shape[-2]}" for each in (wanted, made)]
            raise Unreadable(f"frames of its target {self.name} are {told[0]}, but {told[1]} are made")
        true = to_float(wanted)[None]
        for who, values in {MADE: made, **_comparable(given, made)}.items():
            for name, measure in self._measures(made).items():
                self.found.setdefault(who, {}).setdefault(name, []).append(measure(true, to_float(values)[None]))

    def close(self) -> None:
        """The end of the film.

        Raises:
            Unreadable: The target goes on.
        """
        if self._next() is not None:
            raise Unreadable(f"it has {self.count} frames, but its target {self.name} has more")

    @property
    def summaries(self) -> Mapping[str, Mapping[str, Summary]]:
        """Over the frames, by who made them and by measure."""
        return {
            who: {name: summarise(torch.cat(values)) for name, values in found.items()}
            for who, found in self.found.items()
        }

    def _next(self) -> Tensor | None:
        try:
            frame = next(self.frames, None)
        except Unreadable as error:
            raise Unreadable(f"its target {self.name} cannot be compared with: {error}") from error
        return None if frame is None else frame[0]

    def _measures(self, made: Tensor) -> Mapping[str, Pair]:
        return self.usual.of(Field("image", tuple(made.shape)))


def _comparable(given: Tensor, made: Tensor) -> dict[str, Tensor]:
    """The frame that was given, where it can be compared; grey stands for colour."""
    if given.dim() != made.dim() or given.shape[1:] != made.shape[1:] or given.shape[0] not in (1, made.shape[0]):
        return {}
    return {UNTOUCHED: given.expand_as(made)}


def spoken_mean(summary: Summary) -> str:
    """The mean over frames in words; frames of a film are too alike for an interval."""
    return "exact copies" if summary.mean is None else f"{summary.mean.value:.3f}"
