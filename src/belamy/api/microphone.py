"""The application behind ``belamy enhance --microphone``: a browser records, and a trained method makes it clean."""

import io
from pathlib import Path
from threading import Lock
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from belamy.api.enhancing import blocks, enhancer, run_rate
from belamy.api.local_page import decoded, local_page
from belamy.device import choose_device
from belamy.errors import UsageError
from belamy.modalities.sound_streams import SoundReader
from belamy.modalities.waves import encode_wav
from belamy.runs.run import Run
from belamy.survey.guard import Guard

ASSETS = {
    "report.css": ("style.css", "text/css"),
    "microphone.css": ("microphone/microphone.css", "text/css"),
    "microphone.js": ("microphone/microphone.js", "text/javascript"),
    "spectrum.js": ("microphone/spectrum.js", "text/javascript"),
    "recorder.js": ("microphone/recorder.js", "text/javascript"),
    "server.js": ("server.js", "text/javascript"),
    "icon.svg": ("survey/icon.svg", "image/svg+xml"),
}
"""What the page loads, by name: file and type."""
LONGEST = 60
"""Seconds of a recording at 48,000 samples a second."""
MOST_SAMPLES = LONGEST * 48_000
LARGEST_BODY = 4 * (2 * MOST_SAMPLES // 3) + 4096
"""Bytes of a request's body: the longest recording of 16 bits, in base64, with room."""


class Recording(BaseModel):
    """A recording as the browser sends it: one channel of 16-bit whole numbers, little end first, in base64."""

    model_config = ConfigDict(extra="forbid", strict=True)
    rate: Annotated[int, Field(ge=4000, le=192_000)]
    samples: Annotated[str, Field(max_length=LARGEST_BODY)]


class SoundCleaner:
    """Makes recordings clean.

    Args:
        run: Of a method that makes sounds of sounds.
        weights: The ``newest``, or the ``best`` that ``--keep-best`` kept.
        device: Where to compute.
        seed: Decides what is random, where a network takes noise.

    Raises:
        UsageError: The method makes no sounds of sounds, or of several channels.
    """

    def __init__(self, run: str | Path | Run, *, weights: str = "newest", device: str = "auto", seed: int = 0) -> None:
        opened = run if isinstance(run, Run) else Run.open(run)
        self.method: Any = enhancer(opened, weights)
        channels = self.method.spec.shape[0]
        if channels != 1:
            raise UsageError(
                f"{opened.path} learned from sounds of {channels} channels, but a recording has one. Type "
                f"belamy enhance {opened.path} FILES, or train one with --modality audio:channels=1."
            )
        self.method.to(choose_device(device)).eval()
        self.name, self.seed, self._alone = opened.path.name, seed, Lock()

    def facts(self) -> dict[str, Any]:
        """What the page needs to begin with."""
        rate, delay = run_rate(self.method), getattr(self.method, "delay", None)
        late = None if delay is None else 1000 * delay / rate
        return {"run": self.name, "rate": rate, "delay": late, "most": MOST_SAMPLES}

    def clean(self, given: Recording) -> bytes:
        """A WAV file of what the method makes of a recording, as long as it and at its rate.

        Raises:
            UsageError: It is empty, too long, or no whole numbers of 16 bits.
        """
        data = decoded(given.samples)
        if not data or len(data) % 2 or len(data) > 2 * MOST_SAMPLES:
            raise UsageError(
                f"The recording holds {len(data):,} bytes, but it must hold 1 to {MOST_SAMPLES:,} samples of 2 bytes."
            )
        file = io.BytesIO(encode_wav(np.frombuffer(data, "<i2")[None], given.rate))
        with self._alone, SoundReader(file) as reader:
            made = np.concatenate(list(blocks(self.method, reader, self.seed)), 1)
        return encode_wav(np.clip(np.rint(made * 32768), -32768, 32767).astype(np.int16), given.rate)


def listening_page(cleaner: SoundCleaner) -> tuple[Guard, str]:
    """The guarded application, and the token that its page needs.

    Raises:
        MissingExtra: FastAPI is not installed.
    """
    return local_page(
        "microphone", ASSETS, lambda answers: _answers(answers, cleaner), largest=LARGEST_BODY, microphone=True
    )


def _answers(answers: Any, cleaner: SoundCleaner) -> None:
    """What the page asks for."""
    from fastapi import Response

    @answers.get("/start")
    def start() -> dict[str, Any]:
        return cleaner.facts()

    @answers.post("/clean")
    def clean(given: Recording) -> Response:
        return Response(cleaner.clean(given), media_type="audio/wav")
