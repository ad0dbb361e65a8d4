"""Films that are given to a method whose own are short and of one size: brought to its frames and their size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from belamy.api.film_translation import films_in
from belamy.api.given_files import Given
from belamy.data.files import reasons, visible
from belamy.data.film_files import open_film
from belamy.data.pictures import squared
from belamy.errors import DataError, Unreadable
from belamy.modalities.fields import Field


def read_films(inputs: Sequence[str], field: Field, fit: str) -> tuple[list[Given], list[tuple[str, str]]]:
    """Each film that can be read: frames evenly from its first to its last, in the field's size; and the others.

    Args:
        inputs: Films, folders of numbered frames, folders of films.
        field: How many frames, channels and pixels.
        fit: How frames take their size: ``crop``, ``pad`` or ``stretch``.

    Raises:
        DataError: None can be read.
    """
    found: list[Given] = []
    skipped: list[tuple[str, str]] = []
    for path in (each for name in inputs for each in _films(Path(name).expanduser())):
        try:
            found.append(Given(visible(path.name), _brought(path, field, fit)))
        except Unreadable as error:
            skipped.append((visible(path.name), str(error)))
    if not found:
        raise DataError(f"None of the {len(skipped):,} file(s) can be read as film: {reasons(skipped)}.")
    return found, skipped


def _films(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    held = films_in(path, True)
    if not held:
        raise DataError(f"{path} holds no films.")
    yield from held


def _brought(path: Path, field: Field, fit: str) -> Tensor:
    """The frames of a film.  # uint8 [T, C, H, W]"""
    length, channels, height, width = field.shape
    frames = []
    for raw, _ in open_film(path).frames(field._replace(shape=(channels, height, width))):
        image = Image.fromarray(raw[0].numpy() if channels == 1 else raw.movedim(0, -1).numpy())
        frames.append(np.asarray(squared(image, (width, height), fit)))
    chosen = torch.linspace(0, len(frames) - 1, length).round().long()
    return torch.from_numpy(np.stack(frames))[chosen].reshape(length, height, width, channels).permute(0, 3, 1, 2)
