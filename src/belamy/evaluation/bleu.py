r"""BLEU: how many of a text's n-grams are in reference texts.

.. math:: \mathrm{BLEU}_N = \min(1, e^{1 - r/c}) \prod_{n=1}^{N} p_n^{1/N}

where *p_n* is the share of the text's n-grams that are in a reference, each at most as often as in the reference that
has it most often, *c* the text's length and *r* that of the reference nearest in length, of two the shorter.

References:
    Papineni et al. 2002, "BLEU: a method for automatic evaluation of machine translation", ACL. Smoothing: a share of
    none is 0.1 of one n-gram, method 1 of Chen & Cherry 2014, "A systematic comparison of smoothing techniques for
    sentence-level BLEU"; a text that has no token in common with any reference has 0.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence

from belamy.evaluation.text_metric import grams

ORDERS = (2, 3, 4, 5)
"""N of the numbers that are told."""
SMOOTHED = 0.1
"""N-grams that stand for none."""
Counted = tuple[Counter[tuple[str, ...]], ...]


class References:
    """Texts that others are compared with, or they among themselves.

    Args:
        texts: As tokens.

    Example:
        >>> known = References([["a", "cat", "sleeps"], ["a", "dog"]])
        >>> [round(each, 4) for each in known.bleu(["a", "cat"])]
        [1.0, 0.4642, 0.3162, 0.2512]
    """

    def __init__(self, texts: Sequence[list[str]]) -> None:
        self.texts = [list(text) for text in texts]
        self._counts = [_counted(text) for text in self.texts]
        self._most: dict[tuple[str, ...], tuple[int, int]] = {}  # the highest count of each n-gram and the second
        for counts in self._counts:
            for gram, count in (each for of_size in counts for each in of_size.items()):
                best, second = self._most.get(gram, (0, 0))
                self._most[gram] = max(best, count), max(min(best, count), second)
        self._lengths = Counter(map(len, self.texts))
        self._ordered = sorted(self._lengths)

    def bleu(self, text: list[str]) -> tuple[float, ...]:
        """BLEU of a text for each of ``ORDERS``."""
        return self._bleu(_counted(text), len(text), own=False)

    def among_themselves(self) -> list[tuple[float, ...]]:
        """BLEU of each text against all others."""
        return [self._bleu(counts, len(text), own=True) for counts, text in zip(self._counts, self.texts, strict=True)]

    def _bleu(self, counts: Counted, length: int, own: bool) -> tuple[float, ...]:
        if not length:
            return (0.0,) * len(ORDERS)
        logs, found = 0.0, []
        for size, of_size in enumerate(counts, 1):
            matched = sum(min(count, self._limit(gram, count, own)) for gram, count in of_size.items())
            if size == 1 and not matched:
                return (0.0,) * len(ORDERS)
            logs += math.log((matched or SMOOTHED) / max(length - size + 1, 1))
            if size in ORDERS:
                found.append(math.exp(logs / size))
        nearest = self._nearest(length, own)
        brevity = 1.0 if length >= nearest else math.exp(1 - nearest / length)
        return tuple(brevity * each for each in found)

    def _limit(self, gram: tuple[str, ...], count: int, own: bool) -> int:
        """The highest count of an n-gram in a reference; ``own``: in another than the text, which has ``count``."""
        best, second = self._most.get(gram, (0, 0))
        return second if own and count == best else best

    def _nearest(self, length: int, own: bool) -> int:
        """The length of a reference that is nearest to a length; ``own``: of another than the text."""
        place = bisect_left(self._ordered, length)
        around = self._ordered[max(place - 1, 0) : place + 2]
        if own and self._lengths[length] == 1:
            around = [each for each in around if each != length]
        return min(around, key=lambda each: (abs(each - length), each), default=length)


def _counted(text: list[str]) -> Counted:
    return tuple(Counter(grams(text, size)) for size in range(1, max(ORDERS) + 1))
