"""Pairs in two folders with equal names."""

from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path

from belamy.data.dataset import Dataset
from belamy.data.files import opened, stamp, visible, walk
from belamy.data.film_pairs import KINDS, FilmEntry, films_under, open_film_pairs
from belamy.data.gallery import PictureEntry, labels_for
from belamy.data.load_options import LoadOptions
from belamy.data.pairing import INSTANCES, TARGET, PairedFiles, open_pairs, paired, two_names
from belamy.data.pictures import is_picture_name
from belamy.errors import DataError, UsageError

SPLITS = ("train", "test", "val")


class PairLayout:
    """``A/1.png`` belongs to ``B/1.jpg``: folders in a folder, with equal names but for the suffix.

    Splits may be folders in them (``A/train/1.png``), around them (``train/A/1.png``) or in their names
    (``trainA/1.png``).

    Args:
        input: The folder of what is given, relative to the data or absolute.
        target: The folder of what it is to become.
        instances: A folder of maps of instances beside label maps; empty for none.
    """

    def __init__(self, *, input: str = "A", target: str = "B", instances: str = "") -> None:
        names = two_names(input, target, "folder")
        self.folders = dict(zip(("input", TARGET), names, strict=True)) | ({INSTANCES: instances} if instances else {})

    def open(self, path: Path, options: LoadOptions) -> Dataset:
        """The pairs, sorted by name."""
        if not path.is_dir():
            raise UsageError(f"Pairs in folders need a folder that holds them, but {path} is a file.")
        if options.kind is not None and options.kind.name in KINDS:
            films = {side: _films(path, folder) for side, folder in self.folders.items()}
            return open_film_pairs(path, films, self.folders, options)
        ignored: Counter[str] = Counter()
        sides = {side: _entries(path, folder, ignored) for side, folder in self.folders.items()}
        pairs, skipped = paired(sides["input"], sides[TARGET], (self.folders["input"], self.folders[TARGET]))
        inputs = {name: sides["input"][name] for name, _ in pairs}
        others = {TARGET: {name: sides[TARGET][other] for name, other in pairs}}
        if INSTANCES in sides:
            triples, lone = paired(inputs, sides[INSTANCES], (self.folders["input"], self.folders[INSTANCES]))
            inputs = {name: inputs[name] for name, _ in triples}
            others[TARGET] = {name: others[TARGET][name] for name in inputs}
            others[INSTANCES] = {name: sides[INSTANCES][other] for name, other in triples}
            skipped = [*skipped, *lone]
        title = path.absolute().name or "folder"
        table = labels_for(options, path, title)
        return open_pairs(PairedFiles(title, str(path), inputs, others, skipped, ignored, table), options)


def _films(path: Path, folder: str) -> dict[str, FilmEntry]:
    """The films of one side, by split and name within it."""
    found = {}
    for split, place in _places(path, folder).items():
        films = films_under(place, partial(_shown, path)) if place.is_dir() else {}
        found.update({f"{split}{name}": film for name, film in films.items() if name != "."})
    return found


def _entries(path: Path, folder: str, ignored: Counter[str]) -> dict[str, PictureEntry]:
    """The pictures of one side, by split and name within it."""
    found = {}
    for split, place in _places(path, folder).items():
        for file in sorted(walk(place, ignored)) if place.is_dir() else ():
            name = visible(file.relative_to(place).as_posix())
            if is_picture_name(name):
                found[f"{split}{name}"] = PictureEntry(_shown(path, file), stamp(file), partial(opened, file))
            else:
                ignored[visible(file.suffix.lower()) or "nameless"] += 1
    return found


def _shown(path: Path, file: Path) -> str:
    return visible(file.relative_to(path).as_posix() if file.is_relative_to(path) else file.as_posix())


def _places(path: Path, folder: str) -> dict[str, Path]:
    """Where the files of a side may lie, by the split that the place says.

    Raises:
        DataError: There is no such folder.
    """
    places = {"": path / folder}
    for split in SPLITS:
        for place in (path / f"{split}{folder}", path / split / folder):
            if place.is_dir():
                places[f"{split}/"] = place
    if not any(place.is_dir() for place in places.values()):
        here = sorted(entry.name for entry in path.iterdir() if entry.is_dir())[:8]
        raise DataError(
            f"{path} has no folder {folder} (nor train{folder}, test{folder}); it has {', '.join(here) or 'none'}. "
            "Say in --modality which folders hold the pairs: pairs=folders,input=NAME,target=NAME"
        )
    return places
