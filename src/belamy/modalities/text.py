"""Text: symbols (characters or words) as whole numbers, padded to a length.

A text's symbols are followed by ``END`` and then by ``PADDING``; where a symbol is not in the vocabulary, ``UNKNOWN``
stands. The vocabulary is ``field.classes``, and these three are its first.
"""

from __future__ import annotations

import re
import textwrap
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from belamy.errors import Unreadable, UsageError
from belamy.modalities.fields import Field, Media
from belamy.modalities.letters import drawable, lacking

PADDING, END, UNKNOWN = 0, 1, 2
SPECIAL = ("<padding>", "<end>", "<unknown>")
"""The names of the first symbols of a vocabulary; no other symbol is written so."""
LARGEST = 100_000
"""Symbols of a vocabulary, at most."""
BUCKETS = 4096
"""N-grams are told apart as far as these many places allow."""
_GRAMS = (1, 2, 3)
_WORDS = re.compile(r" ?</?s>| ?\w+(?:['’]\w+)*| ?[^\w\s]|\s")
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_LETTER, _LINE, _MARGIN, _WIDEST, _HIGHEST, _COLUMNS = 15, 21, 8, 1000, 4000, 2
LACKING = "Letters that cannot be drawn here are shown as ?; files of text hold them."
_PAPER, _INK, _QUIET, _RULE = (250, 249, 246), (28, 28, 30), (128, 126, 122), (226, 223, 216)


class Vocabulary:
    """Symbols by number, and texts as such numbers.

    Words are runs of letters and digits, or single other characters; a space before one belongs to it, so that a text
    can be written again letter by letter.

    Args:
        symbols: The three of ``SPECIAL``, then characters, or words with the space before them.

    Example:
        >>> known = Vocabulary.of(["a cat", "a dog"], "words")
        >>> known.symbols[3:], known.numbers("a cat!"), known.text(known.numbers("a cat!"))
        ((' a', ' cat', ' dog'), [3, 4, 2], 'a cat �')
    """

    def __init__(self, symbols: Sequence[str]) -> None:
        self.symbols = tuple(symbols)
        self.words = any(len(symbol) > 1 for symbol in self.symbols[len(SPECIAL) :])
        self._unknown = f" {_REPLACEMENT}" if self.words else _REPLACEMENT
        self._places = {symbol: place for place, symbol in enumerate(self.symbols) if place >= len(SPECIAL)}

    @classmethod
    def of(cls, texts: Iterable[str], unit: str = "characters", most: int | None = None) -> Vocabulary:
        """The most frequent symbols of texts, at most ``most`` with the special ones; equally frequent ones by letter.

        Args:
            texts: What is read.
            unit: ``characters`` or ``words``.
            most: How many symbols; None for all, up to 100,000.
        """
        counts: Counter[str] = Counter()
        for text in texts:
            counts.update(split(text, unit == "words"))
        ranked = sorted(counts, key=lambda symbol: (-counts[symbol], symbol))
        return cls((*SPECIAL, *ranked[: (most or LARGEST) - len(SPECIAL)]))

    def __len__(self) -> int:
        return len(self.symbols)

    def numbers(self, text: str) -> list[int]:
        """The symbols of a text, without an end."""
        return [self._places.get(symbol, UNKNOWN) for symbol in split(text, self.words)]

    def unknown(self, text: str) -> list[str]:
        """The symbols of a text that are not in the vocabulary, each once."""
        return list(dict.fromkeys(symbol for symbol in split(text, self.words) if symbol not in self._places))

    def text(self, numbers: Iterable[int]) -> str:
        """What symbols say; what follows an end is on the next line."""
        pieces: list[list[str]] = [[]]
        for number in numbers:
            if number == END:
                pieces.append([])
            elif number != PADDING:
                pieces[-1].append(self._unknown if number == UNKNOWN else self.symbols[number])
        while len(pieces) > 1 and not pieces[-1]:
            pieces.pop()
        return "\n".join("".join(piece).removeprefix(" " if self.words else "") for piece in pieces)

    def row(self, text: str, length: int) -> list[int]:
        """A text's symbols, its end and padding, or its first ``length`` symbols."""
        numbers = [*self.numbers(text), END][:length]
        return numbers + [PADDING] * (length - len(numbers))


def marked(text: str, words: bool) -> str:
    """A text between ``<s>`` and ``</s>``: two words, or three and four characters.

    References:
        Valle 2019, "Hands-On Generative Adversarial Networks with Keras", chapter 8.
    """
    return f"<s> {text} </s>" if words else f"<s>{text}</s>"


