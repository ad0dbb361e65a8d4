"""Text: files with a text on each line, folders of text files, and JSON lines, as symbols."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from belamy.data.assembly import Raw
from belamy.data.dataset import Dataset, Memory, Origin, hold_out
from belamy.data.load_options import LoadOptions
from belamy.data.text_faults import faults_of, listed, repeated
from belamy.data.texts import Corpus, holds_documents, read_corpus, training_texts
from belamy.errors import DataError, UsageError
from belamy.modalities.fields import Field
from belamy.modalities.text import END, PADDING, Vocabulary, marked

LONGEST_DEFAULT = 256
"""Symbols of a text, or of a packed piece, where no length is asked for."""
_BYTES = 8


class Format:
    """``.txt``, ``.md`` and ``.jsonl`` files; classes from folders, splits from what is called train and test."""

    modalities = ("text",)

    def claim(self, path: Path) -> int:
        """1 for a text file and a folder of them: unasked, documents are bags of words."""
        return 1 if holds_documents(path) else 0

    def open(self, path: Path, options: LoadOptions) -> Dataset:
        """Each text as the numbers of its symbols.

        Raises:
            DataError: There is no text, or it does not fit.
            UsageError: Labels of a table are asked for.
        """
        if options.labels is not None:
            raise UsageError(
                f'{path} is text, whose labels are the folders or files that texts lie in, or "label" in JSON lines. '
                "Leave --labels out."
            )
        return assembled(_corpus(path, options), options)

    def faults(self, path: Path, options: LoadOptions) -> dict[str, list[str]]:
        """What is wrong with the files, by kind: file, line and what was found."""
        found = faults_of(path, options.reader("text").encoding)
        return listed([*found, *repeated(_corpus(path, options))])


def _corpus(path: Path, options: LoadOptions) -> Corpus:
    reader = options.reader("text")
    least = 1 if reader.pack else 2
    return read_corpus(path, options.memory_budget, lines=reader.lines, encoding=reader.encoding, least=least)


def assembled(corpus: Corpus, options: LoadOptions, of_field: Mapping[str, Any] | None = None, **facts: Any) -> Dataset:
    """A data set of documents; the vocabulary is that of the training texts, or that of the data that they are like.

    Args:
        corpus: The documents.
        options: Length and reader.
        of_field: What else is known of the texts, as JSON.
        facts: What else ``Raw`` is to say, e.g. the licence.
    """
    reader = options.reader("text")
    texts = [text.lower() for text in corpus.texts] if reader.lowercase else list(corpus.texts)
    splits = corpus.official or hold_out(len(texts))
    if options.like is not None:
        known = Vocabulary(options.like.classes)
        options = replace(options, length=options.like.shape[0])
    else:
        read = [marked(text, reader.unit == "words") for text in texts] if reader.printed else texts
        known = Vocabulary.of(training_texts(read, splits), reader.unit, reader.vocabulary)
    official = corpus.official
    if reader.pack:
        rows, official, notes = _packed(texts, known, splits, options)
    else:
        rows, notes = _padded(texts, known, options)
    field = Field("text", tuple(rows.shape[1:]), known.symbols, facts=dict(of_field or {}))
    whole = not reader.pack
    blank = [f"{corpus.blank:,} blank lines or files are left out"] if corpus.blank else []
    alike = [f"all {len(texts):,} texts are the same, so nothing else can be learned"] if len({*texts}) == 1 else []
    raw = Raw(
        name=corpus.name, label=corpus.label if whole else None, official=official, skipped=corpus.skipped,
        notes=(*corpus.notes, *blank, *alike, *notes), names=corpus.names if whole else None, **facts,
    )  # fmt: skip
    return raw.dataset(Memory(rows), field, origin=Origin(modes={reader.unit: len(texts)}))


def _padded(texts: list[str], known: Vocabulary, options: LoadOptions) -> tuple[Tensor, list[str]]:
    """A row for each text, cropped at the length."""
    reader = options.reader("text")
    symbols = [reader.symbols(text, known) for text in texts]
    longest = max(map(len, symbols))
    length = options.length or min(longest, LONGEST_DEFAULT)
    _check_budget(len(texts), length, options)
    rows = torch.empty((len(texts), length), dtype=torch.long)
    for row, told in zip(rows, symbols, strict=True):
        row[:] = torch.tensor(reader.filled(told, length))
    cropped, kept = sum(len(told) > length for told in symbols), length - (not reader.printed)
    note = f"{cropped:,} of {len(texts):,} texts are longer than {kept:,} symbols and are cropped: --length"
    return rows, [f"{note} {longest} takes all whole"] if cropped else []


def _packed(
    texts: list[str], known: Vocabulary, splits: dict[str, Tensor], options: LoadOptions
) -> tuple[Tensor, dict[str, Tensor], list[str]]:
    """The texts of each split one after the other, an end after each, in pieces of the length."""
    length = options.length or LONGEST_DEFAULT
    pieces, official, first = [], {}, 0
    for name, indices in splits.items():
        stream = [number for index in indices.tolist() for number in (*known.numbers(texts[index]), END)]
        count = -(-len(stream) // length)
        _check_budget(first + count, length, options)
        stream += [PADDING] * (count * length - len(stream))
        pieces.append(torch.tensor(stream, dtype=torch.long).view(count, length))
        official[name] = torch.arange(first, first + count)
        first += count
    return torch.cat(pieces), official, [f"{len(texts):,} texts are packed into {first:,} pieces of {length:,} symbols"]


def _check_budget(count: int, length: int, options: LoadOptions) -> None:
    if length < 2:
        raise UsageError(f"The length is {length}, but a text needs 2 symbols at the least: one, and its end.")
    if count * length * _BYTES > options.memory_budget:
        raise DataError(
            f"{count:,} texts of {length:,} symbols take {count * length * _BYTES:,} bytes, more than the memory "
            f"budget of {options.memory_budget:,}. Type a smaller --length."
        )
