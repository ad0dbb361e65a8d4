"""A run of sound: trained, stopped, resumed bit for bit, heard; and what is refused."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest
import torch

import belamy as library
from belamy.runs.run import Run
from stories.conftest import Command

TINY = {"length": 1024, "batch": 4, "snapshots": 2, "progress": False, "device": "cpu", "data": "drums:count=40"}
NARROW = {"generator": "wavegan:width=1", "discriminator": "wavegan:width=1", "critic_steps": 2}
WORDS = ["--length", "1024", "--batch", "4", "--generator", "wavegan:width=1", "--discriminator", "wavegan:width=1"]


@pytest.fixture(scope="module")
def sounding(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sound") / "run"
    library.train("wavegan-small", out=path, samples=96, **TINY, **NARROW)
    return path


def test_stopped_and_gone_on_with_it_is_the_same(
    sounding: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from belamy.training.session import Session

    step, steps = Session.step, []

    def stopping(session: Session) -> None:
        step(session)
        steps.append(1)
        if len(steps) == 5:
            session.save()
            raise KeyboardInterrupt

    monkeypatch.setattr(Session, "step", stopping)
    with pytest.raises(KeyboardInterrupt):
        library.train("wavegan-small", out=tmp_path / "run", samples=96, **TINY, **NARROW)
    monkeypatch.setattr(Session, "step", step)
    library.resume(tmp_path / "run", progress=False, device="cpu")
    whole, again = (Run.open(path).method().state_dict() for path in (sounding, tmp_path / "run"))
    assert all(torch.equal(whole[name], again[name]) for name in whole)


def test_samples_are_wav_files_and_the_report_plays_them(belamy: Command, sounding: Path) -> None:
    done = belamy("sample", sounding, "--count", "3", "--out", "heard")
    assert done.returncode == 0, done.stderr
    files = sorted(Path("heard").glob("*.wav"))
    assert len(files) == 3 and (Path("heard") / "sheet.png").is_file()
    with wave.open(str(files[0])) as file:
        assert (file.getframerate(), file.getnframes(), file.getnchannels()) == (16000, 1024, 1)
    assert "<audio" in (sounding / "report.html").read_text()


def test_an_archive_that_says_it_is_sound_is_learned_from_as_it_lies(belamy: Command) -> None:
    planes = np.random.default_rng(0).integers(0, 256, (2, 24, 1024), np.uint8)
    np.savez("notes.npz", planes=planes, rate=[16000], labels=["flute", "violin"] * 12)
    seen = belamy("data", "notes.npz")
    assert seen.returncode == 0 and "24 sounds" in seen.stdout and "flute" in seen.stdout, seen.stdout + seen.stderr
    done = belamy("train", "wavegan-small", "--data", "notes.npz", "--samples", "8", "--out", "run", *WORDS)
    assert done.returncode == 0, done.stderr
    assert Run.open(Path("run")).method().spec.field.rate == 16000


def test_sounds_are_judged_as_sounds(belamy: Command, sounding: Path) -> None:
    done = belamy("evaluate", sounding, "--count", "40", "--metrics", "frechet", "--json", "facts.json")
    assert done.returncode == 0, done.stderr
    assert "EfficientNet" not in done.stdout and "frechet" in done.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("train wavegan-small --length 1000 --data drums:count=20", "--length"),
        ("train wavegan --data mnist", "mnist"),
        ("train digits --data drums:count=20 --length 1024", "for pictures, but 'drums:count=20' holds sounds"),
        ("train wavegan-small --data drums:count=20 --length 1024 --size 64", "belongs to pictures"),
        ("train wavegan-small --data drums:count=1", "in 2.."),
        ("train wavegan-small --data array.npy --modality audio", "--rate 16000"),
        ("train wavegan-small --data array.npy --modality image", "array.npy"),
        ("train wavegan-small --data array.npy --modality audio --rate 8000 --length 4096", "at most --length 256"),
        ("train wavegan-small --data array.npy --modality audio:chanels=2 --rate 8000", "Did you mean 'channels'"),
        ("train wavegan-small --data array.npy --modality audio:channels=5 --rate 8000 --length 256", "1 (mono) or 2"),
        ("train wavegan-small --data array.npy --modality sound --rate 8000", "no modality 'sound'"),
        ("train wavegan-small --data drums:count=20 --rate 0", "--rate"),
        ("train wavegan-small --discriminator wavegan:shuffle=40 --length 1024 --data drums:count=20", "0..8 steps"),
        ("train wavegan-small --generator dcgan-32 --data drums:count=20 --length 1024", "for pictures"),
        ("data unsaid.npz", "Type it, e.g. --rate 16000"),
        ("data empty", "holds no"),
        ("data text.wav", "text.wav"),
        ("sample RUN --format npz --out a.png", "contradict"),
        ("unmask RUN --hide jpeg:75", "--hide belongs to pictures"),
        ("unmask RUN --size 64", "--size"),
        ("translate RUN RUN --out t", "translate"),
    ],
)
def test_wrong_uses(belamy: Command, sounding: Path, words: str, message: str) -> None:
    np.save("array.npy", np.zeros((30, 256), np.int16))
    np.savez("unsaid.npz", planes=np.zeros((2, 30, 256), np.uint8))
    Path("empty").mkdir()
    Path("text.wav").write_text("no sound")
    done = belamy(*(str(sounding) if word == "RUN" else word for word in words.split()), *(
        ["--out", "run"] if words.startswith("train") else []))  # fmt: skip
    assert done.returncode == 2, done.stdout + done.stderr
    assert message in " ".join(done.stderr.split()), done.stderr
    assert not Path("run").exists()
