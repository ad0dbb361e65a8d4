"""Text: a folder of text files, or one file with a document on each line, as bags of words.

A bag says which words occur, and how often, but not where.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from belamy.data.assembly import Raw, categories, finish
from belamy.data.dataset import Dataset, Memory, Origin
from belamy.data.files import STEP, read_text, visible, walk
from belamy.data.load_options import LoadOptions
from belamy.data.pictures import is_picture_name
from belamy.errors import DataError, UsageError

SIDE = 44
"""1,936 words are counted where no size is asked for."""
SUFFIXES = (".txt", ".text", ".md")
WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
"""Letters of any script, with apostrophes between them."""
COMMON = 0.5
"""A word in more than this share of the documents tells nothing about any."""
LEAST = 2
"""A word in fewer documents than this is learned from no other."""
_NAME, _EACH = 48, 500
_LINE = re.compile("[^\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]+")


class Format:
    """``.txt`` and ``.md`` files; classes from direct sub-folders. A size of s counts the s² most widespread words."""

    modalities = ("text",)

    def claim(self, path: Path) -> int:
        """2 for a text file, and for a folder of them without pictures."""
        return 2 if holds_documents(path) else 0

    def open(self, path: Path, options: LoadOptions) -> Dataset:
        """Each document as 1 x s x s numbers, one for each word; names and texts are in ``names``.

        Raises:
            DataError: It is no text, or too little.
            UsageError: Colours or labels of a table are asked for.
        """
        if options.channels == 3:
            raise UsageError(f"{path} is text, which has no colours. Leave --channels out.")
        if options.labels is not None:
            raise UsageError(f"{path} is text, whose labels are the folders it lies in. Leave --labels out.")
        side = options.sides[0] if options.sides else SIDE
        corpus = read_corpus(path, options.memory_budget, side)
        known = Vocabulary.of(corpus.texts, side, options.memory_budget)
        labels = None if corpus.labels is None else categories(corpus.labels)
        raw = Raw(
            name=corpus.name,
            label=labels,
            names=corpus.names,
            notes=(f"bags of {len(known.words):,} words, from '{known.words[0]}' to '{known.words[-1]}'",),
        )
        origin = Origin(modes={"text": len(corpus.texts)})
        return finish(Memory(known.bags(corpus.texts)), raw, options, origin)


@dataclass(frozen=True)
class Corpus:
    """Documents in order.

    Args:
        name: What the set is called.
        texts: The documents.
        names: What each is called: its file, or its beginning where the documents are the lines of a file.
        labels: The folder that each lies in, where documents lie in folders.
    """

    name: str
    texts: tuple[str, ...]
    names: tuple[str, ...]
    labels: tuple[str, ...] | None


def holds_documents(path: Path) -> bool:
    """Whether a path is a text file, or a folder with two of them at least and no pictures in it."""
    if path.is_file():
        return path.suffix.lower() in SUFFIXES
    if not path.is_dir():
        return False
    found = 0
    for file in walk(path, unread=[]):
        if is_picture_name(file.name) or file.suffix.lower() in (".npy", ".npz", ".zip"):
            return False
        found += file.suffix.lower() in SUFFIXES
    return found > 1


def read_corpus(path: Path, budget: int = 2 << 30, side: int = SIDE) -> Corpus:
    """The text files of a folder, each a document; or the lines of one file that are not blank.

    Files directly within sub-folders have these as labels, if all do.

    Args:
        path: The folder or file.
        budget: Bytes of memory that the bags of words may take, and sixteen times the text.
        side: Of the bags.

    Raises:
        DataError: It cannot be read as UTF-8 text, is too large, or holds fewer than two documents.
    """
    texts: list[str] = []
    names: list[str] = []
    folders: list[str] = []
    left = max(budget, STEP) // 16
    for file in [path] if path.is_file() else sorted(file for file in walk(path) if file.suffix.lower() in SUFFIXES):
        text = read_text(file, left)
        left -= len(text)
        inside = file.relative_to(path).parts
        folders += inside[:-1][:1] if text.strip() else []
        lines = (found[0].strip() for found in _LINE.finditer(text)) if path.is_file() else iter([text])
        for line in filter(str.strip, lines):
            texts.append(line)
            names.append("/".join(inside) or (line if len(line) <= _NAME else f"{line[:_NAME].rsplit(' ', 1)[0]} …"))
            if len(texts) * (side * side + _EACH) > max(budget, STEP):
                raise DataError(
                    f"{path} holds more than {len(texts):,} documents of {side * side:,} counts each, which take more "
                    f"than the memory budget of {budget:,} bytes. Give fewer, or a smaller --size."
                )
    labelled = len(folders) == len(texts) and len(set(folders)) > 1
    if len(texts) < 2:
        raise DataError(
            f"{path} holds {len(texts)} document(s), but there must be 2 or more: give a folder of .txt files, or one "
            "file with a document on each line."
        )
    labels = tuple(map(visible, folders)) if labelled else None
    return Corpus(path.absolute().stem or "documents", tuple(texts), tuple(map(visible, names)), labels)


@dataclass(frozen=True)
class Vocabulary:
    """The words that are counted, the most frequent first, at most side² of them.

    Args:
        words: Small letters.
        side: Bags are laid out as side x side numbers, unused places 0.

    Example:
        >>> known = Vocabulary.of(["a cat", "a dog", "the cat", "one dog", "birds"], 4)
        >>> known.words, known.bags(["Cat, cat & dog!"]).flatten()[:3]
        (('a', 'cat', 'dog'), tensor([  0, 170, 128], dtype=torch.uint8))
    """

    words: tuple[str, ...]
    side: int

    @classmethod
    def of(cls, texts: Sequence[str], side: int, budget: int = 2 << 30) -> Vocabulary:
        """The words in most documents, but in no more than half of them and in two at least.

        Raises:
            DataError: There are none, or more different ones than fit in ``budget`` bytes of memory.
        """
        counts: Counter[str] = Counter()
        for text in texts:
            counts.update(set(_words(text)))
            if len(counts) * _EACH > max(budget, STEP):
                raise DataError(f"The documents have more than {len(counts):,} different words. Are they text?")
        among = [(-n, word) for word, n in counts.items() if LEAST <= n <= COMMON * len(texts)]
        if not among:
            raise DataError(
                f"No word occurs in {LEAST} of the {len(texts)} documents or more, but in at most half of them, so "
                "nothing can be learned. Give more documents."
            )
        return cls(tuple(word for _, word in sorted(among)[: side * side]), side)

    def bags(self, texts: Sequence[str]) -> Tensor:
        r"""How often each word occurs, as uint8 255 · c / (c + 1): 0, half, two thirds, …  # [n, 1, side, side]

        References:
            The saturation is that of Robertson & Walker 1994, "Some simple effective approximations to the 2-Poisson
            model", with k = 1.
        """
        place = {word: number for number, word in enumerate(self.words)}
        bags = torch.empty((len(texts), 1, self.side, self.side), dtype=torch.uint8)
        for bag, text in zip(bags, texts, strict=True):
            row = np.zeros(self.side * self.side, dtype=np.float32)
            for word, count in Counter(filter(place.__contains__, _words(text))).items():
                row[place[word]] = count / (count + 1)
            bag.view(-1).numpy()[:] = row * 255 + 0.5
        return bags

    def weights(self, bags: Tensor) -> Tensor:
        r"""Inverse document frequencies, :math:`\ln(n / n_w)`, of the places among these bags; 0 for words in none.

        References:
            Spärck Jones 1972, "A statistical interpretation of term specificity".
        """
        having = (bags.flatten(1) > 0).sum(0).double()
        return torch.where(having > 0, math.log(len(bags)) - having.clamp_min(1).log(), 0.0)


def words(text: str) -> list[str]:
    """The words of a text in small letters.

    Example:
        >>> words("Don't panic: 42 times!")
        ["don't", 'panic', 'times']
    """
    return list(_words(text))


def _words(text: str) -> Iterator[str]:
    return (found[0].replace("’", "'") for found in WORD.finditer(text.lower()))
