"""Pairs of picture files to one data set: both of a pair are brought to their size in the same way.

What cannot be paired, read, or has another size than its partner is left out, by name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any

import torch

from belamy.data.dataset import Column, Dataset, chosen_of
from belamy.data.files import Room, reasons
from belamy.data.gallery import Gallery, PictureEntry, attempt, open_gallery
from belamy.data.label_maps import open_label_maps
from belamy.data.layout import read_layout
from belamy.data.load_options import LoadOptions
from belamy.data.pictures import read_header, strict_pillow
from belamy.data.tables import Wanted
from belamy.errors import DataError, UsageError
from belamy.modalities.fields import Field

TARGET, INSTANCES = "target", "instances"
_WORKERS = 4


@dataclass(frozen=True)
class PairedFiles:
    """The files of pairs, by the name of the pair.

    Args:
        name: What the set is called.
        where: The path, for messages.
        inputs: Of each pair the input; what a pair is called says its split and its class.
        others: Of each pair the other files, by field: ``target``, and ``instances`` where there are such.
        files: What a file is called, by field and name of the pair; for messages.
        skipped: What could not be paired, and why.
        ignored: How many other files there are, by suffix.
        table: A CSV file of labels, and what is wanted of it.
        alike: Whether both of a pair have one size for sure.
    """

    name: str
    where: str
    inputs: Mapping[str, PictureEntry]
    others: Mapping[str, Mapping[str, PictureEntry]]
    skipped: Sequence[tuple[str, str]] = ()
    ignored: Counter[str] = field(default_factory=Counter)
    table: Wanted | None = None
    alike: bool = False


def two_names(given: str, wanted: str, what: str) -> tuple[str, str]:
    """The names of both sides of pairs, which are two.

    Args:
        given: The input.
        wanted: The target.
        what: What the names are of: ``folder``, ``array`` or ``column``.

    Raises:
        UsageError: They are one.
    """
    if given == wanted:
        raise UsageError(f"input and target are both the {what} '{given}', but they must be two.")
    return given, wanted


def paired(
    inputs: Mapping[str, Any], others: Mapping[str, Any], folders: tuple[str, str]
) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """The names on both sides that belong together, whatever their suffixes; and files that have no partner, or two.

    Args:
        inputs: Files of one side by their names; each has a ``name`` of its own for messages.
        others: Of the other side.
        folders: What the sides are called in messages.
    """
    skipped: list[tuple[str, str]] = []
    stems = []
    for side in (inputs, others):
        known: dict[str, list[str]] = {}
        for name in side:
            known.setdefault(str(PurePosixPath(name).with_suffix("")), []).append(name)
        for names in (names for names in known.values() if len(names) > 1):
            listed = " and ".join(side[name].name for name in names)
            skipped += [(side[name].name, f"{listed} have one name, so its partner is not known") for name in names]
        stems.append(known)
    own, foreign = stems
    for mine, theirs, side, folder in ((own, foreign, inputs, folders[1]), (foreign, own, others, folders[0])):
        skipped += [
            (side[names[0]].name, f"there is no file of that name in {folder}")
            for stem, names in mine.items()
            if stem not in theirs and len(names) == 1
        ]
    kept = [stem for stem, names in stems[0].items() if len(names) == len(stems[1].get(stem, ())) == 1]
    return [(stems[0][stem][0], stems[1][stem][0]) for stem in kept], skipped


def open_pairs(files: PairedFiles, options: LoadOptions) -> Dataset:
    """The pairs that can be read; labels and splits as their names, or the table, say.

    Raises:
        DataError: There are none, or only one.
    """
    if not files.inputs:
        raise DataError(f"{files.where} holds no pairs.{_reasons(files.skipped)}")
    kind = "image" if options.kind is None else options.kind.name
    shared = options.side
    names, skipped = list(files.inputs), list(files.skipped)
    if not files.alike:
        names, differing = _of_one_size(files, options)
        skipped += differing
        if not names:
            raise DataError(f"{files.where} holds no pair of which both pictures have one size.{_reasons(skipped)}")
    target = _gallery(files, files.others[TARGET], names, shared, None)
    height, width = target.shape[1:]
    fitted = replace(shared, size=(height, width))
    known = set(target.names or ())
    names = [name for name in names if name in known]
    if kind == "label_map":
        data = _label_maps(files, names, (height, width), options)
    else:
        data = _gallery(files, files.inputs, names, replace(fitted, labels=options.labels), files.table)
    actual = {name: entry.name for name, entry in files.inputs.items()}
    extra = {TARGET: _chosen(target, data.names or ()), **data.extra}
    lost = [(files.others[TARGET].get(name, files.inputs[name]).name, why) for name, why in target.skipped]
    lost += [(actual.get(name, name), why) for name, why in data.skipped]
    notes = [*data.notes, *(f"target: {note}" for note in target.notes if note not in data.notes)]
    return data.changed(
        extra=extra, skipped=sorted({*skipped, *lost}), notes=notes, names=[actual[name] for name in data.names or ()]
    )


def _gallery(
    files: PairedFiles, entries: Mapping[str, PictureEntry], names: Sequence[str], options: LoadOptions,
    table: Wanted | None,
) -> Dataset:  # fmt: skip
    """One side as pictures, each called like its pair."""
    named = [replace(entries[name], name=name) for name in names]
    return open_gallery(Gallery(files.name, files.where, named, files.ignored, table), options)


def _label_maps(files: PairedFiles, names: Sequence[str], size: tuple[int, int], options: LoadOptions) -> Dataset:
    """The inputs, and the instances where there are such, as label maps."""
    unknown = options.reader("label_map").unknown
    given: dict[str, Any] = {"size": size, "how": options.fit, "budget": options.memory_budget}
    found = open_label_maps([replace(files.inputs[name], name=name) for name in names], unknown=unknown, **given)
    skipped, kept = list(found.skipped), found.names
    extra = {}
    if INSTANCES in files.others:
        entries = [replace(files.others[INSTANCES][name], name=name) for name in kept]
        instances = open_label_maps(entries, unknown=-1, **given)
        skipped += [(files.others[INSTANCES][name].name, why) for name, why in instances.skipped]
        kept = instances.names
        extra[INSTANCES] = Column(Field("label_map", instances.store.shape), instances.store)
    if len(kept) < 2:
        raise DataError(f"{files.where} holds too few label maps that can be read: {len(kept)}.{_reasons(skipped)}")
    place = {name: index for index, name in enumerate(found.names)}
    store = chosen_of(found.store, torch.tensor([place[name] for name in kept]))
    layout = read_layout(kept)
    return Dataset(
        files.name, store, field=Field("label_map", store.shape, found.classes), extra=extra, official=layout.official,
        skipped=skipped, names=kept, notes=found.notes,
    )  # fmt: skip


def _of_one_size(files: PairedFiles, options: LoadOptions) -> tuple[list[str], list[tuple[str, str]]]:
    """The pairs whose files all have one size, and the others; what cannot be read is found later, by name."""
    room = Room(options.memory_budget)
    sides = [files.inputs, *files.others.values()]
    found: list[list[str]] = []
    with strict_pillow(), ThreadPoolExecutor(_WORKERS) as pool:
        for side in sides:
            headers = pool.map(lambda entry: attempt(read_header, entry, room), [side[name] for name in files.inputs])
            found.append([f"{getattr(each, 'width', 0)}x{getattr(each, 'height', 0)}" for each in headers])
    kept, skipped = [], []
    for name, *sizes in zip(files.inputs, *found, strict=True):
        others = [index for index, size in enumerate(sizes) if size not in (sizes[0], "0x0") and sizes[0] != "0x0"]
        if not others:
            kept.append(name)
            continue
        other = sides[others[0]][name].name
        skipped.append((other, f"its size {sizes[others[0]]} differs from {sizes[0]} of {files.inputs[name].name}"))
    return kept, skipped


def _chosen(side: Dataset, names: Sequence[str]) -> Column:
    place = {name: index for index, name in enumerate(side.names or ())}
    chosen = torch.tensor([place[name] for name in names])
    whole = len(names) == len(side) and torch.equal(chosen, torch.arange(len(side)))
    return Column(side.field, side.store if whole else chosen_of(side.store, chosen))


def _reasons(skipped: Sequence[tuple[str, str]]) -> str:
    return f" {reasons(skipped)}." if skipped else ""
