"""From raw arrays to a ``Dataset``: shape, colour, memory or computed on demand, labels by name."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from belamy.data.arrays import Joined, steps
from belamy.data.dataset import Attribute, Computed, Dataset, Memory, Origin, SampleStore
from belamy.data.fitting import fit
from belamy.data.load_options import LoadOptions, check_opacity
from belamy.data.measures import MEASURES
from belamy.errors import DataError, UsageError, nearest
from belamy.modalities.colours import recolour
from belamy.modalities.depth import DTYPES
from belamy.modalities.fields import Field

YES_NO = ("no", "yes")
_BINARY = ({"0", "1"}, {"-1", "1"}, {"False", "True"})
_WHOLE = re.compile(r"-?[0-9]{1,15}")
_NUMBER = re.compile(r"[-+]?([0-9]+[.]?[0-9]*|[.][0-9]+)(e[-+]?[0-9]{1,2})?", re.IGNORECASE)
MOST_NUMBERS = 20
"""More different numbers than these, with few images to each, are a measurement."""
MOST_PARTS = 100


@dataclass(frozen=True, kw_only=True)
class Raw:
    """What a source knows about its images before they are fitted.

    Args:
        name: What the set is called.
        label: The class of each image, if the source has a natural one.
        attributes: What else is known, by name.
        official: Splits that the source comes with.
        licence: The licence of the data.
        notes: How values were mapped.
        skipped: Files that could not be read, with the reason.
        names: The file of each image, where each has one.
    """

    name: str
    label: Attribute | None = None
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    official: Mapping[str, Tensor] | None = None
    licence: str = "not stated"
    notes: Sequence[str] = ()
    skipped: Sequence[tuple[str, str]] = ()
    names: Sequence[str] | None = None

    def dataset(self, store: SampleStore, kind: Field, **more: Any) -> Dataset:
        """The data set of samples that are as they are to be, with the source's own label."""
        return Dataset(
            self.name, store, field=kind, labels=self.label.codes if self.label else None,
            classes=self.label.values if self.label else (), attributes=self.attributes, official=self.official,
            licence=self.licence, notes=self.notes, skipped=self.skipped, names=self.names, **more,
        )  # fmt: skip


def assemble(images: Tensor, raw: Raw, options: LoadOptions) -> Dataset:
    """A data set from uint8 images in memory.  # [N, C, H, W]"""
    memory = Memory(images)
    if final_shape(memory.shape, raw.name, options) == memory.shape:
        return finish(memory, raw, options, _origin(memory))
    return assemble_rows(memory, raw, options)


def assemble_rows(rows: SampleStore, raw: Raw, options: LoadOptions) -> Dataset:
    """A data set from images that are fitted in memory, if they are few enough, or else when asked for."""
    opacity, bits = (rows.opacity, rows.bits) if isinstance(rows, Joined) else (False, 8)
    final = final_shape(rows.shape, raw.name, options, opacity)
    size = len(rows) * math.prod(final) * bits // 8

    def shaped(indices: Tensor) -> Tensor:
        return recolour(fit(rows.read(indices), options.sides, options.fit, opacity), options.channels)

    pixels: SampleStore
    if size <= options.memory_budget:
        pixels = Memory(_filled(shaped, len(rows), rows.shape, final, bits, options))
    elif isinstance(rows, Joined) and rows.advice:
        raise DataError(
            f"{raw.name} makes {size:,} bytes of images, more than the memory budget of {options.memory_budget:,}, and "
            f"is packed. {rows.advice}"
        )
    else:
        pixels = Computed(shaped, len(rows), final, rows.feed, rows.identity)
    return finish(pixels, raw, options, _origin(rows, bits), bits)


def final_shape(shape: tuple[int, ...], name: str, options: LoadOptions, opacity: bool = False) -> tuple[int, ...]:
    """The shape that the request makes of images of ``shape``, (C, H, W) both.

    Args:
        shape: Theirs.
        name: Of the set, for the message.
        options: The request.
        opacity: Whether their last channel is opacity.

    Raises:
        UsageError: Other channels are asked for than can be made of theirs.
    """
    channels, height, width = shape
    wanted = options.channels or channels
    if wanted != channels and not ((channels in (1, 3) or opacity) and wanted in (1, 2, 3, 4)):
        have = f"{channels} channels, which are no grey or RGB" if channels not in (1, 3) else f"{channels} channel(s)"
        raise UsageError(f"{name} has {have}, so --channels {wanted} cannot be made of them. Leave --channels out.")
    if wanted != channels:
        check_opacity(wanted, options)
    return wanted, *(options.sides or (height, width))


def finish(pixels: SampleStore, raw: Raw, options: LoadOptions, origin: Origin, bits: int = 8) -> Dataset:
    """A data set with the labels that the request names."""
    labelled = replace(raw, label=chosen_label(raw, options.labels))
    return labelled.dataset(pixels, Field("image", pixels.shape, bits=bits), origin=origin)


def chosen_label(raw: Raw, wanted: str | None) -> Attribute | None:
    """The attribute named, or the source's own label.

    Raises:
        UsageError: There is no such attribute.
    """
    if wanted is None:
        return raw.label
    if wanted not in raw.attributes:
        known = [*raw.attributes, *MEASURES.names()]
        raise UsageError(f"{raw.name} has no attribute '{wanted}', nor is it measured. {nearest(wanted, known)}")
    return raw.attributes[wanted]


def official(training: int, total: int) -> dict[str, Tensor] | None:
    """Splits of images of which the first are to train on and the rest to test; None where one of the two is empty."""
    if not 0 < training < total:
        return None
    return {"train": torch.arange(training), "test": torch.arange(training, total)}


