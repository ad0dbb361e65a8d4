"""Sentences of a probabilistic context-free grammar, whose law is known exactly."""

from __future__ import annotations

import os
from pathlib import Path

from belamy.data.dataset import Dataset
from belamy.data.files import read_text
from belamy.data.formats.text import assembled
from belamy.data.grammar import FACT, Grammar
from belamy.data.load_options import LoadOptions
from belamy.data.texts import Corpus, Document
from belamy.errors import UsageError
from belamy.ranges import Within
from belamy.seeds import generator

ATELIER = """
S -> ONE DOES [0.6] | MANY DO [0.4]
ONE -> NAME [0.3] | THE FIGURE [0.57] | THE FIGURE NEAR [0.1] | THE FIGURE 'who' DOES [0.03]
MANY -> SOME FIGURES [0.85] | SOME FIGURES NEAR [0.12] | SOME FIGURES 'who' DO [0.03]
NEAR -> BESIDE PLACE
PLACE -> THE SPOT [0.9] | THE SPOT NEAR [0.1]
FIGURE -> PERSON [0.7] | KIND PERSON [0.3]
FIGURES -> PERSONS [0.7] | KIND PERSONS [0.3]
DOES -> RESTS [0.3] | RESTS HOW [0.15] | MAKES WORK [0.45] | 'wants' 'to' MAKE WORK [0.1]
DO -> REST [0.3] | REST HOW [0.15] | MAKE WORK [0.45] | 'want' 'to' MAKE WORK [0.1]
WORK -> THE THING [0.55] | THE LOOK THING [0.3] | THE THING 'of' ONE [0.1] | THE THING 'of' MANY [0.05]
THE -> 'the' [0.6] | 'a' [0.4]
SOME -> 'the' [0.4] | 'two' [0.3] | 'all' [0.3]
NAME -> 'ada' [0.4] | 'noor' [0.3] | 'edmond' [0.3]
PERSON -> 'painter' [4] | 'critic' [3] | 'forger' [2] | 'dealer' | 'pupil'
PERSONS -> 'painters' [4] | 'critics' [3] | 'forgers' [2] | 'dealers' | 'pupils'
KIND -> 'proud' [3] | 'young' [3] | 'famous' [2] | 'tired' | 'modest'
RESTS -> 'waits' [3] | 'smiles' [2] | 'sleeps' [2] | 'lies'
REST -> 'wait' [3] | 'smile' [2] | 'sleep' [2] | 'lie'
HOW -> 'quietly' [2] | 'often' [2] | 'again'
MAKES -> 'paints' [4] | 'sells' [2] | 'copies' [2] | 'judges' [2] | 'steals'
MAKE -> 'paint' [4] | 'sell' [2] | 'copy' [2] | 'judge' [2] | 'steal'
LOOK -> 'small' [3] | 'blue' [2] | 'dark' [2] | 'false'
THING -> 'portrait' [4] | 'landscape' [3] | 'sketch' [2] | 'frame'
BESIDE -> 'near' [2] | 'behind' | 'in'
SPOT -> 'window' [2] | 'gallery' [2] | 'garden' | 'door'
"""
"""Rules of English sentences about an atelier: no sentence has two derivations."""


class Source:
    """Sentences drawn independently from a grammar, by seed 0; the last tenth of a shuffle is held out.

    Without rules of one's own: English about an atelier, e.g. "the proud painter sells a portrait of ada".

    Args:
        count: How many sentences.
        rules: A file with the rules, a symbol's on each line: ``S -> NOUN 'sleeps' [0.7] | 'it' 'rains' [0.3]``; the
            first symbol begins; empty for those of the atelier.

    Example:
        >>> from belamy.data import open_data
        >>> open_data("grammar:count=40").name
        'grammar'
    """

    def __init__(self, *, count: int = 20_000, rules: str = "") -> None:
        self.count, self.rules = Within(2, 10**7).check("grammar.count", count), rules

    def open(self, options: LoadOptions) -> Dataset:
        """The sentences, with the rules as the facts of their field."""
        if options.labels is not None:
            raise UsageError("Sentences of a grammar have no labels. Leave --labels out.")
        path = Path(os.path.expanduser(self.rules))
        text, where = (read_text(path, 1 << 20), str(path)) if self.rules else (ATELIER, "The atelier")
        grammar = Grammar(text, where)
        sentences = grammar.sample(self.count, generator(0, "grammar"))
        documents = (
            Document(sentence, self.rules or "grammar", number) for number, sentence in enumerate(sentences, 1)
        )
        law = f"sentences have {grammar.mean_length:.2f} words and {grammar.entropy:.2f} bits on average, exactly"
        corpus = Corpus("grammar", tuple(documents), notes=(law,))
        return assembled(corpus, options, {FACT: text}, licence="CC0: drawn here")
