"""Captions of pictures as a further field: from a table, JSON lines, or a text file beside each picture."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import Protocol

import torch

from belamy.data.dataset import Column, Dataset, Memory
from belamy.data.files import read_text
from belamy.data.texts import JSON_LINES, NO_TEXT, training_texts
from belamy.data.variants import Variants
from belamy.errors import DataError, UsageError, nearest
from belamy.modalities.fields import Field
from belamy.modalities.text import Vocabulary

BESIDE = "beside"
FIELD = "caption"
LONGEST = 256
"""Characters of a caption that are kept, its end among them."""
BESIDE_LARGEST, TABLE_LARGEST = 1 << 20, 1 << 28
"""Bytes of a text file beside a picture, and of a file of captions, at most."""
_NO_LETTER = re.compile(f"{NO_TEXT.pattern}|[\x01-\x1f\x7f-\x9f]")
_FILES = ("file", "file_name", "filename", "image", "name")
_TEXTS = ("caption", "text", "description")


class TextFiles(Protocol):
    """The text files that lie among pictures: in their folder or their archive."""

    def names(self) -> Iterable[str]:
        """Of all files at the top."""
        ...

    def read(self, name: str, most: int) -> str | None:
        """What a file says; None where there is none.

        Raises:
            DataError: It cannot be read, or is larger than ``most`` bytes.
        """
        ...


class FolderTexts:
    """The text files of a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def names(self) -> Iterable[str]:
        """Of all files at the top."""
        return [each.name for each in self.folder.iterdir()]

    def read(self, name: str, most: int) -> str | None:
        """What a file says; None where there is none."""
        return read_text(self.folder / name, most) if (self.folder / name).is_file() else None


def captioned(
    data: Dataset, files: TextFiles, said: str, length: int | None = None, unit: str = "characters"
) -> Dataset:
    """Pictures with the field ``caption``, symbols as numbers; the vocabulary is that of the training pictures.

    Args:
        data: The pictures, with their names.
        files: What lies among them.
        said: ``beside`` for a ``.txt`` file beside each picture, each line a caption, or a file of captions, among them
            or elsewhere: CSV with the columns ``file`` and ``caption``, or JSON lines with these names. A picture may
            be named more than once.
        length: As of :func:`with_captions`.
        unit: As there.

    Raises:
        UsageError: There is no such file.
        DataError: It is no table of captions, or no picture has one.
    """
    names = data.names or ()
    found, strange = (_beside(files, names), []) if said == BESIDE else _matched(files, said, names)
    texts = [_different(found.get(name, ())) for name in names]
    missing = [name for name, several in zip(names, texts, strict=True) if not several[0]]
    if len(missing) == len(names):
        wanted = PurePosixPath(names[0]).with_suffix(".txt")
        example = f"a file {wanted}" if said == BESIDE else f"a row '{names[0]},…' in {said}"
        raise DataError(
            f"None of the {len(names):,} pictures of {data.name} has a caption: the first would have {example}, and "
            "some text in it."
        )
    notes = [*data.notes]
    if missing:
        notes.append(f"{len(missing):,} pictures have no caption, e.g. {missing[0]}: theirs are empty")
    if strange:
        notes.append(f"{len(strange):,} captions in {said} are of no picture here, e.g. that of {strange[0]}: left out")
    if several := sum(len(each) > 1 for each in texts):
        notes.append(
            f"{several:,} pictures have several captions, up to {max(map(len, texts))}: one is drawn each time that a "
            "picture is learned from; where one is needed, it is the first"
        )
    return with_several_captions(data, texts, length, unit).changed(notes=notes)


def with_captions(data: Dataset, texts: Sequence[str], length: int | None = None, unit: str = "characters") -> Dataset:
    """Pictures with the field ``caption``; the vocabulary is that of the training pictures.

    Args:
        data: The pictures.
        texts: One for each.
        length: Symbols that are kept, an end among them; by default those of the longest, at most 256.
        unit: What a symbol is, ``characters`` or ``words``.
    """
    return with_several_captions(data, [(text,) for text in texts], length, unit)


