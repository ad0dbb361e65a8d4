"""Characters of a text: how long it is, and how it is spelled."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor

from belamy.modalities.fields import Field
from belamy.modalities.text import strings

LETTERS = "abcdefghijklmnopqrstuvwxyz "


class SampleTrace:
    """Length, words and their length, repetitions, and the shares of kinds of characters and of each letter.

    Args:
        field: Of the texts.
    """

    modalities = ("text",)
    title = "Characters and words"

    def __init__(self, field: Field) -> None:
        self.field = field

    def describe(self, raw: Tensor) -> Tensor:
        return torch.tensor([_told(text) for text in strings(raw, self.field)], dtype=torch.float64)


def _told(text: str) -> list[float]:
    words, size = text.split(), max(len(text), 1)
    lengths = [len(word) for word in words] or [0]
    twice = sum(one == other for one, other in pairwise(text))
    kinds = (str.isupper, str.isdigit, str.isspace, lambda letter: not (letter.isalnum() or letter.isspace()))
    small = text.lower()
    return [
        len(text), len(words), sum(lengths) / len(lengths), max(lengths), min(lengths), twice / size,
        1 - len(set(words)) / max(len(words), 1), len(set(text)) / size,
        *(sum(map(kind, text)) / size for kind in kinds), *(small.count(letter) / size for letter in LETTERS),
    ]  # fmt: skip
