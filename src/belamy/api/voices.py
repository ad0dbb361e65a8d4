"""The voice of a recording."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from belamy.data.clips import resampled
from belamy.errors import DataError, Unreadable
from belamy.modalities.sound_streams import SoundReader
from belamy.networks.speaker_encoder import RATE
from belamy.networks.voices import Listener

SECONDS = 60
"""Of a recording that are listened to, at most."""


@torch.no_grad()
def voice_of(path: str | Path) -> Tensor:
    """The voice of who speaks in a recording of any rate and number of channels, of length 1.  # [256]

    Args:
        path: A sound file, of which the first minute is heard.

    Raises:
        DataError: There is no such file, it is no sound, or a silent one.
        MissingExtra: Only libsndfile could read it.
    """
    file = Path(path).expanduser()
    if not file.is_file():
        raise DataError(f"There is no file {file} for the voice.")
    try:
        with SoundReader(file) as reader:
            rate = reader.header.rate
            heard = reader.read(SECONDS * rate).mean(0)
    except Unreadable as error:
        raise DataError(f"{file} cannot be the voice: {error}.") from error
    if not heard.any():
        raise DataError(f"{file} is silent, so it has no voice. Name a recording of speech.")
    waves = torch.from_numpy(resampled(heard, rate, RATE)).float()
    return Listener(RATE)(waves[None, None])[0]