def with_several_captions(
    data: Dataset, texts: Sequence[Sequence[str]], length: int | None = None, unit: str = "characters"
) -> Dataset:
    """Pictures with the field ``caption``, of which each has one or more: one is drawn each time it is learned from.

    Args:
        data: The pictures.
        texts: One or more for each.
        length: As of :func:`with_captions`.
        unit: As there.
    """
    known = Vocabulary.of(chain.from_iterable(training_texts(texts, data.splits)), unit)
    spoken = [text for several in texts for text in several]
    longest = length or min(max(len(known.numbers(text)) for text in spoken) + 1, LONGEST)
    rows, counts = torch.tensor([known.row(text, longest) for text in spoken]), [len(several) for several in texts]
    store = Memory(rows) if max(counts) == 1 else Variants(rows, torch.tensor(counts))
    return data.changed(extra={**data.extra, FIELD: Column(Field("text", (longest,), known.symbols), store)})


def _different(texts: Iterable[str]) -> list[str]:
    """Texts with single spaces, without control characters, each once, without empty ones; an empty one where there
    is no other."""
    plain = (" ".join(_NO_LETTER.sub(" ", each).split()) for each in texts)
    return [text for text in dict.fromkeys(plain) if text] or [""]


def _beside(files: TextFiles, names: tuple[str, ...]) -> dict[str, list[str]]:
    """The lines of the text files that are called like pictures."""
    found = {name: files.read(str(PurePosixPath(name).with_suffix(".txt")), BESIDE_LARGEST) for name in names}
    return {name: text.splitlines() for name, text in found.items() if text is not None}


def _matched(files: TextFiles, said: str, names: tuple[str, ...]) -> tuple[dict[str, list[str]], list[str]]:
    """The captions of a file by the names of pictures, the whole or the last part: those of the first file so named.
    And files that are no pictures here."""
    path = Path(said).expanduser()
    text = read_text(path, TABLE_LARGEST) if path.is_file() else files.read(said, TABLE_LARGEST)
    if text is None:
        held = [name for name in files.names() if PurePosixPath(name).suffix.lower() in (".csv", *JSON_LINES)]
        raise UsageError(f"There is no file of captions '{said}'. {nearest(said, [*held, BESIDE])}")
    read = _json if path.suffix.lower() in JSON_LINES else _table
    captions: dict[str, list[str]] = {}
    for file, caption in read(text, said):
        captions.setdefault(file.replace("\\", "/").removeprefix("./"), []).append(caption)
    ends = {PurePosixPath(file).name: texts for file, texts in reversed(captions.items())}
    told = {name: captions.get(name, ends.get(PurePosixPath(name).name)) for name in names}
    known = {*names, *(PurePosixPath(name).name for name in names)}
    strange = [file for file in captions if file not in known and PurePosixPath(file).name not in known]
    return {name: texts for name, texts in told.items() if texts is not None}, strange


def _table(text: str, where: str) -> Iterator[tuple[str, str]]:
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        titles = [title.strip().lower() for title in next(rows, [])]
        columns = [next((titles.index(name) for name in names if name in titles), -1) for names in (_FILES, _TEXTS)]
        if -1 in columns:
            raise DataError(
                f"{where} must have the columns file and caption, but has {', '.join(titles) or 'none'}. Let its first "
                "line be file,caption, parted by a comma."
            )
        yield from ((row[columns[0]].strip(), row[columns[1]]) for row in rows if len(row) > max(columns))
    except csv.Error as error:
        raise DataError(
            f"{where} is not a table of captions: {error}, in line {rows.line_num:,}. Look at its quotation marks."
        ) from error


def _json(text: str, where: str) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            held = {str(key).lower(): value for key, value in json.loads(line).items() if isinstance(value, str)}
        except (ValueError, AttributeError, RecursionError):
            held = {}
        found = [next((held[name] for name in names if name in held), None) for names in (_FILES, _TEXTS)]
        if found[0] is None or found[1] is None:
            raise DataError(f'{where}, line {number}, is no object with a "file" and a "caption".')
        yield found[0], found[1]
