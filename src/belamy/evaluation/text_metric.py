"""What a metric of texts keeps, and the tokens that it looks at."""

from __future__ import annotations

from typing import ClassVar, Literal

from torch import Tensor

from belamy.evaluation.kept_samples import SampleMetric
from belamy.modalities.fields import Field
from belamy.modalities.text import split, strings

Unit = Literal["words", "characters"]


class TextMetric(SampleMetric):
    """A metric that keeps the texts of each side and measures in the end.

    Words are runs of letters and digits, apostrophes within them included; any other character is one by itself, and
    spaces are none. This and the case are the same whatever the symbols of the model are.

    Args:
        unit: What a token is.
        lowercase: Make all letters small first.
    """

    modalities: ClassVar[tuple[str, ...]] = ("text",)

    def __init__(self, unit: Unit, lowercase: bool) -> None:
        super().__init__()
        self.unit, self.lowercase = unit, lowercase

    def read(self, images: Tensor, field: Field) -> list[str]:
        return strings(images, field)

    def texts(self, side: str) -> list[str]:
        """The texts of a side in the order of their letters, however they came."""
        found = self._kept[side]
        return sorted(text.lower() for text in found) if self.lowercase else sorted(found)

    def tokens(self, side: str) -> list[list[str]]:
        """The same as tokens."""
        return [tokens_of(text, self.unit) for text in self.texts(side)]


def tokens_of(text: str, unit: Unit) -> list[str]:
    """A text as tokens.

    Example:
        >>> tokens_of("Don't stop, it's 42", "words")
        ["Don't", 'stop', ',', "it's", '42']
    """
    if unit == "characters":
        return list(text)
    return [word for token in split(text, words=True) if (word := token.strip())]


def grams(tokens: list[str], size: int) -> list[tuple[str, ...]]:
    """All runs of so many tokens.

    Example:
        >>> grams(["a", "b", "c"], 2)
        [('a', 'b'), ('b', 'c')]
    """
    return list(zip(*(tokens[start:] for start in range(size)), strict=False))
