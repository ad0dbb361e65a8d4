"""What a game leaves in its folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from belamy.errors import StorageError
from belamy.game.page import render
from belamy.game.record import Record
from belamy.modalities import animation
from belamy.runs.files import filling, save_png, write_bytes, write_json

FOLDER = "games"
IN_SHEET = 6
"""Moments on the sheet."""


def free_folder(name: str) -> Path:
    """The first of ``games/NAME-1``, ``-2`` … that does not exist."""
    number = 1
    while (path := Path(FOLDER) / f"{name}-{number}").exists():
        number += 1
    return path


def check_free(folder: Path) -> None:
    """Refuse a place that holds something.

    Raises:
        StorageError: It is a file, or a folder that is not empty.
    """
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        what = "a file" if folder.is_file() else "a folder with files in it"
        raise StorageError(f"{folder} is {what}, and nothing is overwritten. Give another --out.")


def write(record: Record, folder: Path, tell: Callable[[int, int], None] | None = None) -> dict[str, Path]:
    """Write page, animation, pictures and numbers.

    Args:
        record: The game.
        folder: New or empty.
        tell: Called with frames drawn and frames in all.

    Returns:
        What was written, by kind.
    """
    check_free(folder)
    frames = []
    for number in range(len(record.moments)):
        frames.append(record.frame(number))
        if tell:
            tell(number + 1, len(record.moments))
    codecs = animation.available_codecs()
    moving = {"gif": animation.encode_gif(frames)}
    if "webp" in codecs:
        moving["webp"] = animation.encode_webp(frames)
    if "mp4" in codecs:
        moving["mp4"] = animation.encode_mp4(frames)
    written = {"page": folder / "game.html", "numbers": folder / "game.json"}
    written |= {"last": folder / "last.png", "sheet": folder / "moments.png"}
    written |= {kind: folder / f"game.{kind}" for kind in moving}
    with filling(folder) as new:
        for kind, data in moving.items():
            write_bytes(new / written[kind].name, data)
        save_png(frames[-1], new / written["last"].name)
        save_png(sheet(frames), new / written["sheet"].name)
        write_json(new / written["numbers"].name, record.as_json())
        page = render(record, moving.get("webp", moving["gif"]), frames[-1])
        write_bytes(new / written["page"].name, page.encode())
    return written


def sheet(frames: list[np.ndarray]) -> np.ndarray:
    """A few moments of a game side by side, the first and the last among them."""
    chosen = [frames[round(place)] for place in np.linspace(0, len(frames) - 1, min(IN_SHEET, len(frames)))]
    columns = (len(chosen) + 1) // 2
    blank = np.full_like(chosen[0], 255)
    chosen += [blank] * (2 * columns - len(chosen))
    rows = [np.concatenate(chosen[start : start + columns], axis=1) for start in (0, columns)]
    return np.concatenate(rows, axis=0)
