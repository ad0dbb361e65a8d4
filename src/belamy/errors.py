"""What can go wrong for a user, in one tree.

    BelamyError                exit code 2: one clear message, no traceback
    ├── UsageError             an unknown name, a wrong option, a bad number
    ├── DataError              a source of data that cannot be read
    ├── RunError               a run directory that is foreign, damaged or incomplete
    ├── StorageError           a disk that is full or a folder that cannot be written
    ├── MissingExtra           an optional dependency is not installed
    ├── NotFinite              training met NaN or infinity; exit code 3
    └── Interrupted            the user stopped a run, which is saved; exit code 130

Every message says what happened, the value against what is allowed, and what to type next.
"""

import re
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""All but tab and line feed, and the marks that turn the direction of writing."""


MOST_LISTED = 400
"""Letters of a list of names in a message."""


class BelamyError(Exception):
    """A failure that the user can mend; its text is the whole report."""

    exit_code = 2


class UsageError(BelamyError):
    """An unknown name, a wrong option or a number out of range."""


class DataError(BelamyError):
    """A source of data that cannot be read."""


class RunError(BelamyError):
    """A run directory that is foreign, damaged or incomplete."""


class StorageError(BelamyError):
    """A disk that is full or a folder that cannot be written."""


class MissingExtra(BelamyError):
    """An optional dependency is not installed."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(f"{purpose} needs the package '{package}'. Type: pip install 'belamy[{extra}]'")


class Unreadable(Exception):
    """A file that holds nothing that can be used; the text is the reason."""


class NotFinite(BelamyError):
    """Training met NaN or infinity."""

    exit_code = 3


class Interrupted(BelamyError):
    """The user stopped a run, which is saved."""

    exit_code = 130

    def __init__(self, path: Path, samples: int) -> None:
        super().__init__(f"Stopped after {samples:,} samples and saved. Go on with: belamy resume {path}")


def nearest(name: str, names: Iterable[str]) -> str:
    """A suggestion to append to a message: the nearest names, or all of them.

    Example:
        >>> nearest("hing", ["hinge", "wasserstein"])
        "Did you mean 'hinge'?"
    """
    known = sorted(names)
    close = get_close_matches(name, known, n=3, cutoff=0.55)
    if close:
        return f"Did you mean {' or '.join(repr(match) for match in close)}?"
    listed = ", ".join(known)
    if len(listed) > MOST_LISTED:
        listed = f"{listed[:MOST_LISTED].rpartition(', ')[0]} … ({len(known)} in all)"
    return f"Known: {listed or 'none'}."


def one_of(names: Iterable[str]) -> str:
    """Names as a choice.

    Example:
        >>> one_of(["crop", "pad", "stretch"])
        'crop, pad or stretch'
    """
    *most, last = names
    return f"{', '.join(most)} or {last}" if most else last


_MUST = {"a valid integer": "a whole number", "a valid number": "a number", "a valid string": "a text",
         "a valid boolean": "true or false", "a finite number": "a finite number"}  # fmt: skip


def must_be(said: str) -> str:
    """What pydantic says of a value, in our words.

    Example:
        >>> must_be("Input should be greater than 0")
        'it must be greater than 0'
        >>> must_be("Input should be a valid integer, unable to parse string as an integer")
        'it must be a whole number'
    """
    wanted = said.removeprefix("Input should be ")
    if wanted == said:
        return said.removeprefix("Value error, ").removeprefix("Assertion failed, ")
    return f"it must be {next((word for start, word in _MUST.items() if wanted.startswith(start)), wanted)}"


def plain(text: str) -> str:
    """Text that may hold anything a user named, without what a terminal would obey: control characters are spelled out.

    Example:
        >>> plain("a label\x1b[31m")
        'a label\\\\u001b[31m'
    """
    return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
