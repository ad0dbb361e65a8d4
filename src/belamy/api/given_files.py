"""Files that are given to a trained method, and what of them the result keeps: opacity, depth and greyness."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from torch import Tensor

from belamy.data.files import opened, reasons
from belamy.data.one_file import NamedFile, files_in, has_opacity, is_grey, read_sample
from belamy.data.pictures import read_header, strict_pillow
from belamy.errors import DataError, Unreadable, UsageError
from belamy.modalities import modality
from belamy.modalities.depth import DTYPES
from belamy.modalities.fields import Field
from belamy.modalities.sizes import NATIVE, Size, SizeOption, parse_size

COLOURS = (1, 3)
"""Channels of pictures without opacity."""
_DEEP = 16


@dataclass(frozen=True)
class Given:
    """An input as it was read, and its target.

    Args:
        name: Of the file.
        raw: What the method is given, as files hold it.
        wanted: What it should become, where that is known.
        opacity: That the result keeps, where the method itself takes none.  # [1, H, W]
        grey: Whether a picture without colours was read as one with them.
    """

    name: str
    raw: Tensor
    wanted: Tensor | None = None
    opacity: Tensor | None = None
    grey: bool = False


class Reading(NamedTuple):
    """How inputs are read.

    Args:
        source: What is given.
        target: What is made.
        size: To bring pictures to.
        fit: How they take it.
        unknown: In label maps, the value of pixels whose class is not known; -1 for none.
        through: Whether opacity is given to the method too.
        apart: Whether opacity is kept beside it.
    """

    source: Field
    target: Field
    size: SizeOption
    fit: str
    unknown: int
    through: bool
    apart: bool


def own_field(field: Field, raw: Tensor) -> Field:
    """A field in the shape and the depth of one sample."""
    bits = next((bits for bits, dtype in DTYPES.items() if dtype == raw.dtype), field.bits)
    return field._replace(shape=tuple(raw.shape), bits=bits if field.modality == "image" else field.bits)


def read_inputs(
    inputs: Sequence[str], targets: str | Path | None, how: Reading
) -> tuple[list[Given], list[tuple[str, str]], list[str]]:
    """Each file that can be read, with its target; the others, and notes.

    Raises:
        DataError: None can be read.
        UsageError: None of the targets is of these.
    """
    sides = parse_size(how.size)
    files = [each for given in inputs for each in files_in(given, how.source)]
    partners = _partners(files, [] if targets is None else files_in(str(targets), how.target))
    if targets is not None and not partners:
        raise UsageError(
            f"{targets} holds no target named as {files[0].name}. Name targets as their inputs, or leave --targets out."
        )
    found: list[Given] = []
    skipped: list[tuple[str, str]] = []
    coloured = 0
    for file in files:
        try:
            found.append(_read(file, partners.get(file.path), how, None if sides in (None, NATIVE) else sides, skipped))  # type: ignore[arg-type]
        except Unreadable as error:
            skipped.append((file.name, str(error)))
            continue
        if targets is not None and file.path not in partners:
            skipped.append((file.name, f"there is no target of that name in {targets}"))
        coloured += how.source.modality == "image" and how.source.shape[0] <= 2 and not is_grey(file.path)
    if not found:
        word = modality(how.source.modality).words[0]
        hint = " `belamy enhance` takes sounds of any length." if word == "sound" else ""
        raise DataError(f"None of the {len(files):,} file(s) can be read as {word}: {reasons(skipped)}.{hint}")
    notes = [f"{coloured:,} picture(s) in colour became grey, as this run's inputs are"] if coloured else []
    return found, skipped, notes


def _read(
    file: NamedFile, partner: NamedFile | None, how: Reading, size: Size | None, skipped: list[tuple[str, str]]
) -> Given:
    """One file and its target, which may be left out."""
    pictures = how.source.modality == how.target.modality == "image"
    deep = pictures and how.source.bits == 8 and _is_deep(file.path)
    source, target = (each._replace(bits=_DEEP) if deep else each for each in (how.source, how.target))
    clear = (how.through or how.apart) and has_opacity(file.path)
    through = how.through and clear
    raw = read_sample(file.path, _deeper(source, through), size, how.fit, how.unknown)
    opacity = None
    if clear and not through:
        opacity = read_sample(file.path, _deeper(source, True), size, how.fit)[-1:]
    wanted = None
    if partner is not None:
        try:
            enlarged = _enlarged(size, how.source, how.target)
            wanted = read_sample(partner.path, _deeper(target, through), enlarged, how.fit)
        except Unreadable as error:
            skipped.append((partner.name, str(error)))
    return Given(file.name, raw, wanted, opacity, pictures and source.shape[0] > 2 and is_grey(file.path))


def _is_deep(path: Path) -> bool:
    """Whether a picture file holds more than 8 bits of a colour; what is no picture does not."""
    try:
        with strict_pillow(), opened(path) as file:
            header = read_header(file)
            return header.deep or header.mode.startswith("I")
    except (Unreadable, OSError):
        return False


def _deeper(field: Field, opacity: bool) -> Field:
    """A field of pictures with one channel more, if they are read with their opacity."""
    channels, *sides = field.shape
    return field._replace(shape=(channels + 1, *sides)) if opacity else field


def _enlarged(size: Size | None, source: Field, target: Field) -> Size | None:
    """The size of targets where inputs are brought to one: as much larger as the run's targets are."""
    if size is None or source.modality != target.modality:
        return size
    height, width = (
        side * of_target // of_source
        for side, of_source, of_target in zip(size, source.shape[-2:], target.shape[-2:], strict=True)
    )
    return height, width


def _partners(files: Sequence[NamedFile], others: Sequence[NamedFile]) -> dict[Path, NamedFile]:
    """The target of each input: the one where there is one of each, else that of the same name but for its suffix."""
    if len(files) == len(others) == 1:
        return {files[0].path: others[0]}
    known = {PurePosixPath(other.name).with_suffix(""): other for other in others}
    named = {file.path: known.get(PurePosixPath(file.name).with_suffix("")) for file in files}
    return {path: other for path, other in named.items() if other is not None}
