"""Documents as bags of words: which words occur, and how often, but not where."""

from __future__ import annotations

import math
import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from belamy.data.pictures import is_picture_name
from belamy.errors import DataError

SUFFIXES = (".txt", ".text", ".md")
WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
"""Letters of any script, with apostrophes between them."""
COMMON = 0.5
"""A word in more than this share of the documents tells nothing about any."""
LEAST = 2
"""A word in fewer documents than this is learned from no other."""
_NAME = 48


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
    for file in _files(path):
        if is_picture_name(file.name) or file.suffix.lower() in (".npy", ".npz", ".zip"):
            return False
        found += file.suffix.lower() in SUFFIXES
    return found > 1


def read_corpus(path: Path) -> Corpus:
    """The text files of a folder, each a document; or the lines of one file that are not blank.

    Files directly within sub-folders have these as labels, if all do.

    Raises:
        DataError: It cannot be read as UTF-8 text, or holds fewer than two documents.
    """
    files = [path] if path.is_file() else sorted(file for file in _files(path) if file.suffix.lower() in SUFFIXES)
    read = [read_text(file) for file in files]
    labels = None
    if path.is_file():
        texts = [line.strip() for line in read[0].splitlines() if line.strip()]
        names = [text if len(text) <= _NAME else f"{text[:_NAME].rsplit(' ', 1)[0]} …" for text in texts]
    else:
        kept = [(file, text) for file, text in zip(files, read, strict=True) if text.strip()]
        texts = [text for _, text in kept]
        names = [file.relative_to(path).as_posix() for file, _ in kept]
        folders = [file.relative_to(path).parts[0] for file, _ in kept if len(file.relative_to(path).parts) > 1]
        labels = tuple(folders) if len(folders) == len(kept) and len(set(folders)) > 1 else None
    if len(texts) < 2:
        raise DataError(
            f"{path} holds {len(texts)} document(s), but there must be 2 or more: give a folder of .txt files, or one "
            "file with a document on each line."
        )
    return Corpus(path.absolute().stem or "documents", tuple(texts), tuple(names), labels)


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
    def of(cls, texts: Sequence[str], side: int) -> Vocabulary:
        """The words in most documents, but in no more than half of them and in two at least.

        Raises:
            DataError: There are none.
        """
        counts = Counter(word for text in texts for word in set(words(text)))
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
        rows = np.zeros((len(texts), self.side * self.side), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word, count in Counter(words(text)).items():
                if word in place:
                    row[place[word]] = count / (count + 1)
        bags = torch.from_numpy((rows * 255 + 0.5).astype(np.uint8))
        return bags.view(len(texts), 1, self.side, self.side)

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
    return [word.replace("’", "'") for word in WORD.findall(text.lower())]


def read_text(path: Path) -> str:
    """What a file says.

    Raises:
        DataError: It cannot be read, or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is no UTF-8 text (byte {error.start + 1:,} is wrong). Convert it.") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {(error.strerror or 'unknown').lower()}.") from None


def _files(root: Path) -> Iterator[Path]:
    for folder, below, files in os.walk(root):
        below[:] = sorted(name for name in below if not name.startswith("."))
        yield from (Path(folder, name) for name in files if not name.startswith("."))
