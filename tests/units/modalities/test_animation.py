"""Animations, read back: the frames, their order, how long each is shown."""

from __future__ import annotations

import ctypes
import io
import stat
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence

from belamy.errors import MissingExtra, StorageError, UsageError
from belamy.modalities import animation
from belamy.modalities.animation import available_codecs, encode_gif, encode_mp4, encode_webp


def ramp(count: int, height: int = 12, width: int = 20) -> list[np.ndarray]:
    """Frames that differ everywhere: frame i is the grey 40 + i, with a bright bar that moves."""
    frames = [np.full((height, width, 3), 40 + index, dtype=np.uint8) for index in range(count)]
    for index, frame in enumerate(frames):
        frame[:, index % width] = (255, 180, 0)
    return frames


def read(data: bytes) -> tuple[list[np.ndarray], list[int]]:
    with Image.open(io.BytesIO(data)) as film:
        shown = [
            (np.asarray(frame.convert("RGB")).astype(int), frame.info["duration"])
            for frame in ImageSequence.Iterator(film)
        ]
        assert film.info["loop"] == 0
    return [frame for frame, _ in shown], [time for _, time in shown]


@pytest.mark.parametrize(("encode", "unit"), [(encode_gif, 10), (encode_webp, 1)])
@pytest.mark.parametrize(("count", "seconds", "hold"), [(7, 1.0, 2.0), (9, 3.0, 0.0), (2, 1.0, 0.5)])
def test_frames_and_times_come_back(encode: object, unit: int, count: int, seconds: float, hold: float) -> None:
    frames, times = read(encode(ramp(count), seconds=seconds, hold_last=hold))
    assert len(frames) == count
    assert sum(times) == 1000 * (seconds + hold)
    assert all(abs(time - 1000 * seconds / count) <= unit for time in times[:-1])
    assert abs(times[-1] - 1000 * (seconds / count + hold)) <= unit


def test_one_frame_is_an_animation_too() -> None:
    for encode in (encode_gif, encode_webp):
        with Image.open(io.BytesIO(encode(ramp(1)))) as film:
            assert film.size == (20, 12)


def test_a_gif_of_few_colours_is_exact() -> None:
    originals = ramp(30)
    frames, _ = read(encode_gif(originals))
    assert max(np.abs(a - b).max() for a, b in zip(frames, originals, strict=True)) <= 4


def test_the_palette_is_not_spent_on_early_noise() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (1, 40, 40, 3), dtype=np.uint8)
    red = np.full((40, 40, 3), (200, 30, 40), dtype=np.uint8)
    frames, _ = read(encode_gif([*noise, red, red]))
    assert np.abs(frames[-1] - red).max() <= 24


def test_webp_is_close_in_colour() -> None:
    originals = ramp(6)
    frames, _ = read(encode_webp(originals))
    assert all(np.abs(a - b).mean() < 8 for a, b in zip(frames, originals, strict=True))


def test_many_frames_are_thinned_evenly_and_the_last_is_kept() -> None:
    frames, times = read(encode_gif(ramp(200), seconds=6.0, hold_last=1.0))
    assert len(frames) == 120
    assert sum(times) == 7000
    levels = [int(frame[0, 0, 1]) for frame in frames if frame[0, 0, 0] < 250]
    assert levels == sorted(levels)
    assert abs(int(np.median(frames[-1][..., 2])) - 239) <= 4


def test_a_frame_is_never_shorter_than_browsers_show() -> None:
    _, times = read(encode_gif(ramp(100), seconds=0.5, hold_last=0))
    assert min(times) == 20


@pytest.mark.parametrize("encode", [encode_gif, encode_webp, encode_mp4])
def test_frames_of_two_sizes_or_kinds_or_none_are_refused(encode: object) -> None:
    for frames in ([], ramp(1) + ramp(1, 13), [ramp(1)[0] / 255], [ramp(1)[0][..., 0]]):
        with pytest.raises(UsageError, match="frames of one size"):
            encode(frames)


@pytest.mark.parametrize("times", [{"seconds": 0.0}, {"seconds": float("inf")}, {"hold_last": -1.0}])
def test_times_out_of_range_are_refused(times: dict[str, float]) -> None:
    for encode in (encode_gif, encode_webp, encode_mp4):
        with pytest.raises(UsageError, match="seconds above 0"):
            encode(ramp(2), **times)


def test_what_is_called_available_works() -> None:
    for kind in available_codecs():
        assert len(getattr(animation, f"encode_{kind}")(ramp(5, 13, 21))) > 100


def test_without_any_program_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(animation, "pyav_has_h264", lambda: False)
    monkeypatch.setattr(animation, "_ffmpeg", lambda: None)
    assert "mp4" not in available_codecs()
    with pytest.raises(MissingExtra, match=r"pip install 'belamy\[video\]'"):
        encode_mp4(ramp(2))


def test_ffmpeg_gets_every_frame_once_and_the_last_for_its_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stand-in program writes down what it was given; films themselves are checked where a codec is installed."""
    program = tmp_path / "ffmpeg"
    program.write_text('#!/bin/sh\necho "$@" > "$(dirname "$0")/command"\nfor film; do :; done\ncat > "$film"\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(animation, "pyav_has_h264", lambda: False)
    given = np.frombuffer(encode_mp4(ramp(8, 13, 21), seconds=2.0, hold_last=1.0), dtype=np.uint8)
    films = given.reshape(-1, 14, 22, 3)  # even sides
    assert [int(film[0, -1, 0]) for film in films] == [40 + index for index in (0, 1, 2, 3, 4, 5, 6, 7, 7, 7, 7, 7)]
    assert " -s 22x14 -r 4 " in (tmp_path / "command").read_text()

    program.write_text("#!/bin/sh\necho 'Unknown encoder libx264' >&2\nexit 1\n")
    with pytest.raises(StorageError, match="Unknown encoder libx264"):
        encode_mp4(ramp(2))


@pytest.mark.skipif("mp4" not in available_codecs(), reason="no H.264 encoder is installed")
def test_a_film_has_the_right_header() -> None:
    assert encode_mp4(ramp(4))[4:8] == b"ftyp"


@pytest.mark.skipif("mp4" not in available_codecs(), reason="no H.264 encoder is installed")
@pytest.mark.skipif(not hasattr(ctypes.pythonapi, "mallopt"), reason="fresh memory cannot be filled")
def test_equal_frames_are_an_equal_film_whatever_lay_in_memory() -> None:
    """On processors with AVX-512 this fails for x264's own code."""
    numbers, fill = np.random.default_rng(0), -6  # glibc's M_PERTURB
    frames = [numbers.integers(0, 256, (138, 410, 3), dtype=np.uint8) for _ in range(4)]
    films = set()
    try:
        for byte in (1, 2, 3, 85, 255):
            ctypes.pythonapi.mallopt(fill, byte)
            films.add(encode_mp4(frames))
    finally:
        ctypes.pythonapi.mallopt(fill, 0)
    assert len(films) == 1
