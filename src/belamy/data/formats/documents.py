"""Documents as bags of words: a folder of text files, one file with a document on each line, or JSON lines.

A bag says which words occur, and how often, but not where.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from belamy.data.assembly import Raw
from belamy.data.dataset import Dataset, Memory, Origin
from belamy.data.files import STEP
from belamy.data.load_options import LoadOptions
from belamy.data.texts import holds_documents, read_corpus
from belamy.errors import DataError, UsageError
from belamy.modalities.fields import Field

WORDS = 2000
"""Words that are counted where no length is asked for."""
WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
"""Letters of any script, with apostrophes between them."""
COMMON = 0.5
"""A word in more than this share of the documents tells nothing about any."""
LEAST = 2
"""A word in fewer documents than this is learned from no other."""
_EACH, _COUNT = 500, 4


class Format:
    """``.txt``, ``.md`` and ``.jsonl`` files; a length of n counts the n most widespread words."""

    modalities = ("vector",)

    def claim(self, path: Path) -> int:
        """2 for a text file, and for a folder of them without pictures."""
        return 2 if holds_documents(path) else 0

    def open(self, path: Path, options: LoadOptions) -> Dataset:
        """Each document as a vector of numbers, one for each word; names and texts are in ``names``.

        Raises:
            DataError: It is no text, or too little.
            UsageError: Labels of a table are asked for.
        """
        if options.labels is not None:
            raise UsageError(f"{path} is text, whose labels are the folders it lies in. Leave --labels out.")
        corpus, count = read_corpus(path, options.memory_budget), options.length or WORDS
        if len(corpus.documents) * (_COUNT * count + _EACH) > max(options.memory_budget, STEP):
            raise DataError(
                f"{path} holds {len(corpus.documents):,} documents of {count:,} counts each, which take more than the "
                f"memory budget of {options.memory_budget:,} bytes. Give fewer, or a smaller --length."
            )
        known = BagOfWords.of(corpus.texts, count, options.memory_budget)
        size = len(known.words)
        field = Field("vector", (size,), known.words, facts={"low": [0.0] * size, "high": [1.0] * size})
        first, last = known.words[0], known.words[-1]
        kept = f"bags of {size:,} words, from '{first}' to '{last}'; to read the texts themselves: --modality text"
        raw = Raw(
            name=corpus.name, label=corpus.label, official=corpus.official, notes=(kept, *corpus.notes),
            skipped=corpus.skipped, names=corpus.names,
        )  # fmt: skip
        origin = Origin(modes={"text": len(corpus.documents)})
        return raw.dataset(Memory(known.bags(corpus.texts)), field, origin=origin)


@dataclass(frozen=True)
class BagOfWords:
    """The words that are counted, the most widespread first.

    Example:
        >>> known = BagOfWords.of(["a cat", "a dog", "the cat", "one dog", "birds"], 16)
        >>> known.words, known.bags(["Cat, cat & dog!"])
        (('a', 'cat', 'dog'), tensor([[0.0000, 0.6667, 0.5000]]))
    """

    words: tuple[str, ...]

    @classmethod
    def of(cls, texts: Sequence[str], count: int, budget: int = 2 << 30) -> BagOfWords:
        """The words in most documents, at most ``count``, but in no more than half of them and in two at least.

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
                "nothing can be learned of their words. Give more documents, or read each as a text: --modality text."
            )
        return cls(tuple(word for _, word in sorted(among)[:count]))

    def bags(self, texts: Sequence[str]) -> Tensor:
        r"""How often each word occurs, as c / (c + 1): 0, half, two thirds, …  # float32 [n, words]

        References:
            The saturation is that of Robertson & Walker 1994, "Some simple effective approximations to the 2-Poisson
            model", with k = 1.
        """
        place = {word: number for number, word in enumerate(self.words)}
        bags = np.zeros((len(texts), len(self.words)), np.float32)
        for bag, text in zip(bags, texts, strict=True):
            for word, count in Counter(filter(place.__contains__, _words(text))).items():
                bag[place[word]] = count / (count + 1)
        return torch.from_numpy(bags)


def words(text: str) -> list[str]:
    """The words of a text in small letters.

    Example:
        >>> words("Don't panic: 42 times!")
        ["don't", 'panic', 'times']
    """
    return list(_words(text))


def _words(text: str) -> Iterator[str]:
    return (found[0].replace("’", "'") for found in WORD.finditer(text.lower()))
