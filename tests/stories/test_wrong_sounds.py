"""Odd files given to enhance, wrong words of it and of trainings by sound: right behaviour, or one clear message."""

from __future__ import annotations

import json
import struct
import sys
import wave
from pathlib import Path

import numpy as np
import pytest

from stories.conftest import Command


def wav(path: Path, rate: int = 16000, channels: int = 1, width: int = 2, frames: int = 1500, code: int = 1) -> Path:
    """A WAV file of a hum in any coding, by its header."""
    path.parent.mkdir(parents=True, exist_ok=True)
    hum = np.sin(np.arange(frames * channels) / 9)
    data = {1: (hum * 90 + 128).astype("u1"), 2: (hum * 9000).astype("<i2"), 4: (hum * 0.3).astype("<f4")}.get(width)
    body = bytes(3 * frames * channels) if data is None else data.tobytes()
    form = struct.pack("<HHIIHH", code, channels, rate, rate * channels * width, channels * width, 8 * width)
    chunks = b"fmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", len(body)) + body
    path.write_bytes(b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks)
    return path


def odd_files() -> tuple[dict[str, tuple[int, int, int]], dict[str, str]]:
    """Files in the folder odd: what comes out of those that are sounds, and what is said of the others."""
    odd = Path("odd")
    right = {
        "48k": (48000, 1, 1500), "8k": (8000, 1, 1500), "strange-rate": (12345, 1, 1500), "stereo": (16000, 2, 1500),
        "six-channels": (16000, 6, 1500), "8-bit": (16000, 1, 1500), "24-bit": (16000, 1, 1500),
        "one-sample": (16000, 1, 1), "silence": (16000, 1, 1500), "upper": (16000, 1, 1500),
    }  # fmt: skip
    for name, (rate, channels, frames) in right.items():
        width = {"8-bit": 1, "24-bit": 3, "silence": 3}.get(name, 2)
        wav(odd / f"{name}.{'WAV' if name == 'upper' else 'wav'}", rate, channels, width, frames)
    wrong = {
        "empty": "it is empty", "picture": "no", "text": "no", "header-alone": "no whole WAV file",
        "no-samples": "holds no samples", "cut-off": "", "rate-0": "", "no-channels": "", "unknown-code": "",
    }  # fmt: skip
    whole = wav(odd / "cut-off.wav").read_bytes()
    (odd / "cut-off.wav").write_bytes(whole[:-1000])
    (odd / "empty.wav").write_bytes(b"")
    (odd / "picture.wav").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(200))
    (odd / "text.wav").write_text("no sound at all\n")
    (odd / "header-alone.wav").write_bytes(whole[:20])
    wav(odd / "no-samples.wav", frames=0)
    wav(odd / "rate-0.wav", rate=0)
    wav(odd / "no-channels.wav").write_bytes(whole[:22] + b"\0\0" + whole[24:])
    wav(odd / "unknown-code.wav", code=0x1234)
    (odd / ".hidden.wav").write_bytes(whole)
    (odd / "notes.txt").write_text("no sound")
    (odd / "folder.wav").mkdir()
    return right, wrong


def test_odd_files_are_enhanced_or_left_out_with_a_reason(belamy: Command, enhancer_run: Path) -> None:
    right, wrong = odd_files()
    done = belamy("enhance", enhancer_run, "odd", "--out", "clean", "--bits", "16", "--json", "facts.json")
    assert done.returncode == 1, done.stderr
    facts = json.loads(Path("facts.json").read_text())
    skipped = {Path(name).stem: why for name, why in facts["skipped"]}
    assert skipped.keys() == wrong.keys(), skipped
    for name, said in wrong.items():
        assert said in skipped[name], (name, skipped[name])
    assert {path.stem for path in Path("clean").iterdir()} == right.keys()
    for name, (rate, channels, frames) in right.items():
        with wave.open(f"clean/{name}.wav") as file:
            assert (file.getframerate(), file.getnchannels(), file.getnframes()) == (rate, channels, frames), name


@pytest.mark.parametrize(("name", "code", "width"), [("a-law", 6, 1), ("mu-law", 7, 1), ("floats", 3, 4)])
def test_codings_of_libsndfile(
    belamy: Command, enhancer_run: Path, monkeypatch: pytest.MonkeyPatch, name: str, code: int, width: int
) -> None:
    path = wav(Path(f"{name}.wav"), width=width, code=code)
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "soundfile", None)
        done = belamy("enhance", enhancer_run, path, "--out", "out")
        assert done.returncode == 2 and "belamy[audio]" in "".join(done.stderr.split()), done.stderr
    pytest.importorskip("soundfile")
    done = belamy("enhance", enhancer_run, path, "--out", "out", "--bits", "16")
    assert done.returncode == 0, done.stderr
    with wave.open(f"out/{name}.wav") as file:
        assert file.getnframes() == 1500


