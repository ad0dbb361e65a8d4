"""Sound files read and written piece by piece, so that an hour takes no more memory than a second."""

from __future__ import annotations

import wave
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import numpy as np

from belamy.errors import MissingExtra, Unreadable
from belamy.modalities.waves import pcm_values, read_header, sound_file

SHORT, LONG = 16, 32
"""Bits of a sample that is written: whole numbers, or floats."""


class SoundReader:
    """A sound file, from its beginning on.

    Args:
        file: Where it lies, or what it holds; it is closed with the reader.

    Raises:
        Unreadable: It is no sound, or an empty one.
        MissingExtra: Only libsndfile could read it.
    """

    def __init__(self, file: Path | IO[bytes]) -> None:
        self._file = file.open("rb") if isinstance(file, Path) else file
        try:
            self.header = read_header(self._file)
            self._file.seek(0)
            self._whole = self.header.coding.endswith("-bit PCM")
            self._sound: Any = (wave.open if self._whole else sound_file)(self._file)
        except BaseException:
            self._file.close()
            raise

    @property
    def fine(self) -> bool:
        """Whether samples are finer than 16 bits."""
        return not any(word in self.header.coding for word in ("8-bit", "16-bit", "PCM_16", "PCM_S8", "PCM_U8"))

    def read(self, frames: int) -> np.ndarray:
        """So many samples of each channel, fewer at the end.  # float64 [channels, n] in [-1, 1]

        Raises:
            Unreadable: They are damaged, or NaN.
        """
        try:
            if self._whole:
                data = self._sound.readframes(frames)
                values = pcm_values(data, self._sound.getsampwidth(), self.header.channels)
            else:
                values = self._sound.read(frames, dtype="float64", always_2d=True).T
        except Exception as error:  # libsndfile's own, whatever is damaged
            raise Unreadable(f"its samples are damaged ({error})") from error
        if not np.isfinite(values).all():
            raise Unreadable("some of its samples are NaN or infinite")
        return values

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._sound.close()
        self._file.close()


class SoundWriter:
    """A WAV file that grows; what is beyond the range is cut off in whole numbers, and kept in floats.

    Args:
        path: Where.
        rate: Samples a second.
        channels: How many.
        bits: 16 for whole numbers, 32 for floats.

    Raises:
        MissingExtra: Floats are wanted, and the package soundfile is not there.
    """

    def __init__(self, path: Path, rate: int, channels: int, bits: int) -> None:
        self.bits, self.clipped = bits, 0
        self._sound: Any
        if bits == SHORT:
            self._sound = wave.open(str(path), "wb")  # noqa: SIM115
            self._sound.setparams((channels, 2, rate, 0, "NONE", ""))
            return
        try:
            import soundfile
        except ImportError as error:
            raise MissingExtra("soundfile", "audio", "Writing sounds of 32 bits") from error
        self._sound = soundfile.SoundFile(path, "w", rate, channels, "FLOAT", format="WAV")

    def write(self, samples: np.ndarray) -> None:
        """Samples more.  # float [channels, n]"""
        if self.bits != SHORT:
            self._sound.write(samples.T.astype(np.float32))
            return
        self.clipped += int((np.abs(samples) > 1).sum())
        whole = np.clip(np.rint(samples * 32768), -32768, 32767).astype("<i2")
        self._sound.writeframes(np.ascontiguousarray(whole.T).tobytes())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._sound.close()
