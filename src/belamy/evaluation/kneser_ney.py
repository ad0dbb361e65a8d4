r"""An n-gram language model with interpolated Kneser-Ney smoothing: what a language model has to beat.

.. math:: p(w \mid h) = \frac{\max(c(hw) - D, 0)}{c(h\,\cdot)} + \frac{\sum D}{c(h\,\cdot)}\, p(w \mid h'),

where *h'* is *h* without its first symbol and the last resort is uniform. Counts of the longest n-grams are
occurrences; those of shorter ones are how many different symbols precede them (occurrences at a text's beginning).

References:
    Kneser & Ney 1995, "Improved backing-off for m-gram language modeling"; Chen & Goodman 1999, "An empirical study of
    smoothing techniques for language modeling", Computer Speech & Language 13, whose three discounts, for counts of 1,
    2 and more, are estimated from the counts of counts (equation 17).
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from belamy.data import Dataset
from belamy.errors import DataError, UsageError
from belamy.modalities.text import PADDING

ORDER = 8
"""Length of the n-grams that a language model is compared with."""
MOST_COUNTED = 20_000_000
"""Symbols that n-grams are counted of, at most."""
BEGINNING = -1
"""Stands before the first symbol of a text; it is never told, only seen."""
Gram = tuple[int, ...]


class _Level(NamedTuple):
    """N-grams of one length: their counts by what precedes them, with the discounts of counts 1, 2 and more."""

    counts: dict[Gram, dict[int, int]]
    discounts: tuple[float, float, float]

    def mixed(self, history: Gram, symbol: int, below: float) -> float:
        """The probability of a symbol after a history, of which ``below`` is the one after a shorter history."""
        following = self.counts.get(history)
        if following is None:
            return below
        total = sum(following.values())
        kept = sum(self._discount(count) for count in following.values())
        count = following.get(symbol, 0)
        return (count - self._discount(count) + kept * below) / total

    def _discount(self, count: int) -> float:
        return self.discounts[min(count, 3) - 1] if count else 0.0


class KneserNey:
    """Counts of texts, and probabilities of what follows.

    Args:
        texts: Symbols 0..symbols-1 of each; a text's end is a symbol like others, told where the texts have it.
        symbols: How many there are.
        order: Length of the longest n-grams.
        discount: One for all counts; by default three for each length, estimated from the counts.

    Raises:
        UsageError: An order below 1, or a discount outside 0..1.
        DataError: There is no symbol to count.

    Example:
        >>> model = KneserNey([[0, 1, 0, 1], [0, 1, 1, 0]], 2, order=2)
        >>> round(sum(model.probability(symbol, [0]) for symbol in (0, 1)), 12)
        1.0
    """

    def __init__(
        self, texts: Iterable[Sequence[int]], symbols: int, order: int = 6, discount: float | None = None
    ) -> None:
        if order < 1:
            raise UsageError(f"The order of the n-grams is {order}, but it must be 1 or more.")
        if discount is not None and not 0 <= discount <= 1:
            raise UsageError(f"The discount is {discount}, but it must be in [0, 1].")
        self.symbols, self.order = symbols, order
        longest: Counter[Gram] = Counter()
        for text in texts:
            whole = (BEGINNING, *text)
            longest.update(whole[max(end - order, 0) : end] for end in range(2, len(whole) + 1))
        if not longest:
            raise DataError("There is no symbol to count, so there are no n-grams. Give texts.")
        self._levels = [_level(counts, discount) for counts in _by_length(longest, order)]
        self._known: dict[tuple[Gram, int], float] = {}

    def probability(self, symbol: int, before: Sequence[int]) -> float:
        """Of a symbol after those from the text's beginning on."""
        history = (BEGINNING, *before)[-(self.order - 1) :] if self.order > 1 else ()
        key = history, symbol
        if key not in self._known:
            found = 1 / self.symbols
            for length, level in enumerate(self._levels):
                if length <= len(history):
                    found = level.mixed(history[len(history) - length :], symbol, found)
            self._known[key] = found
        return self._known[key]

    def log_prob(self, text: Sequence[int]) -> float:
        """Logarithm of the probability of a text's symbols, one after the other, in nats."""
        return math.fsum(math.log(self.probability(symbol, text[:place])) for place, symbol in enumerate(text))


def nats_by_ngrams(data: Dataset, raw: Tensor, order: int = ORDER) -> Tensor | None:
    """Nats of texts by n-grams of the training split; None where that is too large to be counted.  # [n] float64

    Args:
        data: Texts; what is trained on is counted.
        raw: Texts of the same vocabulary.  # [n, length]
        order: Length of the longest n-grams.
    """
    train = data.indices("train")
    if len(train) * data.shape[0] > MOST_COUNTED:
        return None
    model = KneserNey(symbols_of(data.store.read(train)), len(data.field.classes) - 1, order)
    return torch.tensor([-model.log_prob(text) for text in symbols_of(raw)], dtype=torch.float64)


def symbols_of(raw: Tensor) -> list[list[int]]:
    """The symbols of texts without padding, counted from 0.  # [n, length]"""
    return [[number - 1 for number in row if number != PADDING] for row in raw.tolist()]


def _by_length(longest: Counter[Gram], order: int) -> list[Counter[Gram]]:
    """The counts of n-grams of length 1, 2, … ``order``; those of the longest are given.

    An n-gram that begins a text is shorter than the longest only there, and counts as often as it occurs.
    """
    found: list[Counter[Gram]] = [Counter() for _ in range(order)]
    for gram, count in longest.items():
        found[len(gram) - 1][gram] = count
    for length in range(order, 1, -1):
        for gram in found[length - 1]:
            found[length - 2][gram[1:]] += 1
    return found


def _level(counts: Counter[Gram], discount: float | None) -> _Level:
    table: dict[Gram, dict[int, int]] = defaultdict(dict)
    for gram, count in counts.items():
        table[gram[:-1]][gram[-1]] = count
    return _Level(dict(table), (discount,) * 3 if discount is not None else _estimated(counts))


def _estimated(counts: Counter[Gram]) -> tuple[float, float, float]:
    """The discounts of counts 1, 2 and more; one for all where so few counts make them impossible."""
    seen = Counter(counts.values())
    one, two, three, four = (seen[number] for number in (1, 2, 3, 4))
    share = one / (one + 2 * two) if one else 0.5
    if one and two and three:
        found = (1 - 2 * share * two / one, 2 - 3 * share * three / two, 3 - 4 * share * four / three)
        if all(0 < value <= count for value, count in zip(found, (1, 2, 3), strict=True)):
            return found
    return share, share, share
