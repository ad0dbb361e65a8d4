"""What is wrong with files of text, each fault with its file and line: the data doctor's eye for text.

The files are looked at as bytes, before anything is left out or mended.
"""

from __future__ import annotations

import json
import re
import statistics
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from belamy.data.files import STEP, opened, reason, visible
from belamy.data.texts import JSON_LINES, Corpus, is_binary, text_files

LONG = 2000
"""Characters of a line, and at the least ten times the median line's, that are very many."""
MOST = 1000
"""Places of one kind that are kept."""
_CONTROL = re.compile("[\x01-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_MOJIBAKE = re.compile("\ufffd|Ã[\x80-\xbf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ ¡-¿]|â€")
_UTF16 = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}

WORDS = {
    "binary": "binary files among the texts",
    "encoding": "not in UTF-8",
    "nul": "NUL characters",
    "bom": "a byte order mark",
    "empty-file": "empty files",
    "line-ends": "mixed line ends",
    "json": "lines that are no JSON with a text",
    "blank": "blank lines",
    "trailing-space": "spaces at the end",
    "control": "control characters",
    "mojibake": "letters garbled by a wrong encoding",
    "long": "very long lines",
    "script": "lines in another script than most",
    "once": "characters that occur once in all",
    "duplicate": "texts that repeat another",
    "leak": "texts of the test split that are in the training split",
}
"""Kinds of faults in the order in which they are told, in words."""


class TextFault(NamedTuple):
    """One fault.

    Args:
        kind: A key of ``WORDS``.
        file: Relative to the folder.
        line: Counted from 1; 0 for the whole file.
        detail: What was found.
    """

    kind: str
    file: str
    line: int
    detail: str

    @property
    def place(self) -> str:
        """File and line."""
        return f"{self.file}:{self.line}" if self.line else self.file


def faults_of(path: Path, encoding: str = "utf-8") -> list[TextFault]:
    """The faults of a text file, or of the text files of a folder, by kind.

    Args:
        path: The file or folder.
        encoding: In which they are supposed to be.
    """
    files = [path] if path.is_file() else sorted(text_files(path))
    found: list[TextFault] = []
    lines: list[tuple[str, int, str]] = []
    for file in files:
        name = visible(file.name if path.is_file() else file.relative_to(path).as_posix())
        try:
            with opened(file) as handle:
                content = handle.read(4 * STEP)
        except OSError as error:
            found.append(TextFault("binary", name, 0, reason(error)))
            continue
        text, faults = _decoded(content, name, encoding)
        found += faults
        numbered = list(enumerate(re.split("\r\n|\n|\r", text), 1)) if text else []
        if numbered and not numbered[-1][1]:
            numbered.pop()  # what follows the last line's end
        told = _json_texts(numbered, name, found) if file.suffix.lower() in JSON_LINES else numbered
        lines += [(name, number, line) for number, line in told]
    found += [fault for name, number, line in lines for fault in _of_line(name, number, line)]
    found += [*_long(lines), *_other_scripts(lines), *_seen_once(lines)]
    return _ordered(found)


def repeated(corpus: Corpus) -> list[TextFault]:
    """Documents that repeat another, and those of the test split that are in the training split."""
    split = dict.fromkeys(range(len(corpus.documents)), "train")
    for name, indices in (corpus.official or {}).items():
        split.update(dict.fromkeys(indices.tolist(), name))
    texts = [" ".join(text.split()) for text in corpus.texts]
    first: dict[tuple[str, str], int] = {}
    for index, text in enumerate(texts):
        first.setdefault((split[index], text), index)
    found = []
    for index, text in enumerate(texts):
        trained, known = first.get(("train", text), index), first[split[index], text]
        kind, other = ("leak", trained) if split[index] != "train" and trained != index else ("duplicate", known)
        if other != index:
            of, to = corpus.documents[index], corpus.documents[other]
            found.append(TextFault(kind, visible(of.file), of.line, f"as in {visible(to.place)}"))
    return _ordered(found)


def listed(faults: Sequence[TextFault]) -> dict[str, list[str]]:
    """The places of each kind of fault, in words."""
    kinds: dict[str, list[str]] = defaultdict(list)
    for fault in faults:
        kinds[WORDS[fault.kind]].append(f"{fault.place}{f' ({fault.detail})' if fault.detail else ''}")
    return dict(kinds)