def split(text: str, words: bool) -> list[str]:
    """A text's symbols: characters, or words with the space before them, as if one stood before the text.

    Example:
        >>> split("don't stop, 42", True)
        [" don't", ' stop', ',', ' 42']
    """
    return _WORDS.findall(f" {text}" if text else "") if words else list(text)


class Modality:
    """Text, by characters or by words.

    Args:
        unit: What a symbol is.
        vocabulary: How many symbols are known, the three special ones counted; by default all that occur.
        pack: Texts follow one another, and every sample is a piece of that; else each sample is a text, cropped.
        lowercase: All letters are made small.
        printed: As a book prints them, between <s> and </s>, and the last symbol again up to the length; else an end
            and padding follow.
        lines: Each line is a text, also in a folder of files; by default each line of a file, each file of a folder.
        encoding: Of the files.
    """

    suffix = ".txt"
    words = ("text", "texts")
    recipe = "char-lm"

    def __init__(
        self,
        *,
        unit: Literal["characters", "words"] = "characters",
        vocabulary: int | None = None,
        pack: bool = False,
        lowercase: bool = False,
        printed: bool = False,
        lines: bool | None = None,
        encoding: str = "utf-8",
    ) -> None:
        if vocabulary is not None and not len(SPECIAL) < vocabulary <= LARGEST:
            raise UsageError(
                f"text:vocabulary is {vocabulary}, but it must be {len(SPECIAL) + 1} to {LARGEST:,}: the end, padding, "
                "what is unknown, and symbols."
            )
        if pack and printed:
            raise UsageError("text:pack=true leaves no room to fill as text:printed=true does. Leave one of them out.")
        try:
            "a".encode(encoding)
        except LookupError:
            raise UsageError(f"text:encoding is '{encoding}', which is none. Type e.g. encoding=latin-1.") from None
        self.unit, self.vocabulary, self.pack = unit, vocabulary, pack
        self.lowercase, self.printed, self.lines, self.encoding = lowercase, printed, lines, encoding

    def to_float(self, raw: Tensor, field: Field) -> Tensor:
        """Symbols stay whole numbers."""
        return raw.long()

    def to_raw(self, values: Tensor, field: Field) -> Tensor:
        """Whole numbers of the vocabulary; of scores ``[n, length, vocabulary]`` the highest."""
        if values.dim() == 3:
            return values.detach().argmax(2)
        return values.detach().round().long().clamp(0, len(field.classes) - 1)

    def sheet(
        self, raw: Tensor, field: Field, columns: int | None = None, captions: Sequence[str] | None = None
    ) -> np.ndarray:
        """The texts in print, each below the last; letters that the font lacks become question marks."""
        texts = strings(raw, field)
        if captions is not None:
            texts = [f"{caption}: {text}" for caption, text in zip(captions, texts, strict=True)]
        return printed(texts, columns)

    def media(self, raw: Tensor, field: Field) -> tuple[Media, ...]:
        """All texts, one a line."""
        lines = (text.replace("\n", " / ") for text in strings(raw, field))
        return (Media("text/plain", "\n".join(lines).encode("utf-8", "replace"), f"{len(raw):,} texts"),)

    def encode(self, raw: Tensor, field: Field) -> bytes:
        """The text in UTF-8."""
        return strings(raw[None], field)[0].encode("utf-8", "replace")

    def decode(self, data: bytes, field: Field) -> Tensor:
        """The symbols of a text, cropped or padded."""
        try:
            text = data.decode(self.encoding).removeprefix("\ufeff")
        except UnicodeDecodeError as error:
            raise Unreadable(f"not {self.encoding}: byte {error.start + 1:,} is wrong") from error
        if "\0" in text:
            raise Unreadable(f"it holds a NUL character, the {text.index(chr(0)) + 1:,}th, as binary files do")
        text = text.lower() if self.lowercase else text
        return torch.tensor(self.filled(self.symbols(text, vocabulary_of(field.classes)), field.shape[0]))

    def symbols(self, text: str, known: Vocabulary) -> list[int]:
        """A text's symbols with its end, or with its markers."""
        return known.numbers(marked(text, known.words)) if self.printed else [*known.numbers(text), END]

    def filled(self, symbols: list[int], length: int) -> list[int]:
        """Symbols as a row: the first of them, or all and padding, or the last of them again and again."""
        return (symbols + [symbols[-1] if self.printed else PADDING] * (length - len(symbols)))[:length]

    def describe(self, raw: Tensor, field: Field) -> dict[str, Any]:
        """Lengths in symbols, and how many different symbols there are and how many unknown ones."""
        lengths = ((raw != PADDING) & (raw != END)).sum(1)
        counts = torch.bincount(raw.flatten(), minlength=len(field.classes))
        told = int(counts[UNKNOWN:].sum())
        return {
            "unit": "words" if vocabulary_of(field.classes).words else "characters",
            "shortest": int(lengths.min()),
            "mean_length": float(lengths.double().mean()),
            "longest": int(lengths.max()),
            "cropped": int((raw[:, -1] > END).sum()),
            "symbols": int((counts[len(SPECIAL) :] > 0).sum()),
            "once": int((counts[len(SPECIAL) :] == 1).sum()),
            "unknown": int(counts[UNKNOWN]) / max(told, 1),
        }

    def units(self, raw: Tensor, field: Field) -> tuple[str, Tensor]:
        """What bits are told per, and how many of them each text has: its symbols, its end and what is unknown too."""
        return "word" if vocabulary_of(field.classes).words else "character", (raw != PADDING).sum(1)

    def distances(self, a: Tensor, b: Tensor, field: Field) -> Tensor:
        """One less the cosine of the bags of character n-grams."""
        left, right = (torch.from_numpy(ngram_bags(strings(each, field))) for each in (a, b))
        return (1 - left @ right.T).clamp(min=0)


