"""Classes from a measure: low and high, or as many parts as are asked for."""

from __future__ import annotations

import torch
from torch import Tensor

from belamy.data.assembly import class_names, number_of_parts, split
from belamy.data.dataset import Dataset
from belamy.data.measures import MEASURES, Measure
from belamy.registry import Part

PARTS = "parts"
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
    count = number_of_parts(part.options.get(PARTS, "2"))
    bare = Part(name=part.name, **{key: value for key, value in part.options.items() if key != PARTS})
    values = measured(data, str(bare))
    attribute = split(values, data.indices("train"), class_names(MEASURES.build(bare).words, count), part.name)
    return data.changed(
        labels=attribute.codes,
        classes=attribute.values,
        attributes={**data.attributes, part.name: attribute},
        notes=[*data.notes, f"labels are {name}, measured on the images"],
    )
