"""Documents in files: one a line, one a file, or JSON lines; with the classes and splits that folders say."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor

from belamy.data.assembly import categories
from belamy.data.dataset import Attribute
from belamy.data.files import STEP, read_text, visible, walk
from belamy.data.layout import read_layout
from belamy.data.pictures import is_picture_name
from belamy.errors import DataError, Unreadable

Text = TypeVar("Text")

SUFFIXES = (".txt", ".text", ".md")
JSON_LINES = (".jsonl", ".ndjson")
OTHER_ARRAYS = (".npy", ".npz", ".zip", ".wav", ".flac")
"""A folder with such files in it is none of documents."""
SHEET = "sheet.png"
"""What `belamy sample` lays beside the samples: never taken for one of them."""
NO_TEXT = re.compile("[\0\ud800-\udfff]")
"""What an escape in JSON can name and no text holds: NUL, and half of the two by which UTF-16 writes one character."""
_NAME = 48
_ENDS = re.compile("\r\n|[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_BINARY, _SHARE = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f]"), 0.1
_SPLITS = frozenset(("train", "training", "test", "testing", "val", "valid", "validation"))


class Document(NamedTuple):
    """One text, and where it stands.

    Args:
        text: What it says.
        file: Relative to the folder; the file's own name where one was given.
        line: Counted from 1; 0 where the file is the document.
        label: What a JSON line says of it.
    """

    text: str
    file: str
    line: int = 0
    label: str | None = None

    @property
    def place(self) -> str:
        """File and line."""
        return f"{self.file}:{self.line}" if self.line else self.file


@dataclass(frozen=True)
class Corpus:
    """Documents in order.

    Args:
        name: What the set is called.
        documents: Those that are not blank.
        label: The class of each, where folders, files or JSON lines say one for all.
        official: Splits, where folders or files are called train and test.
        blank: How many blank lines or files there are.
        skipped: Files and lines that cannot be read, with the reason.
        notes: Why there are no labels, where a user might have expected some.
    """

    name: str
    documents: tuple[Document, ...]
    label: Attribute | None = None
    official: dict[str, Tensor] | None = None
    blank: int = 0
    skipped: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = field(default_factory=tuple)

    @property
    def texts(self) -> tuple[str, ...]:
        """What the documents say."""
        return tuple(document.text for document in self.documents)

    @property
    def names(self) -> tuple[str, ...]:
        """What each is called: its file, or its beginning where it is a line."""
        return tuple(visible(_beginning(each.text) if each.line else each.file) for each in self.documents)


def holds_documents(path: Path) -> bool:
    """Whether a path is a text file, or a folder with two of them at least and nothing else that is learned from."""
    if path.is_file():
        return path.suffix.lower() in (*SUFFIXES, *JSON_LINES)
    if not path.is_dir():
        return False
    found = 0
    for file in walk(path, unread=[]):
        if file.name == SHEET:
            continue
        if is_picture_name(file.name) or file.suffix.lower() in OTHER_ARRAYS:
            return False
        found += 2 if file.suffix.lower() in JSON_LINES else file.suffix.lower() in SUFFIXES
    return found > 1


def read_corpus(
    path: Path, budget: int = 2 << 30, *, lines: bool | None = None, encoding: str = "utf-8", least: int = 2
) -> Corpus:
    """The documents of a folder or a file.

    Args:
        path: The folder or file.
        budget: Bytes of memory that sixteen times the text may take.
        lines: Whether each line is a document; by default in a file, and in a folder of files called train and test.
        encoding: Of the files.
        least: How many documents there must be.

    Raises:
        DataError: The file cannot be read as text, there is more than fits, or there are fewer documents.
    """
    files = [path] if path.is_file() else sorted(text_files(path))
    inside = {file: file.name if path.is_file() else file.relative_to(path).as_posix() for file in files}
    by_line = path.is_file() or all(file.stem.lower() in _SPLITS for file in files) if lines is None else lines
    found: list[Document] = []
    skipped: list[tuple[str, str]] = []
    left, blank = max(budget, STEP) // 16, 0
    for file, name in inside.items():
        try:
            text = _read(file, left, encoding)
        except Unreadable as error:
            if path.is_file():
                raise DataError(f"{path} {error}") from None
            skipped.append((name, str(error).partition(". ")[0]))
            continue
        left -= len(text)
        for document in _documents(text, name, by_line, skipped):
            if document.text.strip():
                found.append(document)
            else:
                blank += 1
    if len(found) < least:
        lost = f" {len(skipped):,} left out, e.g. {skipped[0][0]}: {skipped[0][1]}." if skipped else ""
        held = f"{len(found)} document{'' if len(found) == 1 else 's'}"
        raise DataError(
            f"{path} holds {held}, but there must be {least} or more: give a folder of .txt files, "
            f'one file with a document on each line, or JSON lines with a "text".{lost}'
        )
    return _described(path, found, blank, skipped)


def text_files(folder: Path) -> Iterator[Path]:
    """The files of a folder and below that hold text, by their names."""
    return (file for file in walk(folder) if file.suffix.lower() in (*SUFFIXES, *JSON_LINES))


def _read(file: Path, left: int, encoding: str) -> str:
    """What a text file says; what is wrong with one that can be left out is the text of an ``Unreadable``."""
    if file.stat().st_size > left:
        raise DataError(f"{file} and those before it hold more text than fits: {left:,} bytes are left. Give fewer.")
    try:
        text = read_text(file, left, encoding)
    except DataError as error:
        named = "utf-16" if "UTF-16" in str(error) else "latin-1" if encoding == "utf-8" else "utf-8"
        hint = f" To read it as it is: --modality text:encoding={named}"
        raise Unreadable(f"{str(error).removeprefix(f'{file} ')}{hint}") from None
    if is_binary(text):
        raise Unreadable("is no text but a binary file. Take it out of the data.")
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise Unreadable(f"holds a NUL character in line {line:,}, as binary files do. Take it out of the data.")
    return text


def is_binary(text: str) -> bool:
    """Whether a share of the characters that no text has are control characters."""
    return len(_BINARY.findall(text)) > _SHARE * len(text)


def numbered_lines(text: str) -> Iterable[tuple[int, str]]:
    """Each line with its number from 1; a carriage return with a line feed ends one line."""
    lines = _ENDS.split(text)
    return enumerate(lines if lines[-1] else lines[:-1], 1)


def _documents(text: str, name: str, by_line: bool, skipped: list[tuple[str, str]]) -> Iterator[Document]:
    """The documents of one file."""
    if PurePosixPath(name).suffix.lower() in JSON_LINES:
        for number, line in enumerate(text.split("\n"), 1):  # JSON may hold other line ends as they are
            try:
                yield _parsed(line, name, number) if line.strip() else Document("", name, number)
            except ValueError as error:
                skipped.append((f"{name}:{number}", str(error)))
    elif by_line:
        yield from (Document(line.strip(), name, number) for number, line in numbered_lines(text))
    else:
        yield Document(text, name)


def _parsed(line: str, name: str, number: int) -> Document:
    """The document of a JSON line; a ``ValueError`` says what is wrong with it."""
    try:
        held = json.loads(line)
    except (ValueError, RecursionError):
        raise ValueError("no JSON") from None
    if not isinstance(held, dict) or not isinstance(held.get("text"), str):
        raise ValueError('no object with a "text"')
    label = held.get("label")
    if label is not None and not isinstance(label, str | int | float):
        raise ValueError('its "label" is neither a name nor a number')
    if NO_TEXT.search(f"{held['text']}{label}"):
        raise ValueError("a NUL or half a character in it")
    return Document(held["text"], name, number, None if label is None else str(label))


def _described(path: Path, found: list[Document], blank: int, skipped: list[tuple[str, str]]) -> Corpus:
    files = {each.file for each in found}
    layout = read_layout([_as_folders(each) for each in found]) if len(files) > 1 else None
    said = [each.label for each in found]
    label = categories([each for each in said if each is not None]) if None not in said else None
    notes = list(layout.notes) if layout else []
    if label is None and any(each is not None for each in said):
        notes.append(f"{sum(each is None for each in said):,} JSON lines have no label, so there are no classes")
    return Corpus(
        path.absolute().stem or "documents",
        tuple(found),
        label or (layout.label if layout else None),
        layout.official if layout else None,
        blank,
        tuple((visible(file), visible(why)) for file, why in skipped),
        tuple(notes),
    )


def _as_folders(document: Document) -> str:
    """A name by which folders, or files whose lines are documents, tell classes and splits."""
    parts = PurePosixPath(document.file).with_suffix("").parts if document.line else (document.file,)
    return "/".join((*(parts if len(parts) == 1 else parts[:-1]), str(document.line))) if document.line else parts[0]


def _beginning(line: str) -> str:
    return line if len(line) <= _NAME else f"{line[:_NAME].rsplit(' ', 1)[0]} …"


def training_texts(texts: Sequence[Text], splits: dict[str, Tensor]) -> list[Text]:
    """The texts, or several of each sample, that are trained on."""
    return [texts[index] for index in splits.get("train", torch.arange(len(texts))).tolist()]
