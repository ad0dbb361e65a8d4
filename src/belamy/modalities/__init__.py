"""Kinds of data: one file each says how a sample becomes numbers, a file, a picture to look at and facts.

Nothing outside knows bytes, grids, PNG or WAV. Other packages add kinds by entry points of the group
``belamy.modalities``.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from belamy.registry import Part, Registry

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from torch import Tensor

    from belamy.modalities.fields import Field, Media

MODALITIES = Registry("belamy.modalities", "modality", "Modality")


class Modality(Protocol):
    """What the class ``Modality(*, …)`` of a file here must have; its options say how files are read.

    Attributes:
        suffix: Of a file of one sample, e.g. ``.png``.
        words: What one and several samples are called in messages.
    """

    suffix: str
    words: tuple[str, str]

    def to_float(self, raw: Tensor, field: Field) -> Tensor:
        """What networks see of samples as files hold them: float32 in [-1, 1], or whole numbers of tokens.

        Args:
            raw: ``[n, *field.shape]``.
            field: Its shape and kind.
        """
        ...

    def to_raw(self, values: Tensor, field: Field) -> Tensor:
        """Samples as files hold them of what networks make, clipped and rounded.  # [n, *field.shape]"""
        ...

    def sheet(
        self, raw: Tensor, field: Field, columns: int | None = None, captions: Sequence[str] | None = None
    ) -> np.ndarray:
        """One picture of all samples, at most some 4,000 pixels a side.  # uint8 [H, W, 3]"""
        ...

    def media(self, raw: Tensor, field: Field) -> tuple[Media, ...]:
        """What is better heard, read or played than looked at; () for pictures."""
        ...

    def encode(self, raw: Tensor, field: Field) -> bytes:
        """The file of one sample.

        Args:
            raw: ``field.shape``.
            field: Its shape and kind.
        """
        ...

    def decode(self, data: bytes, field: Field) -> Tensor:
        """One sample, ``field.shape``, from a file.

        Raises:
            Unreadable: It holds none of that shape; the text is the reason.
        """
        ...

    def describe(self, raw: Tensor, field: Field) -> dict[str, Any]:
        """Facts of samples for the data doctor, as JSON."""
        ...

    def distances(self, a: Tensor, b: Tensor, field: Field) -> Tensor:
        """How far each sample of one set is from each of another, for nearest neighbours.  # float [n, m]"""
        ...


@runtime_checkable
class OwnShapes(Protocol):
    """A modality whose files say of themselves what shape their sample has, such as a sound of any length."""

    def shape_in(self, data: bytes, field: Field) -> tuple[int, ...]:
        """The shape of the sample in a file, as ``decode`` is then given it.

        Args:
            data: The file.
            field: What it is to be, its shape apart.

        Raises:
            Unreadable: It holds none.
        """
        ...


@runtime_checkable
class OwnSuffixes(Protocol):
    """A modality whose files are of several kinds."""

    def suffix_of(self, field: Field) -> str:
        """Of a file of one sample of a field."""
        ...


@runtime_checkable
class WrittenTwice(Protocol):
    """A modality whose samples are also written as files of other kinds, such as music, which is read and heard."""

    def others(self, raw: Tensor, field: Field) -> dict[str, bytes]:
        """Those files of one sample, by their suffixes.  # field.shape"""
        ...


def suffix_of(field: Field) -> str:
    """Of a file of one sample of a field, e.g. ``.png``."""
    kind = modality(field.modality)
    return kind.suffix_of(field) if isinstance(kind, OwnSuffixes) else kind.suffix


@cache
def modality(name: str) -> Modality:
    """The modality of a name, with the options that it has by default.

    Raises:
        UsageError: There is none.
    """
    made: Modality = MODALITIES.build(Part(name=name))
    return made


def spoken(text: str, kind: str) -> str:
    """A sentence of images as one of samples of another kind; of pictures it stays as it is.

    Example:
        >>> spoken("An image is nearer than 9 real images.", "audio")
        'A sound is nearer than 9 real sounds.'
    """
    if kind == "image":
        return text
    one, many = modality(kind).words
    article = "an" if one[0] in "aeiou" else "a"
    text = text.replace("pixel for pixel", "value for value").replace("pictures", many)
    text = re.sub(
        r"\b(A|a)n image\b", lambda found: f"{article.capitalize() if found[1] == 'A' else article} {one}", text
    )
    text = re.sub(r"\bimage\b(?!\(s\))", one, re.sub(r"\bimages\b|\bimage\(s\)", many, text))
    return re.sub(r"\bImages\b", many.capitalize(), text)
