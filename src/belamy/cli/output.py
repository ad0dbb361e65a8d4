"""What verbs write: text for people on standard output, JSON where ``--json`` says, files where ``--out`` does."""

from __future__ import annotations

import codecs
import io
import json
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from pathlib import Path, PurePath
from time import monotonic
from typing import TYPE_CHECKING, Any

from belamy.errors import StorageError, UsageError, plain

if TYPE_CHECKING:
    import numpy as np

    from belamy.progress import Reporter

STANDARD_OUTPUT = "-"
FILMS = ("gif", "webp", "mp4")
LOOKALIKES = str.maketrans(
    {"→": "->", "…": "...", "×": "x", "±": "+-", "█": "#", "·": ".", "≥": ">=", "≤": "<=", "│": "|", "’": "'"}
    | dict.fromkeys("–—−─━╸╺", "-")
    | dict.fromkeys("╭╮╰╯├┤┬┴┼", "+")
    | dict.fromkeys("“”", '"')
)
"""What stands for a character that a terminal's encoding lacks."""


def degrade(stream: Any) -> None:
    """Make a stream write something like each character that its encoding lacks, where it would raise an error."""
    codecs.register_error("belamy", _lookalike)
    if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
        stream.reconfigure(errors="belamy")


def _lookalike(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end].translate(LOOKALIKES)
    return text.encode("ascii", "backslashreplace").decode("ascii"), error.end


def say(text: str = "") -> None:
    """A line for the user; of several processes under torchrun only the first speaks."""
    if os.environ.get("RANK", "0") == "0":
        sys.stdout.write(f"{plain(text)}\n")


def tell_lost(lost: Mapping[str, str]) -> None:
    """What of a run was damaged and is left out, a line each on standard error."""
    for damaged in lost.values():
        sys.stderr.write(f"belamy: {plain(damaged)}\n")


def deliver(facts: Any, json_file: str | None, text: str) -> None:
    """The facts as JSON in the file that the user named, and the text for people.

    Args:
        facts: Plain data.
        json_file: Where the JSON goes; ``-`` is standard output, which then holds nothing else; None for nowhere.
        text: The same for people.
    """
    if json_file == STANDARD_OUTPUT:
        from belamy.runs.strict_json import strict

        everything = (sys.stdout.encoding or "").lower().startswith("utf")
        say(json.dumps(strict(facts), indent=2, ensure_ascii=not everything, allow_nan=False))
        return
    if json_file is not None:
        from belamy.runs.files import write_json

        write_json(named_file(json_file, "--json"), facts)
    say(text)


def named_file(text: str, option: str) -> Path:
    """The file or folder that an option names, new or old.

    Raises:
        UsageError: Nothing is named, or a device or a pipe, which a whole file written aside would replace.
        StorageError: It lies below a file, or in a folder that cannot be written.
    """
    path = Path(text).expanduser()
    if not text or "\0" in text or (os.path.lexists(path) and not path.is_file() and not path.is_dir()):
        raise UsageError(f"{option} is '{text}', which is no file. Name one, new or old.")
    above = next(folder for folder in path.absolute().parents if os.path.lexists(folder))
    if not above.is_dir():
        raise StorageError(f"{option} is {path}, but {above} is a file: nothing can lie in it. Name another.")
    if not os.access(path if path.is_dir() else above, os.W_OK):
        raise StorageError(f"{option} is {path}, but the folder {above} cannot be written. Name another.")
    return path


def picture_file(text: str, overwrite: bool, kinds: Sequence[str] = ("png",), option: str = "--out") -> Path:
    """The file that an option names, of one of the kinds.

    Raises:
        UsageError: Another kind of file.
        StorageError: It is there already, or cannot be written.
    """
    path = named_file(text, option)
    if kind_of(path) not in kinds:
        hint = " For the numbers, type --json NAME.json." if "html" in kinds else ""
        raise UsageError(f"{option} is {path}, but it must end in {' or '.join(f'.{kind}' for kind in kinds)}.{hint}")
    if path.is_dir():
        raise StorageError(f"{path} is a folder. Name a file.")
    if path.exists() and not overwrite:
        raise StorageError(f"{path} is there already, and nothing is overwritten unasked. Type --overwrite.")
    return path


def picture_folder(out: Path, overwrite: bool, option: str = "--out") -> Path:
    """The folder of a verb's results, which an option names; what a killed verb left in it does not count.

    Raises:
        StorageError: There is something in it already, or it is a file.
    """
    if out.exists() and not out.is_dir():
        raise StorageError(f"{out} is a file. Name a folder with {option}.")
    from belamy.runs.files import OUT

    if out.is_dir() and any(not each.name.startswith(OUT) for each in out.iterdir()) and not overwrite:
        raise StorageError(f"{out} is a folder with files in it. Give another {option}, or type --overwrite.")
    return out


def stems(names: Sequence[str], taken: Sequence[str] = ()) -> list[str]:
    """What to call files made of pictures with these names: no two alike, and none like those that are taken.

    Example:
        >>> stems(["a/b.png", "a b.jpg", "sheet.png"], ["sheet.png"])
        ['a-b', 'a-b-2', 'sheet-2']
    """
    found: list[str] = []
    used = {PurePath(name).stem for name in taken}
    for name in names:
        stem = re.sub(r"[^\w-]+", "-", name.rpartition(".")[0] or name)
        places = (stem if number == 1 else f"{stem}-{number}" for number in count(1))
        found.append(next(place for place in places if place not in used))
        used.add(found[-1])
    return found


def kind_of(path: Path) -> str:
    """The ending of a file's name, in small letters and without its dot."""
    return path.suffix.lower().removeprefix(".")


def film(frames: Sequence[np.ndarray], path: Path, seconds: float, hold_last: float = 0.0) -> bytes:
    """The bytes of a film in the format that the file's name says."""
    from belamy.modalities import animation

    encoders: dict[str, Callable[..., bytes]] = {
        "gif": animation.encode_gif, "webp": animation.encode_webp, "mp4": animation.encode_mp4
    }  # fmt: skip
    return encoders[kind_of(path)](frames, seconds=seconds, hold_last=hold_last)


def telling(told: Reporter, what: str = "images", speed: bool = False) -> Callable[[int, int], None]:
    """What to call with how many are done and of how many: shows it, and the time that the rest will take.

    Args:
        told: Shows it.
        what: What is done.
        speed: Whether to show how many are done in a second; then the total may be 0, where nobody knows it.
    """
    from belamy.progress import duration

    began = monotonic()

    def tell(done: int, total: int) -> None:
        if told.due():
            each = (monotonic() - began) / done
            of, left = (f" of {total:,}", f"  {duration((total - done) * each)} left") if total else ("", "")
            pace = f"  {1 / max(each, 1e-9):.3g} a second" if speed else ""
            told.work(done / total if total else 0.0, f"{done:,}{of} {what}{pace}{left}")

    return tell