def categories(values: np.ndarray | Sequence[str]) -> Attribute:
    """One value per image as codes; the values are sorted, and as numbers when all are numbers.

    Example:
        >>> categories(["10", "9", "10"])
        Attribute(values=('9', '10'), codes=tensor([1, 0, 1]))
    """
    array = np.asarray(values)
    texts = array.dtype.kind in "US"
    if texts and all(_WHOLE.fullmatch(text) for text in np.unique(array).tolist()):
        array, texts = array.astype(np.int64), False
    kinds, codes = np.unique(array, return_inverse=True)
    if texts and all(_NUMBER.fullmatch(text) for text in kinds.tolist()):
        order = np.argsort(kinds.astype(np.float64), kind="stable")
        kinds, codes = kinds[order], np.argsort(order)[codes]
    names = tuple(str(kind) for kind in kinds.tolist())
    return Attribute(names, torch.from_numpy(codes.reshape(-1).astype(np.int64)))


def measurement(values: np.ndarray | Sequence[str], what: str, parts: int | None = None) -> Attribute | None:
    """A column of many different numbers as parts of equal size; None where its values are classes.

    Many are more than 20, with decimals or on average fewer than five images to a number.

    Args:
        values: One for each image.
        what: What they are called, for messages.
        parts: How many parts; by default two, of what is a measurement.

    Raises:
        DataError: Parts are asked for, but the values are no numbers, or too few.
    """
    kinds = set(np.asarray(values).tolist())
    texts = {str(kind) for kind in kinds}
    numeric = all(_NUMBER.fullmatch(text) for text in texts)
    decimal = not all(_WHOLE.fullmatch(text) for text in texts)
    many = len(texts) > MOST_NUMBERS and (decimal or 5 * len(texts) > len(values))
    if parts is None and not (numeric and many):
        return None
    if not numeric:
        odd = next(text for text in sorted(texts) if not _NUMBER.fullmatch(text))
        raise DataError(f"The values of {what} are no numbers ('{odd}'), so there are no parts. Leave parts out.")
    numbers = torch.from_numpy(np.asarray(values).astype(np.float64))
    try:
        return split(numbers, torch.arange(len(numbers)), class_names(("low", "high"), parts or 2), what)
    except DataError:
        if parts is None:  # nearly all are one number
            return None
        raise


def attribute(values: np.ndarray | Sequence[str]) -> Attribute:
    """Categories of which 0 and 1 (or -1 and 1, False and True) are called no and yes.

    Example:
        >>> attribute(np.array([1, -1]))
        Attribute(values=('no', 'yes'), codes=tensor([1, 0]))
    """
    found = categories(values)
    return Attribute(YES_NO, found.codes) if set(found.values) in _BINARY else found


def split(values: Tensor, reference: Tensor, names: Sequence[str], what: str) -> Attribute:
    """Values as parts that hold equally many of the reference images, as far as ties allow.

    Args:
        values: ``[N]``.
        reference: Indices of the images that decide where to cut.
        names: Of the parts, from low to high.
        what: The measure, for the message.

    Raises:
        DataError: A part would be empty.
    """
    ordered = values[reference].sort().values
    places = [len(ordered) * number // len(names) for number in range(1, len(names))]
    cuts = ordered[[max(place - 1, 0) for place in places]]
    codes = torch.bucketize(values, cuts)  # at or below a cut is the lower part
    if len(codes[reference].unique()) < len(names) == 2:
        codes = (values >= ordered[places[0]]).long()
    if len(codes[reference].unique()) < len(names):
        raise DataError(
            f"The {what} of these images takes too few values for {len(names)} parts: {ordered[0]:g} to "
            f"{ordered[-1]:g}, {len(ordered.unique())} different. Type fewer parts, or another measure."
        )
    return Attribute(tuple(names), codes)


def class_names(words: tuple[str, str], count: int) -> tuple[str, ...]:
    """The names of the parts: of two, the measure's words; of three, ``middle`` between them; of more, with numbers.

    Example:
        >>> class_names(("thin", "thick"), 3), class_names(("thin", "thick"), 4)
        (('thin', 'middle', 'thick'), ('thin', 'part 2', 'part 3', 'thick'))
    """
    between = ("middle",) if count == 3 else tuple(f"part {number}" for number in range(2, count))
    return (words[0], *between, words[1])


def number_of_parts(given: str) -> int:
    """What ``parts=`` says.

    Raises:
        UsageError: It is no number from 2 to 100.
    """
    if not given.isdecimal() or not 2 <= int(given) <= MOST_PARTS:
        raise UsageError(f"parts is {given}, but it must be a number in 2..{MOST_PARTS}.")
    return int(given)


def _filled(
    shaped: Callable[[Tensor], Tensor],
    count: int,
    shape: tuple[int, ...],
    final: tuple[int, ...],
    bits: int,
    options: LoadOptions,
) -> Tensor:
    made = torch.empty((count, *final), dtype=DTYPES[bits])
    # At most 64-bit values, and as much again while they are converted.
    for indices in torch.arange(count).split(steps(16 * math.prod(shape))):
        made[indices[0] : indices[-1] + 1] = shaped(indices)
        if options.progress is not None:
            options.progress(int(indices[-1]) + 1, count)
    return made


def _origin(rows: SampleStore, bits: int = 8) -> Origin:
    channels, height, width = rows.shape
    mode = {1: "grey", 3: "RGB"}.get(channels, f"{channels} channels")
    return Origin({f"{width}x{height}": len(rows)}, {f"{bits}-bit {mode}": len(rows)})
