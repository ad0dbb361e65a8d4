"""Classes from a measure: low and high, or as many parts as are asked for."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from belamy.data.dataset import Attribute, Dataset
from belamy.data.measures import MEASURES, Measure
from belamy.errors import DataError, UsageError
from belamy.registry import Part

PARTS = "parts"
MOST_PARTS = 100
CHUNK = 4096


def is_measured(name: str) -> bool:
    """Whether labels of this name, perhaps with options, are measured on the images."""
    return name.partition(":")[0].replace("_", "-") in MEASURES.names()


def measured(data: Dataset, name: str) -> Tensor:
    """The measure of every image.  # [N] float64

    Args:
        data: The images.
        name: A measure with its options, e.g. ``colour:kind=hue``.
    """
    measure: Measure = MEASURES.build(Part.parse(name))
    return torch.cat([measure(images) for images in data.chunks(CHUNK)])


def labelled(data: Dataset, name: str) -> Dataset:
    """The same images with a measure as label, split where equal parts of the training images fall.

    Args:
        data: The images.
        name: A measure with its options and ``parts``, two by default, e.g. ``thickness:parts=3``.

    Raises:
        UsageError: ``parts`` is no number from 2 to 100.
        DataError: The images do not differ enough.

    Example:
        >>> from belamy.data import open_data
        >>> open_data("mnist", labels="thickness").classes
        ('thin', 'thick')
    """
    part = Part.parse(name)
    count = _parts(part.options.get(PARTS, "2"))
    bare = Part(name=part.name, **{key: value for key, value in part.options.items() if key != PARTS})
    values = measured(data, str(bare))
    attribute = split(values, data.indices("train"), class_names(MEASURES.build(bare).words, count), part.name)
    return Dataset(
        data.name,
        data.pixels,
        labels=attribute.codes,
        classes=attribute.values,
        attributes={**data.attributes, part.name: attribute},
        official=data.splits,
        rule=data.rule,
        licence=data.licence,
        skipped=data.skipped,
        names=data.names,
        notes=[*data.notes, f"labels are {name}, measured on the images"],
        origin=data.origin,
    )


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


def _parts(given: str) -> int:
    if not given.isdecimal() or not 2 <= int(given) <= MOST_PARTS:
        raise UsageError(f"parts is {given}, but it must be a number in 2..{MOST_PARTS}.")
    return int(given)