def _ordered(found: Iterable[TextFault]) -> list[TextFault]:
    """By kind, at most ``MOST`` of each."""
    kinds: dict[str, list[TextFault]] = {kind: [] for kind in WORDS}
    for fault in found:
        if len(kinds[fault.kind]) < MOST:
            kinds[fault.kind].append(fault)
    return [fault for each in kinds.values() for fault in each]


def _decoded(content: bytes, name: str, encoding: str) -> tuple[str, list[TextFault]]:
    """What a file says, empty if it is no text, and the faults of the whole file."""
    if not content.strip():
        return "", [TextFault("empty-file", name, 0, "")]
    if content[:2] in _UTF16 or (b"\0" in content and _looks_like_utf16(content)):
        return "", [TextFault("encoding", name, 1, "it looks like UTF-16: encoding=utf-16")]
    if is_binary(content.decode("latin-1")):
        return "", [TextFault("binary", name, 0, "")]
    found = [TextFault("bom", name, 1, "")] if content.startswith(b"\xef\xbb\xbf") else []
    if encoding == "utf-8":
        content = content.removeprefix(b"\xef\xbb\xbf")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        found.append(TextFault("encoding", name, line, "it looks like Latin-1: encoding=latin-1"))
        text = content.decode("latin-1")
    ends = Counter(re.findall("\r\n|\n|\r", text))
    if len(ends) > 1:
        names = {"\r\n": "CR LF", "\n": "LF", "\r": "CR"}
        found.append(TextFault("line-ends", name, 0, ", ".join(f"{n:,} {names[end]}" for end, n in ends.most_common())))
    return text, found


def _looks_like_utf16(content: bytes) -> bool:
    """Whether nearly every second byte is 0, as in Latin letters of UTF-16."""
    head = content[:1000]
    return max(head[0::2].count(0), head[1::2].count(0)) > 0.4 * len(head) > 2


def _json_texts(lines: Iterable[tuple[int, str]], name: str, found: list[TextFault]) -> Iterator[tuple[int, str]]:
    """The texts of JSON lines."""
    for number, line in lines:
        try:
            held = json.loads(line) if line.strip() else {"text": ""}
            if not isinstance(held.get("text"), str):
                raise ValueError
        except (ValueError, AttributeError, RecursionError):
            found.append(TextFault("json", name, number, ""))
            continue
        yield number, held["text"]


def _of_line(name: str, number: int, line: str) -> Iterator[TextFault]:
    """The faults that a line has by itself."""
    if not line.strip():
        yield TextFault("blank", name, number, "")
        return
    if "\0" in line:
        yield TextFault("nul", name, number, "")
    if line != line.rstrip():
        yield TextFault("trailing-space", name, number, "")
    if odd := _CONTROL.search(line):
        yield TextFault("control", name, number, f"U+{ord(odd[0]):04X}")
    if wrong := _MOJIBAKE.search(line):
        yield TextFault("mojibake", name, number, visible(wrong[0]))


def _long(lines: Sequence[tuple[str, int, str]]) -> Iterator[TextFault]:
    lengths = [len(line) for _, _, line in lines if line.strip()]
    most = max(LONG, 10 * statistics.median(lengths)) if lengths else LONG
    for name, number, line in lines:
        if len(line) > most:
            yield TextFault("long", name, number, f"{len(line):,} characters")


def _other_scripts(lines: Sequence[tuple[str, int, str]]) -> Iterator[TextFault]:
    """Lines most of whose letters are of another script than most lines' are."""
    scripts = [_script(line) for _, _, line in lines]
    counts = Counter(script for script in scripts if script)
    if len(counts) < 2:
        return
    usual = counts.most_common(1)[0][0]
    for (name, number, _), script in zip(lines, scripts, strict=True):
        if script and script != usual:
            yield TextFault("script", name, number, f"{script.capitalize()}, not {usual.capitalize()}")


def _script(line: str) -> str:
    """The script of most letters of a line: the first word of their names in Unicode; empty without letters."""
    names = Counter(unicodedata.name(letter, "").partition(" ")[0] for letter in line[:LONG] if letter.isalpha())
    return names.most_common(1)[0][0] if names else ""


def _seen_once(lines: Sequence[tuple[str, int, str]]) -> Iterator[TextFault]:
    counts: Counter[str] = Counter()
    for _, _, line in lines:
        counts.update(line)
    once = {letter for letter, count in counts.items() if count == 1}
    for name, number, line in lines:
        for letter in once.intersection(line):
            yield TextFault("once", name, number, f"'{visible(letter)}'")
