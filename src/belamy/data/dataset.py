"""A data set: pixels, labels, splits and the facts that identify them.

Pixels are uint8 throughout. A set that fits the memory budget is one tensor; a larger one is read from disk when it is
asked for, behind the same interface.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

import torch
from torch import Tensor

from belamy.data.files import STEP, visible
from belamy.errors import UsageError, nearest
from belamy.seeds import generator

HOLD_OUT = 0.1
"""Share of the images held out as ``test`` where no official test split exists."""

HOLD_OUT_FROM = 20
"""Fewer images than this are all trained on."""


Feed = Callable[[Callable[[Any], None]], None]


class Pixels(Protocol):
    """A source of pixels."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of every image."""

    @property
    def streams(self) -> bool:
        """True when reading goes to disk or computes, False when it only copies memory."""

    @property
    def identity(self) -> str:
        """Description of what ``feed`` hashes."""

    def __len__(self) -> int: ...

    def read(self, indices: Tensor) -> Tensor:
        """The uint8 images at ``indices``.  # [n, C, H, W]"""

    def feed(self, update: Callable[[Any], None]) -> None:
        """Hand what identifies the pixels to a hash."""


class Memory:
    """All pixels as one uint8 tensor.  # [N, C, H, W]"""

    streams = False
    identity = "pixels and labels"

    def __init__(self, images: Tensor) -> None:
        self.tensor = images.contiguous()

    @property
    def shape(self) -> tuple[int, int, int]:
        channels, height, width = self.tensor.shape[1:]
        return channels, height, width

    def __len__(self) -> int:
        return len(self.tensor)

    def read(self, indices: Tensor) -> Tensor:
        return self.tensor.index_select(0, indices)

    def feed(self, update: Callable[[Any], None]) -> None:
        update(self.tensor.numpy())


class Computed:
    """Pixels that a function makes when they are asked for: rows of a mapped file, or enlarged copies.

    Args:
        read: Indices to uint8 images.
        count: How many images there are.
        shape: (C, H, W).
        feed: Hands what identifies the pixels to a hash; the files' names, sizes and times do without reading them.
        identity: What ``feed`` hashes, in words.
    """

    streams = True

    def __init__(
        self,
        read: Callable[[Tensor], Tensor],
        count: int,
        shape: tuple[int, int, int],
        feed: Feed,
        identity: str = "file names, sizes and times, and labels",
    ) -> None:
        self.read, self.shape, self.feed, self.identity = read, shape, feed, identity
        self._count = count

    def __len__(self) -> int:
        return self._count


class Chosen:
    """Some of the images of other pixels.

    Args:
        pixels: Where all of them are.
        chosen: Which are wanted.  # [n] long
    """

    def __init__(self, pixels: Pixels, chosen: Tensor) -> None:
        self._pixels, self._chosen = pixels, chosen
        self.shape, self.streams, self.identity = pixels.shape, pixels.streams, pixels.identity

    def __len__(self) -> int:
        return len(self._chosen)

    def read(self, indices: Tensor) -> Tensor:
        return self._pixels.read(self._chosen[indices])

    def feed(self, update: Callable[[Any], None]) -> None:
        self._pixels.feed(update)
        update(self._chosen.numpy().tobytes())


@dataclass(frozen=True)
class Attribute:
    """Something known about every image.

    Args:
        values: What it can be, e.g. ("no", "yes").
        codes: Which of them each image has.  # [N] long
    """

    values: tuple[str, ...]
    codes: Tensor


@dataclass(frozen=True)
class Origin:
    """What the images were before they took their common shape: counts by size, by mode, and of files passed over."""

    sizes: Mapping[str, int] = field(default_factory=dict)
    modes: Mapping[str, int] = field(default_factory=dict)
    ignored: Mapping[str, int] = field(default_factory=dict)


