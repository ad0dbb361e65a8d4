"""From raw arrays to a ``Dataset``: shape, colour, memory or computed on demand, labels by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from belamy.data.dataset import Attribute, Computed, Dataset, Memory, Origin, Pixels
from belamy.data.fitting import fit, recolour
from belamy.data.request import Request
from belamy.errors import UsageError, nearest

YES_NO = ("no", "yes")


@dataclass(frozen=True, kw_only=True)
class Raw:
    """What a source knows about its images before they are fitted.

    Args:
        name: What the set is called.
        labels: Class of each image, if the source has a natural one.  # [N] long
        classes: Names of the classes.
        attributes: What else is known, by name.
        official: Splits that the source comes with.
        licence: Who allows what.
        notes: How values were mapped.
    """

    name: str
    labels: Tensor | None = None
    classes: Sequence[str] = ()
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    official: Mapping[str, Tensor] | None = None
    licence: str = "not stated"
    notes: Sequence[str] = ()


def assemble(images: Tensor, raw: Raw, request: Request) -> Dataset:
    """A data set from uint8 images in memory.  # [N, C, H, W]"""
    count, channels, height, width = images.shape
    final = (request.channels or channels, request.size or height, request.size or width)

    def shaped(part: Tensor) -> Tensor:
        return recolour(fit(part, request.size, request.fit), request.channels)

    pixels: Pixels
    if final == (channels, height, width):
        pixels = Memory(images)
    elif count * final[0] * final[1] * final[2] <= request.memory_budget:
        pixels = Memory(_in_parts(shaped, images, final))
    else:
        memory = Memory(images)
        pixels = Computed(lambda indices: shaped(memory.read(indices)), count, final, memory.feed, "pixels before fitting")
    return finish(pixels, raw, request, Origin({f"{width}x{height}": count}, {f"uint8, {channels} channel(s)": count}))


def finish(pixels: Pixels, raw: Raw, request: Request, origin: Origin, **more: Any) -> Dataset:
    """A data set with the labels that the request names."""
    labels, classes = chosen_labels(raw, request.labels)
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
        if not raw.attributes:
            raise UsageError(f"{raw.name} has no attributes to take as labels, so leave out --labels {wanted}.")
        raise UsageError(f"{raw.name} has no attribute '{wanted}'. {nearest(wanted, raw.attributes)}")
    return raw.attributes[wanted].codes, raw.attributes[wanted].values


def attribute(values: np.ndarray) -> Attribute:
    """An attribute from one value per image: 0/1 become no/yes, other values stand for themselves, sorted.

    Example:
        >>> attribute(np.array(["red", "blue", "red"]))
        Attribute(values=('blue', 'red'), codes=tensor([1, 0, 1]))
    """
    kinds, codes = np.unique(values, return_inverse=True)
    names = tuple(str(kind) for kind in kinds.tolist())
    if set(names) <= {"0", "1", "False", "True"}:
        return Attribute(YES_NO, torch.from_numpy(values.astype(np.int64)))
    return Attribute(names, torch.from_numpy(codes.astype(np.int64)))


def _in_parts(shaped: Any, images: Tensor, final: tuple[int, int, int]) -> Tensor:
    made = torch.empty((len(images), *final), dtype=torch.uint8)
    for start in range(0, len(images), 4096):
        made[start : start + 4096] = shaped(images[start : start + 4096])
    return made
