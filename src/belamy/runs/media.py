"""What is heard, read or played of a run's newest samples: a file beside the sheets, which the report shows."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, TypeAdapter

from belamy.errors import RunError, StorageError
from belamy.modalities.fields import Media
from belamy.runs import files

NAME = "media.json"
BUDGET = 1_500_000
"""Bytes of all that is kept."""


class MediaEntry(BaseModel):
    """One of them; the data are in base 64."""

    model_config = ConfigDict(extra="forbid")

    mime: str
    caption: str
    data: str


KIND: TypeAdapter[list[MediaEntry]] = TypeAdapter(list[MediaEntry])


def save_media(folder: Path, media: Sequence[Media]) -> None:
    """Keep the first of some media, as many as the budget takes, in place of those of an earlier moment."""
    kept, total = [], 0
    for each in media:
        total += len(each.data)
        if total > BUDGET:
            break
        kept.append({"mime": each.mime, "caption": each.caption, "data": base64.b64encode(each.data).decode()})
    files.write_json(folder / NAME, kept)


def read_media(folder: Path, lost: dict[str, str]) -> list[Media]:
    """What was kept; what is damaged is left out and named.

    Args:
        folder: The run's directory.
        lost: Gets a sentence of what is left out.
    """
    path = folder / NAME
    if not path.exists():
        return []
    try:
        return [Media(each.mime, base64.b64decode(each.data, validate=True), each.caption)
                for each in files.read_as(KIND, path)]  # fmt: skip
    except (RunError, StorageError, ValueError) as error:
        lost[NAME] = f"{str(error).partition(' Restore')[0]} It is left out."
        return []
