"""One door to all data: a named set, or a path whose shape says how to read it."""

from __future__ import annotations

import os
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

from belamy.data.arrays import LEVELS
from belamy.data.dataset import Dataset
from belamy.data.film_pairs import KINDS as FILMS
from belamy.data.formats import Format
from belamy.data.layouts import LAYOUTS, PairLayout
from belamy.data.load_options import LoadOptions, Progress
from belamy.data.measures.labelling import is_measured, labelled
from belamy.data.sources import Source
from belamy.errors import DataError, UsageError, nearest
from belamy.modalities.fields import Field
from belamy.modalities.sizes import SizeOption
from belamy.registry import Part, Registry

FILM_PAIRS = ("folders", "next")
"""Layouts that hold pairs of films."""
SOURCES = Registry("belamy.data.sources", "data source", "Source")
FORMATS = Registry("belamy.data.formats", "data format", "Format")


def open_data(
    source: str | Path,
    *,
    modality: str | None = None,
    size: SizeOption = None,
    fit: str = "crop",
    channels: int | None = None,
    alpha: str = "white",
    rate: int | None = None,
    length: int | None = None,
    other: str | Path | None = None,
    labels: str | None = None,
    levels: int | None = None,
    offline: bool = False,
    cache: Path | None = None,
    memory_budget: int = 2 << 30,
    progress: Progress | None = None,
    like: Field | None = None,
) -> Dataset:
    """A data set from its name or its path.

    A name of ``sources/`` wins over a folder of the same name; write ``./mnist`` for the folder. Options of a named set
    follow a colon: ``fashion-mnist:folder=PATH``.

    Args:
        source: ``mnist``, ``avatars``, … or a folder of images, a ``.zip`` of images, a ``.npy`` or ``.npz`` array,
            IDX files, the binary version of CIFAR.
        modality: What kind the data are, where they do not say it themselves, e.g. ``audio``; options of its reader
            follow a colon, ``text:unit=words``.
        size: Of pictures, in pixels, 4..4096: the side of squares, (height, width), the same as text, width first,
            ``"96x64"`` (96 wide and 64 high), or ``"native"`` where all are alike; None keeps an array's own size and
            takes for files the median short side, rounded to a multiple of 4, at most 64.
        fit: ``crop`` the centre, ``pad`` with white, or ``stretch``.
        channels: Of pictures: 1 for grey, 3 for RGB, 2 and 4 for the same with opacity; None for what the source has.
        alpha: Of pictures: transparency lies on ``white``, or ``keep`` it as a channel.
        rate: Of sound and films: samples or frames per second.
        length: Samples of a clip, symbols of a text, frames of a film, steps of a series.
        other: Data of a second side that is not aligned with the first; its main field is called ``other``.
        labels: The attribute that serves as label, or a CSV file with file names and labels; or a measure of the
            images, split in the middle (``thickness``) or into equal parts (``thickness:parts=3``).
        levels: The value that is white in pictures and arrays of more than 8 bits, e.g. 4095 of a 12-bit camera; None
            is 65535.
        offline: Never touch the network.
        cache: Folder for fetched files; None is $BELAMY_CACHE or the platform's cache.
        memory_budget: Bytes of pixels to keep in memory; a larger set is read from disk when needed.
        progress: Called with (done, total) while files are read.
        like: The main field of other data, whose vocabulary and length these are read with.

    Raises:
        UsageError: An unknown name, option or attribute, or a number out of range.
        DataError: A source that cannot be read.

    Example:
        >>> open_data("avatars-16")
        Dataset('avatars-16', 3000 images of 3x16x16)
    """
    options = LoadOptions(
        modality=modality,
        size=size,
        fit=fit,
        channels=channels,
        alpha=alpha,
        rate=rate,
        length=length,
        labels=labels,
        levels=levels,
        offline=offline,
        cache=cache,
        memory_budget=memory_budget,
        progress=progress,
        like=like,
    )
    measured = labels is not None and is_measured(labels)
    data = _opened(source, replace(options, labels=None) if measured else options)
    _check_kind(data, options)
    if other is not None:
        second = _opened(other, replace(options, labels=None))
        _check_kind(second, options)
        data = data.changed(sides={"other": second})
    if levels is not None and not any(LEVELS in note for note in data.notes):
        raise UsageError(
            f"{data.name} holds no whole numbers beyond 8 bits, so --levels {levels} changes nothing: omit it."
        )
    if labels is None or not measured:
        return data
    if labels in data.attributes or data.field.modality != "image":  # a column may be called like a measure of pictures
        return _opened(source, options).changed(sides=data.sides)
    return labelled(data, labels)


