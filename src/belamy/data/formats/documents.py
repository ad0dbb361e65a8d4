"""Text: a folder of text files, or one file with a document on each line, as bags of words."""

from __future__ import annotations

from pathlib import Path

from belamy.data.assembly import Raw, categories, finish
from belamy.data.dataset import Dataset, Memory, Origin
from belamy.data.documents import Vocabulary, holds_documents, read_corpus
from belamy.data.load_options import LoadOptions
from belamy.errors import UsageError

SIDE = 44
"""1,936 words are counted where no size is asked for."""


class Format:
    """``.txt`` and ``.md`` files; classes from direct sub-folders. A size of s counts the s² most widespread words."""

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
        corpus = read_corpus(path)
        known = Vocabulary.of(corpus.texts, options.size or SIDE)
        labels = None if corpus.labels is None else categories(corpus.labels)
        raw = Raw(
            name=corpus.name,
            labels=labels.codes if labels else None,
            classes=labels.values if labels else (),
            notes=(f"bags of {len(known.words):,} words, from '{known.words[0]}' to '{known.words[-1]}'",),
        )
        origin = Origin(modes={"text": len(corpus.texts)})
        return finish(Memory(known.bags(corpus.texts)), raw, options, origin, names=corpus.names)
