"""A data set: named fields, labels, splits and the facts that identify them.

Samples are kept as files hold them: pixels as bytes, sound as whole numbers. A set that fits the memory budget is one
tensor; a larger one is read from disk when it is asked for, behind the same interface.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from belamy.data.batch import Batch
from belamy.data.files import STEP, visible
from belamy.data.variants import Variants
from belamy.errors import UsageError, nearest
from belamy.modalities import Modality, modality
from belamy.modalities.fields import LABEL, DataSpec, Field
from belamy.modalities.image import as_bytes
from belamy.seeds import generator

HOLD_OUT = 0.1
"""Share of the images held out as ``test`` where no official test split exists."""

HOLD_OUT_FROM = 20
"""Fewer images than this are all trained on."""


Feed = Callable[[Callable[[Any], None]], None]


class SampleStore(Protocol):
    """Where the samples of one field are read from."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Of every sample; (C, H, W) of pictures."""

    @property
    def streams(self) -> bool:
        """True when reading goes to disk or computes, False when it only copies memory."""

    @property
    def identity(self) -> str:
        """Description of what ``feed`` hashes."""

    def __len__(self) -> int: ...

    def read(self, indices: Tensor) -> Tensor:
        """The samples at ``indices``, as files hold them.  # [n, *shape]"""

    def feed(self, update: Callable[[Any], None]) -> None:
        """Hand what identifies the samples to a hash."""


class Memory:
    """All samples as one tensor, bytes of pictures.  # [N, *shape]"""

    streams = False
    identity = "content and labels"

    def __init__(self, samples: Tensor) -> None:
        self.tensor = samples.contiguous()

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.tensor.shape[1:])

    def __len__(self) -> int:
        return len(self.tensor)

    def read(self, indices: Tensor) -> Tensor:
        return self.tensor.index_select(0, indices)

    def feed(self, update: Callable[[Any], None]) -> None:
        update(self.tensor.numpy())


class Computed:
    """Samples that a function makes when they are asked for: rows of a mapped file, or enlarged copies.

    Args:
        read: Indices to samples.
        count: How many samples there are.
        shape: Of each; (C, H, W) of pictures.
        feed: Hands what identifies the samples to a hash; the files' names, sizes and times do without reading them.
        identity: What ``feed`` hashes, in words.
    """

    streams = True

    def __init__(
        self,
        read: Callable[[Tensor], Tensor],
        count: int,
        shape: tuple[int, ...],
        feed: Feed,
        identity: str = "file names, sizes and times, and labels",
    ) -> None:
        self.read, self.shape, self.feed, self.identity = read, shape, feed, identity
        self._count = count

    def __len__(self) -> int:
        return self._count


class Chosen:
    """Some of the samples of another store.

    Args:
        store: Where all of them are.
        chosen: Which are wanted.  # [n] long
    """

    def __init__(self, store: SampleStore, chosen: Tensor) -> None:
        self._store, self._chosen = store, chosen
        self.shape, self.streams, self.identity = store.shape, store.streams, store.identity

    def __len__(self) -> int:
        return len(self._chosen)

    def read(self, indices: Tensor) -> Tensor:
        return self._store.read(self._chosen[indices])

    def feed(self, update: Callable[[Any], None]) -> None:
        self._store.feed(update)
        update(self._chosen.numpy().tobytes())


def chosen_of(store: SampleStore, chosen: Tensor) -> SampleStore:
    """The samples at some indices, in memory where all of them are.  # [n] long"""
    if isinstance(store, Variants):
        return store.of(chosen)
    return Memory(store.read(chosen)) if isinstance(store, Memory) else Chosen(store, chosen)


class Column(NamedTuple):
    """A field and where its samples are read from."""

    field: Field
    store: SampleStore


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
    """Samples of one or several aligned fields, with labels, attributes and disjoint splits.

    Args:
        name: What the set is called.
        store: Where the samples of the main field are read from.
        field: What the main field is; by default pictures.
        named: What the main field is called; by default like its modality.
        extra: Further fields, aligned with the main one, by name.
        sides: Data sets that are not aligned with this one; each is drawn by a permutation of its own, and its main
            field joins the batch under its name here.
        replaced: The sides that are drawn with replacement instead.
        labels: Class of each sample.  # [N] long
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
        store: SampleStore,
        *,
        field: Field | None = None,
        named: str | None = None,
        extra: Mapping[str, Column] | None = None,
        sides: Mapping[str, Dataset] | None = None,
        replaced: Sequence[str] = (),
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
        self.name, self.store, self.licence = visible(name), store, licence
        self.field = field or Field("image", store.shape)
        self.named = named or self.field.modality
        self.extra, self.sides, self.replaced = dict(extra or {}), dict(sides or {}), tuple(replaced)
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
        self.splits = dict(official) if official is not None else hold_out(len(store))
        drawn = f"{HOLD_OUT:.0%} held out by seed 0" if len(self.splits) > 1 else "all images train"
        self.rule = rule or (drawn if official is None else "official")

    def __len__(self) -> int:
        return len(self.store)

    def __repr__(self) -> str:
        kind = "images" if self.field.modality == "image" else f"samples of {self.field.modality}"
        return f"Dataset({self.name!r}, {len(self)} {kind} of {'x'.join(map(str, self.shape))})"

    @property
    def shape(self) -> tuple[int, ...]:
        """Of every sample of the main field; (C, H, W) of pictures."""
        return self.store.shape

    @property
    def streams(self) -> bool:
        """Whether samples are read from disk (or computed) when they are asked for."""
        return any(column.store.streams for column in self.columns.values())

    @cached_property
    def columns(self) -> dict[str, Column]:
        """The main field and those aligned with it, by name; the label apart."""
        return {self.named: Column(self.field, self.store), **self.extra}

    @property
    def spec(self) -> DataSpec:
        """The fields of a batch: the main one, those aligned with it, the sides, the label."""
        fields = {name: column.field for name, column in self.columns.items()}
        fields |= {name: side.field for name, side in self.sides.items()}
        return DataSpec({**fields, **({LABEL: Field("category", (), self.classes)} if self.classes else {})})

    @cached_property
    def _kinds(self) -> dict[str, Modality]:
        return {name: modality(column.field.modality) for name, column in self.columns.items()}

    def require(self, kind: str, verb: str) -> None:
        """Refuse data of another kind.

        Args:
            kind: The modality that is needed, e.g. ``image``.
            verb: What needs it, e.g. ``unmask``.

        Raises:
            UsageError: The main field is of another kind.
        """
        if self.field.modality != kind:
            wanted, held = modality(kind).words[1], modality(self.field.modality).words[1]
            raise UsageError(f"{verb} needs {wanted}, but {self.name} holds {held}.")

    def images(self, indices: Tensor) -> Tensor:
        """The pictures at ``indices`` as bytes, whatever their depth in files.  # uint8 [n, C, H, W]

        Raises:
            UsageError: The main field holds no pictures.
        """
        self.require("image", "This")
        return as_bytes(self.store.read(indices))

    def raw(self, indices: Tensor) -> dict[str, Tensor]:
        """The samples at ``indices`` of every field but the label, as files hold them.  # [n, …] each"""
        return {name: column.store.read(indices) for name, column in self.columns.items()}

    def batch(
        self,
        indices: Tensor,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
        raw: Mapping[str, Tensor] | None = None,
    ) -> Batch:
        """The samples at ``indices`` as methods see them, without the sides.

        Args:
            indices: Which.  # [n]
            device: Where they are wanted.
            dtype: Type of the floating fields.
            raw: What :meth:`raw` gives, where it has been read before.
        """
        fields = {
            name: self._kinds[name].to_float(values.to(device, non_blocking=True), self.columns[name].field)
            for name, values in (raw or self.raw(indices)).items()
        }
        if self.labels is not None:
            fields[LABEL] = self.labels.index_select(0, indices).to(device, non_blocking=True)
        batch = Batch(fields, indices)
        return batch if dtype == torch.float32 else batch.map(lambda values: values.to(dtype))

    def with_sides(self, batch: Batch, start: int = 0) -> Batch:
        """A batch of this set with as many samples of each side, in their order from a number on."""
        if not self.sides:
            return batch
        like = batch.main
        found = {}
        for name, side in self.sides.items():
            chosen = torch.arange(start, start + len(batch)) % len(side)
            found[name] = side.batch(
                chosen, like.device, like.dtype if like.is_floating_point() else torch.float32
            ).main
        return Batch({**batch.fields, **found}, batch.indices)

    @property
    def held_out(self) -> Tensor:
        """The split ``test``; empty where nothing is held out.  # [n] long"""
        return self.splits.get("test", torch.empty(0, dtype=torch.long))

    def some_training(self, most: int, stream: str) -> Tensor:
        """Up to so many training samples, always the same for a stream.  # [n] long"""
        train = self.indices("train")
        return train[torch.randperm(len(train), generator=generator(0, stream))[:most]]

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
            "name": self.name, "store": self.store, "field": self.field, "named": self.named, "extra": self.extra,
            "sides": self.sides, "replaced": self.replaced, "labels": self.labels, "classes": self.classes,
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
        extra = {name: Column(column.field, chosen_of(column.store, chosen)) for name, column in self.extra.items()}
        return self.changed(
            name=f"{self.name}, only {name}",
            store=chosen_of(self.store, chosen),
            extra=extra,
            labels=None,
            classes=(),
            attributes={key: Attribute(known.values, known.codes[chosen]) for key, known in self.attributes.items()},
            official={split: place[kept][place[kept] >= 0] for split, kept in self.splits.items()},
            names=None if self.names is None else [self.names[index] for index in chosen.tolist()],
        )

    def chunks(self, count: int = 1024) -> Iterator[Tensor]:
        """All pictures in order, ``count`` at a time, or fewer where they are large.  # [n, C, H, W]"""
        for indices in torch.arange(len(self)).split(max(1, min(count, STEP // math.prod(self.shape)))):
            yield self.images(indices)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over shape, pixels, labels and classes; a streamed set gives its files' names, sizes and times."""
        digest = hashlib.sha256(repr((len(self), self.shape, self.classes)).encode())
        self.store.feed(digest.update)
        if self.labels is not None:
            digest.update(self.labels.numpy().tobytes())
        if self.field != Field("image", self.shape):
            digest.update(repr(self.field).encode())
        for name, column in self.extra.items():
            digest.update(repr((name, column.field)).encode())
            column.store.feed(digest.update)
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
            more = len(self.skipped) - 1
            others = f", and {more:,} more file{'s' if more > 1 else ''}" if more else ""
            lines.append(f"left out {file} ({why}){others}")
        return lines

    def card(self) -> dict[str, Any]:
        """The facts that identify the set, as JSON."""
        return {
            "name": self.name,
            "images": len(self),
            "shape": list(self.shape),
            "fields": {name: field.modality for name, field in self.spec.fields.items()},
            "classes": list(self.classes),
            "label_counts": self.label_counts(),
            "attributes": {name: list(attribute.values) for name, attribute in self.attributes.items()},
            "splits": {name: len(indices) for name, indices in self.splits.items()},
            "split_rule": self.rule,
            "fingerprint": self.fingerprint,
            "fingerprint_of": self.store.identity,
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


def hold_out_whole(names: Sequence[str]) -> dict[str, Tensor] | None:
    """Splits that keep the samples of a file together; None where each file gives one, or there are few files.

    Args:
        names: The file of each sample.
    """
    files = list(dict.fromkeys(names))
    if len(files) == len(names) or len(splits := hold_out(len(files))) < 2:
        return None
    held = {files[index] for index in splits["test"].tolist()}
    out = torch.tensor([name in held for name in names])
    return {"train": (~out).nonzero().flatten(), "test": out.nonzero().flatten()}