class Dataset:
    """Images of one shape, with labels, attributes and disjoint splits.

    Args:
        name: What the set is called.
        pixels: Where its images are read from.
        labels: Class of each image.  # [N] long
        classes: Names of the classes; empty without labels.
        attributes: What else is known, by name.
        official: Splits that the set comes with; without them a tenth is held out, drawn by seed 0.
        rule: How the splits came about, in words.
        licence: The licence of the data.
        skipped: Files that could not be read, with the reason.
        names: The file of each image, where each has one.
        notes: What a user should know about how the images were read.
        origin: What the images were before.

    Example:
        >>> data = Dataset("noise", Memory(torch.zeros(40, 1, 8, 8, dtype=torch.uint8)))
        >>> {name: len(indices) for name, indices in data.splits.items()}
        {'train': 36, 'test': 4}
    """

    def __init__(
        self,
        name: str,
        pixels: Pixels,
        *,
        labels: Tensor | None = None,
        classes: Sequence[str] = (),
        attributes: Mapping[str, Attribute] | None = None,
        official: Mapping[str, Tensor] | None = None,
        rule: str | None = None,
        licence: str = "not stated",
        skipped: Sequence[tuple[str, str]] = (),
        names: Sequence[str] | None = None,
        notes: Sequence[str] = (),
        origin: Origin | None = None,
    ) -> None:
        self.name, self.pixels, self.licence = visible(name), pixels, licence
        self.labels = labels
        # What files and tables say may hold control characters; none of them reaches a terminal, a page or a file.
        self.classes = tuple(map(visible, classes))
        self.attributes = {
            visible(key): Attribute(tuple(map(visible, known.values)), known.codes)
            for key, known in (attributes or {}).items()
        }
        self.skipped = tuple((visible(file), visible(why)) for file, why in skipped)
        self.names = None if names is None else tuple(map(visible, names))
        self.notes = tuple(map(visible, notes))
        self.origin = origin or Origin()
        self.splits = dict(official) if official is not None else hold_out(len(pixels))
        drawn = f"{HOLD_OUT:.0%} held out by seed 0" if len(self.splits) > 1 else "all images train"
        self.rule = rule or (drawn if official is None else "official")

    def __len__(self) -> int:
        return len(self.pixels)

    def __repr__(self) -> str:
        return f"Dataset({self.name!r}, {len(self)} images of {'x'.join(map(str, self.shape))})"

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of every image."""
        return self.pixels.shape

    @property
    def streams(self) -> bool:
        """Whether images are read from disk (or computed) when they are asked for."""
        return self.pixels.streams

    def images(self, indices: Tensor) -> Tensor:
        """The images at ``indices``, uint8.  # [n, C, H, W]"""
        return self.pixels.read(indices)

    def indices(self, split: str) -> Tensor:
        """Which images a split holds; ``all`` is every one.

        Raises:
            UsageError: There is no such split.
        """
        if split == "all":
            return torch.arange(len(self))
        if split not in self.splits:
            known = [*self.splits, "all"]
            raise UsageError(f"{self.name} has no split '{split}'. {nearest(split, known)}")
        return self.splits[split]

    def changed(self, **fields: Any) -> Dataset:
        """The same set with some of the constructor's arguments replaced."""
        own = {
            "name": self.name, "pixels": self.pixels, "labels": self.labels, "classes": self.classes,
            "attributes": self.attributes, "official": self.splits, "rule": self.rule, "licence": self.licence,
            "skipped": self.skipped, "names": self.names, "notes": self.notes, "origin": self.origin,
        }  # fmt: skip
        return Dataset(**{**own, **fields})

    def only(self, name: str) -> Dataset:
        """The images of one class, as an unlabelled set; splits keep their images of that class.

        Raises:
            UsageError: The set has no labels, or no such class.
        """
        if self.labels is None:
            raise UsageError(f"{self.name} has no labels, so no class '{name}' can be chosen from it.")
        if name not in self.classes:
            raise UsageError(f"{self.name} has no class '{name}'. {nearest(name, self.classes)}")
        chosen = (self.labels == self.classes.index(name)).nonzero().flatten()
        place = torch.full((len(self),), -1, dtype=torch.long)
        place[chosen] = torch.arange(len(chosen))
        pixels: Pixels = Chosen(self.pixels, chosen)
        if isinstance(self.pixels, Memory):
            pixels = Memory(self.pixels.read(chosen))
        return self.changed(
            name=f"{self.name}, only {name}",
            pixels=pixels,
            labels=None,
            classes=(),
            attributes={key: Attribute(known.values, known.codes[chosen]) for key, known in self.attributes.items()},
            official={split: place[kept][place[kept] >= 0] for split, kept in self.splits.items()},
            names=None if self.names is None else [self.names[index] for index in chosen.tolist()],
        )

    def chunks(self, count: int = 1024) -> Iterator[Tensor]:
        """All images in order, ``count`` at a time, or fewer where they are large.  # [n, C, H, W]"""
        for indices in torch.arange(len(self)).split(max(1, min(count, STEP // math.prod(self.shape)))):
            yield self.images(indices)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over shape, pixels, labels and classes; a streamed set gives its files' names, sizes and times."""
        digest = hashlib.sha256(repr((len(self), self.shape, self.classes)).encode())
        self.pixels.feed(digest.update)
        if self.labels is not None:
            digest.update(self.labels.numpy().tobytes())
        return digest.hexdigest()

    def label_counts(self) -> dict[str, int]:
        """The number of images of each class."""
        if self.labels is None:
            return {}
        return dict(zip(self.classes, torch.bincount(self.labels, minlength=len(self.classes)).tolist(), strict=True))

    def remarks(self) -> list[str]:
        """What a user should know before training on the set: notes, and which files are left out."""
        lines = list(self.notes)
        if self.skipped:
            file, why = self.skipped[0]
            others = f", and {len(self.skipped) - 1:,} more files" if len(self.skipped) > 1 else ""
            lines.append(f"left out {file} ({why}){others}")
        return lines

    def card(self) -> dict[str, Any]:
        """The facts that identify the set, as JSON."""
        return {
            "name": self.name,
            "images": len(self),
            "shape": list(self.shape),
            "classes": list(self.classes),
            "label_counts": self.label_counts(),
            "attributes": {name: list(attribute.values) for name, attribute in self.attributes.items()},
            "splits": {name: len(indices) for name, indices in self.splits.items()},
            "split_rule": self.rule,
            "fingerprint": self.fingerprint,
            "fingerprint_of": self.pixels.identity,
            "licence": self.licence,
            "streams": self.streams,
            "skipped": [list(entry) for entry in self.skipped],
            "notes": list(self.notes),
        }


def hold_out(count: int) -> dict[str, Tensor]:
    """Disjoint splits of ``count`` images without official ones: a tenth, drawn by seed 0, is ``test``."""
    if count < HOLD_OUT_FROM:
        return {"train": torch.arange(count)}
    order = torch.randperm(count, generator=generator(0, "hold-out"))
    held = round(count * HOLD_OUT)
    return {"train": order[held:].sort().values, "test": order[:held].sort().values}
