"""Categories: a class number for each sample."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from belamy.errors import Unreadable
from belamy.modalities.fields import Field, Media

_BAR, _LABEL, _ROW = 260, 150, 18
_MOST = 200
"""Classes that a chart shows, at most."""


class Modality:
    """Class numbers, which networks see as they are."""

    suffix = ".txt"
    words = ("category", "categories")

    def to_float(self, raw: Tensor, field: Field) -> Tensor:
        """The class numbers themselves."""
        return raw

    def to_raw(self, values: Tensor, field: Field) -> Tensor:
        """Class numbers, at least 0 and below the number of classes."""
        return values.detach().round().to(torch.long).clamp(0, max(len(field.classes) - 1, 0))

    def sheet(
        self, raw: Tensor, field: Field, columns: int | None = None, captions: Sequence[str] | None = None
    ) -> np.ndarray:
        """Bars: how often each class occurs."""
        counts = torch.bincount(raw.flatten(), minlength=len(field.classes)).tolist()[:_MOST]
        picture = Image.new("RGB", (_LABEL + _BAR + 80, _ROW * max(len(counts), 1) + 8), (255, 255, 255))
        pen, font = ImageDraw.Draw(picture), ImageFont.load_default(size=11)
        for place, count in enumerate(counts):
            top = 4 + place * _ROW
            right = _LABEL + _BAR * count / max(*counts, 1)
            pen.text((4, top + 2), name_of(place, field)[:24].encode("ascii", "replace"), fill=(40, 40, 40), font=font)
            pen.rectangle((_LABEL, top + 2, right, top + _ROW - 4), fill=(31, 119, 180))
            pen.text((right + 4, top + 2), f"{count:,}", fill=(90, 90, 90), font=font)
        return np.asarray(picture)

    def media(self, raw: Tensor, field: Field) -> tuple[Media, ...]:
        """Nothing."""
        return ()

    def encode(self, raw: Tensor, field: Field) -> bytes:
        """The name of the class."""
        return f"{name_of(int(raw), field)}\n".encode()

    def decode(self, data: bytes, field: Field) -> Tensor:
        """A class number from such a file."""
        text = data.decode("utf-8-sig", "replace").strip()
        if text in field.classes:
            return torch.tensor(field.classes.index(text))
        if not field.classes and text.isdecimal():
            return torch.tensor(int(text))
        raise Unreadable(f"'{text[:40]}' is none of the classes")

    def describe(self, raw: Tensor, field: Field) -> dict[str, Any]:
        """How often each class occurs."""
        counts = torch.bincount(raw.flatten(), minlength=len(field.classes)).tolist()
        return {"counts": {name_of(place, field): count for place, count in enumerate(counts)}}

    def distances(self, a: Tensor, b: Tensor, field: Field) -> Tensor:
        """0 where two are of one class, else 1."""
        return (a.flatten()[:, None] != b.flatten()[None]).to(torch.float32)


def name_of(number: int, field: Field) -> str:
    """The name of a class, or its number where it has none."""
    return field.classes[number] if number < len(field.classes) else str(number)