@lru_cache(maxsize=8)
def vocabulary_of(classes: tuple[str, ...]) -> Vocabulary:
    """The vocabulary that a field names."""
    return Vocabulary(classes)


def strings(raw: Tensor, field: Field) -> list[str]:
    """The texts of samples.  # [n, length]"""
    known = vocabulary_of(field.classes)
    return [known.text(row) for row in raw.tolist()]


def ngram_bags(texts: Sequence[str], buckets: int = BUCKETS) -> np.ndarray:
    """How often each 1-, 2- and 3-gram of characters occurs, as rows of length 1.  # float32 [n, buckets]

    N-grams are hashed to places; a text's beginning and end count as a character.
    """
    bags = np.zeros((len(texts), buckets), np.float32)
    for bag, text in zip(bags, texts, strict=True):
        codes = np.frombuffer(f"\x02{text}\x03".encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.uint64)
        for size in _GRAMS:
            hashed = np.full(max(len(codes) - size + 1, 0), size, np.uint64)
            for place in range(size):
                # Knuth's multiplicative hash: the golden ratio of 2^64, then the upper bits.
                hashed = (hashed ^ codes[place : place + len(hashed)]) * np.uint64(0x9E3779B97F4A7C15)
            np.add.at(bag, (hashed >> np.uint64(40)) % np.uint64(buckets), 1)
        bag /= max(float(np.linalg.norm(bag)), 1e-12)
    return bags


def printed(texts: Sequence[str], columns: int | None = None) -> np.ndarray:
    """Texts as a page to be read, whose end says how many do not fit, and whether letters cannot be drawn.

    Returns: uint8 [H, W, 3].

    Example:
        >>> printed(["a cat", "a dog"]).shape
        (66, 1000, 3)
    """
    font = ImageFont.load_default(size=_LETTER)
    columns = max(1, min(columns or (1 if len(texts) < 24 else 2), _COLUMNS, len(texts)))
    width = _WIDEST // columns
    letters = max(8, (width - 3 * _MARGIN) // 8)
    cells = [_wrapped(text, letters) for text in texts]
    rows = [cells[first : first + columns] for first in range(0, len(cells), columns)]
    heights = [max(map(len, row)) * _LINE + _MARGIN for row in rows]
    fitting = max(1, int(np.searchsorted(np.cumsum(heights), _HIGHEST - 2 * _LINE, side="right")))
    left_out = len(texts) - fitting * columns
    more = f"and {left_out:,} more. " if left_out > 0 else ""
    more += LACKING if any(map(lacking, texts)) else ""
    high = min(sum(heights[:fitting]) + _MARGIN + (_LINE if more else 0), _HIGHEST)
    page = Image.new("RGB", (_WIDEST, high), _PAPER)
    pen, top = ImageDraw.Draw(page), _MARGIN
    for row, height in zip(rows[:fitting], heights, strict=False):
        for column, lines in enumerate(row):
            for number, line in enumerate(lines):
                pen.text((column * width + 2 * _MARGIN, top + number * _LINE), line, fill=_INK, font=font)
        top += height
        pen.line([(0, top - _MARGIN // 2), (_WIDEST, top - _MARGIN // 2)], fill=_RULE)
    pen.text((2 * _MARGIN, top), more, fill=_QUIET, font=font)
    return np.asarray(page)


def _wrapped(text: str, letters: int) -> list[str]:
    """The lines of a text, in letters that can be drawn."""
    return [line for part in drawable(text).split("\n") for line in textwrap.wrap(part, letters) or [""]]
