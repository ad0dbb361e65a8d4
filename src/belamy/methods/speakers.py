"""Voices of the speakers whom data name as classes."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from belamy.data import Dataset
from belamy.errors import DataError
from belamy.modalities.fields import LABEL
from belamy.networks.voices import Listener

TOGETHER = 8
"""Recordings that are listened to together."""


@torch.no_grad()
def voices_of(data: Dataset, listener: Listener, most: int) -> Iterator[Tensor]:
    """Of each speaker in turn the voices of the first training recordings.  # [n, 256] each

    Args:
        data: Recordings with their speakers as classes.
        listener: Tells voices.
        most: Recordings of a speaker.

    Raises:
        DataError: Of one there is no training recording.
    """
    learned = data.indices("train")
    speakers = data.batch(learned)[LABEL]
    for number, name in enumerate(data.classes):
        chosen = learned[speakers == number][:most]
        if not len(chosen):
            raise DataError(f"There is no recording of '{name}' to learn from. Add some, or leave this speaker out.")
        yield torch.cat([listener(data.batch(part).main) for part in chosen.split(TOGETHER)])
