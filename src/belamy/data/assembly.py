"""From raw arrays to a ``Dataset``: shape, colour, memory or computed on demand, labels by name."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from belamy.data.dataset import Attribute, Computed, Dataset, Memory, Origin, Pixels
from belamy.data.fitting import fit, recolour
from belamy.data.load_options import LoadOptions
from belamy.data.measures import MEASURES
from belamy.errors import UsageError, nearest

YES_NO = ("no", "yes")
_BINARY = ({"0", "1"}, {"-1", "1"}, {"False", "True"})
_CHUNK = 4096
_WHOLE = re.compile(r"-?[0-9]{1,15}")


@dataclass(frozen=True, kw_only=True)
class Raw:
    """What a source knows about its images before they are fitted.

    Args:
        name: What the set is called.
        labels: Class of each image, if the source has a natural one.  # [N] long
        classes: Names of the classes.
        attributes: What else is known, by name.
        official: Splits that the source comes with.
        licence: The licence of the data.
        notes: How values were mapped.
    """

    name: str
    labels: Tensor | None = None
    classes: Sequence[str] = ()
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    official: Mapping[str, Tensor] | None = None
    licence: str = "not stated"
    notes: Sequence[str] = ()


def assemble(images: Tensor, raw: Raw, options: LoadOptions) -> Dataset:
    """A data set from uint8 images in memory.  # [N, C, H, W]"""
    memory = Memory(images)
    if final_shape(memory.shape, options) == memory.shape:
        return finish(memory, raw, options, _origin(memory))
    return assemble_rows(memory, raw, options)


def assemble_rows(rows: Pixels, raw: Raw, options: LoadOptions) -> Dataset:
    """A data set from images that are fitted in memory, if they are few enough, or else when asked for."""
    final = final_shape(rows.shape, options)

    def shaped(indices: Tensor) -> Tensor:
        return recolour(fit(rows.read(indices), options.size, options.fit), options.channels)

    pixels: Pixels
    if len(rows) * math.prod(final) <= options.memory_budget:
        pixels = Memory(_filled(shaped, len(rows), final, options))
    else:
        pixels = Computed(shaped, len(rows), final, rows.feed, rows.identity)
    return finish(pixels, raw, options, _origin(rows))


def final_shape(shape: tuple[int, int, int], options: LoadOptions) -> tuple[int, int, int]:
    """The shape that the request makes of images of ``shape``, (C, H, W) both."""
    channels, height, width = shape
    return options.channels or channels, options.size or height, options.size or width


def finish(pixels: Pixels, raw: Raw, options: LoadOptions, origin: Origin, **more: Any) -> Dataset:
    """A data set with the labels that the request names."""
    labels, classes = chosen_labels(raw, options.labels)
    return Dataset(
        raw.name,
        pixels,
        labels=labels,
        classes=classes,
        attributes=raw.attributes,
        official=raw.official,
        licence=raw.licence,
        notes=raw.notes,
        origin=origin,
        **more,
    )


def chosen_labels(raw: Raw, wanted: str | None) -> tuple[Tensor | None, Sequence[str]]:
    """The labels of the attribute named, or the source's own.

    Raises:
        UsageError: There is no such attribute.
    """
    if wanted is None:
        return raw.labels, raw.classes
    if wanted not in raw.attributes:
        known = [*raw.attributes, *MEASURES.names()]
        raise UsageError(f"{raw.name} has no attribute '{wanted}', nor is it measured. {nearest(wanted, known)}")
    return raw.attributes[wanted].codes, raw.attributes[wanted].values


def categories(values: np.ndarray | Sequence[str]) -> Attribute:
    """One value per image as codes; the values are sorted, and as numbers when all are whole numbers.

    Example:
        >>> categories(["10", "9", "10"])
        Attribute(values=('9', '10'), codes=tensor([1, 0, 1]))
    """
    array = np.asarray(values)
    if array.dtype.kind in "US" and all(_WHOLE.fullmatch(text) for text in np.unique(array).tolist()):
        array = array.astype(np.int64)
    kinds, codes = np.unique(array, return_inverse=True)
    names = tuple(str(kind) for kind in kinds.tolist())
    return Attribute(names, torch.from_numpy(codes.reshape(-1).astype(np.int64)))


def attribute(values: np.ndarray | Sequence[str]) -> Attribute:
    """Categories of which 0 and 1 (or -1 and 1, False and True) are called no and yes.

    Example:
        >>> attribute(np.array([1, -1]))
        Attribute(values=('no', 'yes'), codes=tensor([1, 0]))
    """
    found = categories(values)
    return Attribute(YES_NO, found.codes) if set(found.values) in _BINARY else found


def _filled(
    shaped: Callable[[Tensor], Tensor], count: int, final: tuple[int, int, int], options: LoadOptions
) -> Tensor:
    made = torch.empty((count, *final), dtype=torch.uint8)
    for indices in torch.arange(count).split(_CHUNK):
        made[indices[0] : indices[-1] + 1] = shaped(indices)
        if options.progress is not None:
            options.progress(int(indices[-1]) + 1, count)
    return made


def _origin(rows: Pixels) -> Origin:
    channels, height, width = rows.shape
    mode = {1: "grey", 3: "RGB"}.get(channels, f"{channels} channels")
    return Origin({f"{width}x{height}": len(rows)}, {f"8-bit {mode}": len(rows)})