def test_samples_that_are_no_numbers(belamy: Command, enhancer_run: Path) -> None:
    pytest.importorskip("soundfile")
    path = wav(Path("nan.wav"), width=4, code=3)
    path.write_bytes(path.read_bytes()[:-4] + struct.pack("<f", float("nan")))
    done = belamy("enhance", enhancer_run, path)
    assert done.returncode == 2 and "NaN" in done.stderr
    assert not Path("enhanced").exists()  # no half file


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["a.wav", "--bits", "24"], "--bits"),
        (["a.wav", "--bits", "0"], "--bits"),
        (["a.wav", "--seed", "-1"], "--seed"),
        (["a.wav", "--out", "a.wav"], "is there already"),
        (["a.wav", "--out", "full"], "full"),
        (["a.wav", "--out", "a.wav/inside"], "a.wav"),
        (["a.wav", "--weights", "best"], "--keep-best"),
        (["a.wav", "--weights", "oldest"], "--weights"),
        (["a.wav", "--device", "toaster"], "--device"),
        (["a.wav", "--mask", "m.png"], "--mask"),
        (["a.wav", "--rate", "16000"], "--rate"),
        (["a.txt"], "None of the 1 file(s)"),
        (["nothing"], "There is no sound file in nothing"),
    ],
)
def test_wrong_words_of_enhance(belamy: Command, enhancer_run: Path, words: list[str], says: str) -> None:
    wav(Path("a.wav"))
    wav(Path("full/b.wav"))
    Path("a.txt").write_text("no sound")
    Path("nothing").mkdir()
    refused(belamy("enhance", enhancer_run, *words), says)
    assert not Path("enhanced").exists() and wav(Path("c.wav")).read_bytes() == Path("a.wav").read_bytes()


def refused(done: object, says: str) -> None:
    code, said = done.returncode, " ".join(done.stderr.split())  # type: ignore[attr-defined]
    assert code == 2 and says in said and "Traceback" not in said and "defect" not in said, said


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("--snr-low 10 --snr-high 5", "--snr-low is 10"),
        ("--snr-low -70", "--snr-low"),
        ("--degradations crackle", "no degradation of sound 'crackle'"),
        ("--degradations clipping:low=0", "Type clipping:low=0.001"),
        ("--degradations clipping:level=0.5", "no option 'level'"),
        ("--degradations clipping:low=0.9,high=0.3", "clipping"),
        ("--degradations noise:colour=green", "green"),
        ("--degradations packet-loss:share=2", "Type packet-loss"),
        ("--degradations packet-loss:milliseconds=0", "Type packet-loss"),
        ("--degradations band-limit:low=9000,high=9000", "half the rate"),
        ("--degradations gaps:count=0", "gaps.count is 0"),
        ("--degradations mu-law:bits=1", "mu-law.bits is 1"),
        ("--rate 0", "--rate"),
        ("--rate -8000", "--rate"),
        ("--length 0", "--length"),
        ("--pre-emphasis 1", "--pre-emphasis"),
        ("--reconstruction-weight 0 --spectral-weight 0", "--reconstruction-weight or --spectral-weight"),
        ("--generator tape", "tape"),
        ("--generator dcgan-mnist", "dcgan-mnist"),
        ("--generator convolutional-recurrent:frame=500", "power of two"),
        ("--generator segan --length 1500", "--length 1024 or --length 2048"),
        ("--other nowhere", "nowhere"),
        ("--other silent", "silent"),
        ("--other pictures", "pictures"),
        ("--data silent", "silent"),
        ("--data mixed", "--rate 8000"),
        ("--data halves", "noisy"),
        ("--data unequal", "b"),
    ],
)
def test_wrong_words_of_trainings(belamy: Command, words: str, says: str) -> None:
    for number in range(4):
        wav(Path(f"speech/{number}.wav"), frames=1024)
        wav(Path(f"mixed/{number}.wav"), rate=8000 * (1 + number % 2), frames=1024)
        wav(Path(f"halves/clean/{number}.wav"), frames=1024)
        wav(Path(f"unequal/clean/{number}.wav"), frames=1024)
        wav(Path(f"unequal/noisy/{number}.wav"), frames=1024 + 700 * number)
    wav(Path("halves/noisy/0.wav"), frames=1024)
    Path("silent").mkdir()
    Path("pictures").mkdir()
    Path("pictures/a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(200))
    given = words.split()
    data = [] if "--data" in given else ["--data", "speech"]
    length = [] if "--length" in given else ["--length", "1024"]
    thin = (
        [] if "--generator" in given else ["--generator", "convolutional-recurrent:width=2,memory=2,layers=2,frame=64"]
    )
    done = belamy("train", "enhancement", *data, *length, *thin, *given, "--samples", "4", "--batch", "2",
                  "--no-progress", "--device", "cpu")  # fmt: skip
    refused(done, says)
    assert not Path("runs").exists()
