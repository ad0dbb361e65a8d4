"""What a metric of texts keeps, and the tokens that it looks at."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from belamy.evaluation.extracted import ExtractedFeatures
from belamy.evaluation.metrics import Metric as BaseMetric
from belamy.evaluation.statistics import Interval
from belamy.modalities.fields import Field
from belamy.modalities.text import split, strings

Unit = Literal["words", "characters"]


class TextMetric(BaseMetric):
    """A metric that keeps the texts of each side and measures in the end.

    Words are runs of letters and digits, apostrophes within them included; any other character is one by itself, and
    spaces are none. This and the case are the same whatever the symbols of the model are.

    Args:
        unit: What a token is.
        lowercase: Make all letters small first.
    """

    modalities: ClassVar[tuple[str, ...]] = ("text",)

    def __init__(self, unit: Unit, lowercase: bool) -> None:
        self.unit, self.lowercase = unit, lowercase
        self.field: Field | None = None
        self._texts: dict[str, list[str]] = {"real": [], "fake": [], "train": []}
        self._answer: tuple[int, dict[str, Interval]] | None = None

    def update(
        self,
        *,
        real: ExtractedFeatures | None = None,
        fake: ExtractedFeatures | None = None,
        train: ExtractedFeatures | None = None,
    ) -> None:
        for side, seen in (("real", real), ("fake", fake), ("train", train if "train" in self.needs else None)):
            if seen is not None and seen.images is not None and seen.field is not None:
                self.field = seen.field
                self._texts[side] += strings(seen.images, seen.field)
                self._answer = None

    def merge(self, other: Self) -> None:
        for side, texts in other._texts.items():
            self._texts[side] += texts
        self.field, self._answer = self.field or other.field, None

    def compute(self) -> dict[str, float]:
        return {name: told.value for name, told in self._told(0).items()}

    def intervals(self, seed: int = 0) -> dict[str, Interval]:
        return {name: told for name, told in self._told(seed).items() if told.low > -float("inf")}

    def _told(self, seed: int) -> dict[str, Interval]:
        """What is measured, once for each seed; nothing where a side is missing."""
        if any(not self._texts[side] for side in ("real", "fake", *(("train",) if "train" in self.needs else ()))):
            return {}
        if self._answer is None or self._answer[0] != seed:
            self._answer = seed, self.measured(seed)
        return self._answer[1]

    def measured(self, seed: int) -> dict[str, Interval]:
        """The numbers with their intervals, unbounded below where there is no honest one.

        Args:
            seed: Of the resampling alone: the numbers themselves do not depend on it.
        """
        raise AssertionError(f"{type(self).__module__} measures nothing")

    def texts(self, side: str) -> list[str]:
        """The texts of a side in the order of their letters, however they came."""
        found = self._texts[side]
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
