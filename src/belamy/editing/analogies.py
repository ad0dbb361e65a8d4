"""Arithmetic with words: what a sum of their vectors is nearest to."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor
from torch.nn.functional import normalize

from belamy.editing.expressions import Expression, Group, Leaf
from belamy.errors import UsageError, nearest
from belamy.methods.word_vectors import HasWordVectors
from belamy.modalities.text import SPECIAL

_NOTHING = 1e-9
"""Length below which what a sum leaves is rounding; each word has length 1."""


class NearWord(NamedTuple):
    """A word, and the cosine of its vector and the sum."""

    word: str
    cosine: float


def nearest_words(
    method: HasWordVectors, symbols: tuple[str, ...], expression: Expression, count: int = 10
) -> list[NearWord]:
    """The words nearest to an expression of words, which are themselves not among them.

    Every word stands for its vector at length 1, several in a mean for the mean of theirs.

    References:
        Mikolov, Yih & Zweig 2013, "Linguistic regularities in continuous space word representations", NAACL, equation
        1; there too the words of the question are left out.

    Args:
        method: Its vectors are looked at.
        symbols: The vocabulary of its texts.
        expression: E.g. ``king - man + woman``.
        count: How many words.

    Raises:
        UsageError: The expression holds something else than words, or a word that is unknown, or cancels out.
    """
    places = {symbol.strip(): place for place, symbol in enumerate(symbols) if place >= len(SPECIAL)}
    vectors = normalize(method.word_vectors().double())
    asked: set[int] = set()

    def vector(leaf: Leaf) -> Tensor:
        if not isinstance(leaf, Group) or any(word.value or word.measure or not word.wanted for word in leaf.words):
            raise UsageError(f'Of words there are sums alone: {leaf} is none. Write e.g. "king - man + woman".')
        for word in leaf.words:
            if word.name not in places:
                raise UsageError(f"This run does not know the word '{word.name}'. {nearest(word.name, list(places))}")
        found = [places[word.name] for word in leaf.words]
        asked.update(found)
        return vectors[found].mean(0)

    wanted = expression.value(vector)
    if float(wanted.norm()) < _NOTHING:
        raise UsageError(f"'{expression.text}' cancels out, so no word is near it. Write other words or factors.")
    cosines = vectors @ normalize(wanted, dim=0)
    cosines[list(asked)] = cosines[: len(SPECIAL)] = -2
    best = cosines.topk(min(count, len(places) - len(asked)))
    return [NearWord(symbols[place].strip(), value) for value, place in zip(*map(Tensor.tolist, best), strict=True)]
