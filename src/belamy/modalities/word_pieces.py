"""Words as pieces that a vocabulary knows, as BERT's networks read them."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from belamy.errors import DataError

BEGIN, END, UNKNOWN, PADDING = "[CLS]", "[SEP]", "[UNK]", "[PAD]"
LONGEST = 100
"""Letters of a word; a longer one is unknown."""


class WordPieces:
    """Small letters without accents; words and punctuation apart; of each word the longest known pieces from its start.

    References:
        Wu et al. 2016, arXiv 1609.08144, section 4.1; the details: Devlin et al. 2018, arXiv 1810.04805 (uncased).

    Args:
        vocabulary: The pieces by number; those that go on with a word begin with ``##``.

    Raises:
        DataError: A special piece is missing.

    Example:
        >>> pieces = WordPieces(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "un", "##able", "!"])
        >>> pieces.numbers("Unable!")
        [2, 4, 5, 6, 3]
    """

    def __init__(self, vocabulary: Sequence[str]) -> None:
        self.places = {piece: number for number, piece in enumerate(vocabulary)}
        for piece in (BEGIN, END, UNKNOWN, PADDING):
            if piece not in self.places:
                raise DataError(f"The vocabulary of word pieces lacks {piece}: it is damaged or another.")

    def numbers(self, text: str, most: int = 256) -> list[int]:
        """A text's pieces between those of its beginning and its end, at most so many."""
        found = [number for word in words(text) for number in self._of_word(word)]
        return [self.places[BEGIN], *found[: most - 2], self.places[END]]

    def _of_word(self, word: str) -> list[int]:
        if len(word) > LONGEST:
            return [self.places[UNKNOWN]]
        found, start = [], 0
        while start < len(word):
            mark = "##" if start else ""
            end = next((end for end in range(len(word), start, -1) if mark + word[start:end] in self.places), None)
            if end is None:
                return [self.places[UNKNOWN]]
            found.append(self.places[mark + word[start:end]])
            start = end
        return found

    def rows(self, texts: Sequence[str], most: int = 256) -> tuple[Tensor, Tensor]:
        """Texts as numbers, filled up to the longest, and which of them are there.  # [n, t] long and bool"""
        rows = [self.numbers(text, most) for text in texts]
        longest = max(map(len, rows))
        filled = [row + [self.places[PADDING]] * (longest - len(row)) for row in rows]
        known = torch.arange(longest) < torch.tensor([len(row) for row in rows])[:, None]
        return torch.tensor(filled), known


def words(text: str) -> Iterator[str]:
    """Words, punctuation and ideographs, each by itself, in small letters without accents.

    Example:
        >>> list(words("Café, déjà-vu"))
        ['cafe', ',', 'deja', '-', 'vu']
    """
    word = ""
    for letter in unicodedata.normalize("NFD", text.lower()):
        category = unicodedata.category(letter)
        if category == "Mn" or (category[0] == "C" and letter not in "\t\n\r"):
            continue
        alone = _stands_alone(letter, category)
        if word and (alone or letter.isspace()):
            yield word
            word = ""
        if alone:
            yield letter
        elif not letter.isspace():
            word += letter
    if word:
        yield word


def _stands_alone(letter: str, category: str) -> bool:
    """Whether a letter is punctuation, any sign of ASCII that is neither letter nor figure, or an ideograph."""
    sign = letter.isascii() and not letter.isalnum() and not letter.isspace()
    code = ord(letter)
    ideograph = any(low <= code <= high for low, high in ((0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2CEAF),
                                                          (0xF900, 0xFAFF), (0x2F800, 0x2FA1F)))  # fmt: skip
    return category[0] == "P" or sign or ideograph