def faults(source: str | Path, **options: Any) -> dict[str, list[str]]:
    """What is wrong with the files of a source, by kind, in words; empty where its format looks for nothing.

    Args:
        source: As for :func:`open_data`, which has opened it.
        options: Likewise.
    """
    text, asked = os.fspath(source), LoadOptions(**{name: value for name, value in options.items() if name != "other"})
    if not isinstance(source, Path) and text.partition(":")[0].replace("_", "-") in SOURCES.names():
        return {}
    if asked.pairs is not None and asked.kind is not None and asked.kind.name in FILMS:
        return {}  # what is wrong with films is told by the files that are left out
    path = Path(os.path.expanduser(text))
    look = getattr(_claimant(path, asked), "faults", None)
    found: dict[str, list[str]] = look(path, asked) if look else {}
    return found


def _check_kind(data: Dataset, options: LoadOptions) -> None:
    """Refuse data of another kind than was asked for, and options that belong to pictures where there are none."""
    held, kind = data.field.modality, options.kind
    if kind is not None and kind.name != held:
        raise UsageError(f"{data.name} holds data of the kind {held}, not {kind.name}. Leave --modality out.")
    if held not in ("image", "label_map") and (given := options.of_pictures()):
        raise UsageError(f"{data.name} is of the kind {held}, and {given[0]} belongs to pictures. Leave it out.")


def _opened(source: str | Path, options: LoadOptions) -> Dataset:
    text = os.fspath(source)
    if not isinstance(source, Path) and text.partition(":")[0].replace("_", "-") in SOURCES.names():
        named: Source = SOURCES.build(Part.parse(text))
        return named.open(options)
    path = Path(os.path.expanduser(text))
    if not text or not os.path.lexists(path):
        raise _unknown(text, path)
    pairs = options.pairs
    if pairs is not None and options.kind is not None and options.kind.name in FILMS and pairs.name not in FILM_PAIRS:
        raise UsageError(f"Pairs of films are pairs={' or pairs='.join(FILM_PAIRS)}, not pairs={pairs.name}.")
    layout: PairLayout | None = LAYOUTS.build(pairs) if pairs is not None else None
    return (layout or _claimant(path, options)).open(path, options)


def _claimant(path: Path, options: LoadOptions) -> Format:
    formats: list[Any] = [FORMATS.load(name)() for name in FORMATS.names()]
    if options.kind is not None:
        formats = [made for made in formats if options.kind.name in made.modalities]
        if not formats:
            raise UsageError(f"No data format holds {options.kind.name}. Leave --modality out.")
    try:
        claims = [(made.claim(path), made) for made in formats]
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from error
    strength, best = max(claims, key=lambda claim: (claim[0], "image" in claim[1].modalities))
    if not strength and options.kind is not None:
        raise DataError(
            f"{path} is not data of the kind {options.kind.name} that Belamy reads. To see what it is taken for, type: "
            f"belamy data {shlex.quote(str(path))}"
        )
    if not strength:
        raise DataError(
            f"{path} is not data that Belamy reads. It reads a folder or .zip of images, .npy and .npz arrays, IDX "
            "files and the binary version of CIFAR; for one picture, give the folder it lies in."
        )
    chosen: Format = best
    return chosen


def _unknown(text: str, path: Path) -> UsageError | DataError:
    if not text:
        return UsageError(f"The data source is empty. {nearest(text, SOURCES.names())}")
    if "/" in text or os.sep in text or path.suffix:
        return DataError(f"There is no file or folder {path}. {_neighbours(path)}")
    here = [entry.name for entry in _entries(Path()) if not entry.name.startswith(".")]
    known = [*SOURCES.names(), *here] if nearest(text, here).startswith("Did") else SOURCES.names()
    return UsageError(
        f"There is no data source '{text}', and no file or folder of that name here. {nearest(text, known)}"
    )


def _neighbours(path: Path) -> str:
    """What lies nearest to a path that does not exist, in the deepest of its folders that does."""
    missing = path
    while not os.path.isdir(missing.parent) and missing.parent != missing:
        missing = missing.parent
    suggestion = nearest(missing.name, [entry.name for entry in _entries(missing.parent)])
    if suggestion.startswith("Did"):
        return f"{suggestion[:-1]} in {missing.parent.absolute()}?"
    return f"{missing.parent.absolute()} exists, but holds no '{missing.name}'."


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []
