"""Fields: data are aligned, named columns, each of a kind and a shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

LABEL = "label"
"""The field of class numbers."""


class Field(NamedTuple):
    """What one column of the data is.

    Args:
        modality: ``image``, ``audio``, ``text`` …: a file of ``belamy.modalities``.
        shape: Of one sample: image (C, H, W), label map (H, W), audio (channels, samples), text (length,), volume
            (1, D, H, W), video (frames, C, H, W), series (steps, channels), table (columns,), vector (n,), music
            (voices, steps, columns), category ().
        classes: Names of the classes; the vocabulary of text; of a table or a series, the columns; of music, the
            voices.
        rate: Samples or frames per second, steps of music.
        bits: Depth of what files hold: 8, 16, or 32 for floats; 1 of volumes that are full or empty, and of music.
        facts: What else was learned from the training split, as JSON: the types of a table's columns, the ranges of a
            series.
    """

    modality: str
    shape: tuple[int, ...]
    classes: tuple[str, ...] = ()
    rate: float | None = None
    bits: int = 8
    facts: Mapping[str, Any] = {}  # never changed

    @property
    def hertz(self) -> float:
        """Samples of a sound in a second; 16,000 where the data do not say."""
        return self.rate or 16_000.0


class DataSpec(NamedTuple):
    """What the data decide: their fields, by name and in order.

    The first field that is not the label is the main one: what is generated, or learned from.

    Example:
        >>> spec = DataSpec.pictures((1, 28, 28), ("0", "1"))
        >>> spec.main, spec.shape, spec.classes
        ('image', (1, 28, 28), ('0', '1'))
    """

    fields: Mapping[str, Field]

    @classmethod
    def pictures(cls, shape: tuple[int, ...], classes: tuple[str, ...] = ()) -> DataSpec:
        """Pictures of (channels, height, width), with labels where there are classes."""
        label = {LABEL: Field("category", (), tuple(classes))} if classes else {}
        return cls({"image": Field("image", tuple(shape)), **label})

    @property
    def main(self) -> str:
        """The name of the main field."""
        return next(name for name in self.fields if name != LABEL)

    @property
    def field(self) -> Field:
        """The main field."""
        return self.fields[self.main]

    @property
    def modality(self) -> str:
        """The kind of the main field."""
        return self.field.modality

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one sample of the main field."""
        return self.field.shape

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the labels, () if there are none."""
        return self.fields[LABEL].classes if LABEL in self.fields else ()


class Media(NamedTuple):
    """Something to be heard, read or played.

    Args:
        mime: E.g. ``audio/wav``, ``text/plain``, ``image/gif``.
        data: The file.
        caption: What stands beside it.
    """

    mime: str
    data: bytes
    caption: str = ""
