"""Short English phrases: 20,612 examples of use from WordNet 3.0, in small letters, embedded in the package."""

from __future__ import annotations

import lzma

from belamy.data.dataset import Dataset
from belamy.data.embedded import embedded
from belamy.data.formats.text import assembled
from belamy.data.load_options import LoadOptions
from belamy.data.texts import Corpus, Document
from belamy.errors import UsageError

FILE = "wordnet-phrases.txt.xz"
SHA256 = "f363850bd507df4f813df50effe4ecf56b6115773e57c137c809f26e09d24bfc"
LICENCE = "WordNet 3.0, copyright 2006 by Princeton University: free for any purpose, with its notice"


class Source:
    """Phrases of 3 to 8 words and at most 32 characters of 28: a to z, space and apostrophe; each once.

    References:
        Miller 1995, "WordNet: a lexical database for English", Communications of the ACM 38(11).

    Example:
        >>> from belamy.data import open_data
        >>> open_data("wordnet-phrases")
        Dataset('wordnet-phrases', 20612 samples of text of 33)
    """

    def open(self, options: LoadOptions) -> Dataset:
        """The phrases in order of their letters."""
        if options.labels is not None:
            raise UsageError("wordnet-phrases has no labels. Leave --labels out.")
        text = lzma.decompress(embedded(FILE, SHA256)).decode()
        documents = (Document(line, FILE, number) for number, line in enumerate(text.splitlines(), 1))
        return assembled(Corpus("wordnet-phrases", tuple(documents)), options, licence=LICENCE)
