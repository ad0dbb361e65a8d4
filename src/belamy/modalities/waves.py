"""Files of sound: PCM in WAV by the standard library, all else by libsndfile (the extra ``audio``)."""

from __future__ import annotations

import io
import wave
from typing import IO, Any, NamedTuple

import numpy as np

from belamy.errors import MissingExtra, Unreadable

SUFFIXES = frozenset((".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".aifc", ".au", ".snd",
                      ".caf", ".w64", ".rf64"))  # fmt: skip
"""Names of sound files end so."""
LONGEST = 1 << 31
"""Samples that a header may promise."""


class SoundHeader(NamedTuple):
    """What a sound file says of itself.

    Args:
        rate: Samples per second.
        channels: How many.
        frames: Samples of each channel.
        coding: E.g. ``16-bit PCM``, ``FLAC PCM_16``.
    """

    rate: int
    channels: int
    frames: int
    coding: str


def is_sound_name(name: str) -> bool:
    """Whether a file's name ends as those of sounds do.

    Example:
        >>> is_sound_name("kick.WAV"), is_sound_name("kick.txt")
        (True, False)
    """
    return name.lower().endswith(tuple(SUFFIXES))


def encode_wav(samples: np.ndarray, rate: int) -> bytes:
    """A WAV file of 16 bits.

    Args:
        samples: ``[channels, frames]`` int16.
        rate: Samples per second.
    """
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(len(samples))
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.ascontiguousarray(samples.T).astype("<i2").tobytes())
    return buffer.getvalue()


def read_header(file: IO[bytes]) -> SoundHeader:
    """What a file says of itself, without its samples.

    Raises:
        Unreadable: It is no sound, or an empty one.
        MissingExtra: Only libsndfile could tell.
    """
    header = _pcm_header(file)
    if header is None:
        with sound_file(file) as sound:
            coding = f"{sound.format} {sound.subtype}"
            header = SoundHeader(int(sound.samplerate), int(sound.channels), int(sound.frames), coding)
    if header.frames < 1:
        raise Unreadable("it holds no samples")
    if header.frames * header.channels > LONGEST or not 1 <= header.rate <= 10_000_000:
        raise Unreadable(f"its header promises {header.frames:,} samples at {header.rate:,} Hz")
    return header


def read_samples(file: IO[bytes]) -> tuple[np.ndarray, int]:
    """All samples as float64 in [-1, 1], and the rate.  # [channels, frames]

    Raises:
        Unreadable: It is no sound, damaged, or holds NaN.
        MissingExtra: Only libsndfile could read it.
    """
    header = read_header(file)
    file.seek(0)
    if header.coding.endswith("-bit PCM"):
        return _pcm_samples(file, header), header.rate
    with sound_file(file) as sound:
        try:
            values = sound.read(dtype="float64", always_2d=True).T
        except Exception as error:  # libsndfile's own, whatever is damaged
            raise Unreadable(f"its samples are damaged ({_words(error)})") from error
    if not np.isfinite(values).all():
        raise Unreadable(f"{int((~np.isfinite(values)).sum()):,} of its samples are NaN or infinite")
    if values.shape[1] < 1:
        raise Unreadable("it holds no samples")
    return values, header.rate


def _pcm_header(file: IO[bytes]) -> SoundHeader | None:
    """Of a WAV file of whole numbers; None if it is another kind of sound."""
    start = file.read(12)
    file.seek(0)
    if not start:
        raise Unreadable("it is empty")
    if start[:4] != b"RIFF" or start[8:] != b"WAVE":
        return None
    try:
        with wave.open(file) as sound:
            bits = 8 * sound.getsampwidth()
            found = SoundHeader(sound.getframerate(), sound.getnchannels(), sound.getnframes(), f"{bits}-bit PCM")
    except (wave.Error, EOFError) as error:
        file.seek(0)
        if "unknown format" in str(error) or "unknown extended format" in str(error):
            return None  # floats, or a coding that libsndfile may know
        raise Unreadable(f"it is no whole WAV file ({_words(error)})") from error
    return found if bits in (8, 16, 24, 32) else None


def _pcm_samples(file: IO[bytes], header: SoundHeader) -> np.ndarray:
    try:
        with wave.open(file) as sound:
            data, width = sound.readframes(header.frames), sound.getsampwidth()
    except (wave.Error, EOFError) as error:
        raise Unreadable(f"its samples are damaged ({_words(error)})") from error
    promised = header.frames * header.channels * width
    if len(data) < promised:
        raise Unreadable(
            f"it is cut off: its header promises {promised:,} bytes of samples, but it holds {len(data):,}"
        )
    return pcm_values(data, width, header.channels)


def pcm_values(data: bytes, width: int, channels: int) -> np.ndarray:
    """Whole numbers of 1 to 4 bytes, channel by channel within a sample, as floats.  # float64 [channels, n]"""
    if width == 1:
        values = (np.frombuffer(data, np.uint8).astype(np.float64) - 128) / 128
    elif width == 3:
        bytes_ = np.frombuffer(data, np.uint8).reshape(-1, 3)
        whole = np.zeros((len(bytes_), 4), np.uint8)
        whole[:, 1:] = bytes_
        values = whole.view("<i4").reshape(-1) / 2.0**31
    else:
        values = np.frombuffer(data, f"<i{width}") / 2.0 ** (8 * width - 1)
    return values.reshape(-1, channels).T


def sound_file(file: IO[bytes]) -> Any:
    """What libsndfile opens.

    Raises:
        Unreadable: It is no sound that it knows.
        MissingExtra: The package soundfile is not there.
    """
    try:
        import soundfile
    except ImportError as error:
        raise MissingExtra("soundfile", "audio", "Reading sound other than PCM in WAV files") from error
    try:
        return soundfile.SoundFile(file)
    except Exception as error:  # libsndfile's own, whatever is damaged
        raise Unreadable(f"it is no sound that libsndfile reads ({_words(error)})") from error


def _words(error: BaseException) -> str:
    text = str(error).rpartition(": ")[2].strip().rstrip(".")
    return text[:100] or "it ends too early"
