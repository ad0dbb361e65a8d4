"""Files of pictures and films that verbs write: named by the user, refused before anything is computed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import count
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from belamy.errors import StorageError, UsageError

if TYPE_CHECKING:
    import numpy as np

FILMS = ("gif", "webp", "mp4")


def picture_file(text: str, overwrite: bool, kinds: Sequence[str] = ("png",), option: str = "--out") -> Path:
    """The file that an option names, of one of the kinds.

    Raises:
        UsageError: Another kind of file.
        StorageError: It is there already.
    """
    from belamy.cli.output import named_file

    path = named_file(text, option)
    if kind_of(path) not in kinds:
        raise UsageError(f"{option} is {path}, but it must end in {' or '.join(f'.{kind}' for kind in kinds)}.")
    if path.is_dir() or (path.exists() and not overwrite):
        raise StorageError(f"{path} is there already, and nothing is overwritten unasked. Type --overwrite.")
    return path


def picture_folder(out: Path, overwrite: bool) -> Path:
    """The folder of a verb's results.

    Raises:
        StorageError: There is something in it already, or it is a file.
    """
    if out.exists() and not out.is_dir():
        raise StorageError(f"{out} is a file. Name a folder with --out.")
    if out.is_dir() and any(out.iterdir()) and not overwrite:
        raise StorageError(f"{out} is a folder with files in it. Give another --out, or type --overwrite.")
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
    from belamy.sampling import animation

    encoders = {"gif": animation.encode_gif, "webp": animation.encode_webp, "mp4": animation.encode_mp4}
    return encoders[kind_of(path)](frames, seconds=seconds, hold_last=hold_last)
