"""A run of music from data to files: MIDI and WAV files, a sheet, a walk; what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import belamy as library
from belamy.cli import main
from belamy.modalities import modality
from belamy.runs.run import Run

TINY = {"data": "progressions:count=24", "batch": 4, "snapshots": 1, "progress": False, "device": "cpu"}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("music") / "run"
    networks = {"encoder": "bar-vae:width=2", "decoder": "bar-vae:width=2", "latent": 4}
    library.train("bar-vae", out=path, samples=8, **TINY, **networks)
    return path


def test_from_a_run_to_files(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sample", str(run), "--count", "2", "--out", str(tmp_path / "tunes"), "--no-progress"]) == 0
    names = sorted(file.name for file in (tmp_path / "tunes").iterdir())
    assert names == ["000000.mid", "000000.wav", "000001.mid", "000001.wav", "sheet.png"]
    field = Run.open(run).build().output
    read = modality("music").decode((tmp_path / "tunes" / "000001.mid").read_bytes(), field)
    assert torch.equal(read, library.open(run).sample(2, seed=0).raw[1])
    assert main(["walk", str(run), "--steps", "2", "--out", str(tmp_path / "walk.png"), "--no-progress"]) == 0
    assert (tmp_path / "walk.png").stat().st_size > 1000
    capsys.readouterr()
    assert main(["walk", str(run), "--out", str(tmp_path / "walk.gif")]) == 2
    assert "makes pieces of music. Type --out walk.png" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("train musegan-small --length 40", "Type --length 32"),
        ("train musegan-small --latent 33", "Type --latent 30"),
        ("train musegan-accompaniment --given sopran", "Did you mean 'soprano'"),
        ("train musegan-accompaniment --latent 33", "Type --latent 32"),
        ("train musegan-accompaniment --generators 2", "Leave --generators out"),
        ("train digits --data progressions:count=20", "for pictures"),
        ("train scratchgan --data progressions:count=20 --modality music", "is for texts"),
        ("data progressions --size 8", "belongs to pictures"),
        ("data progressions --modality music:bar=7", "even number"),
    ],
)
def test_wrong_uses(words: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = ["--out", str(tmp_path / "out")] if words.startswith("train") else []
    assert main([*words.split(), *out]) == 2
    assert said in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_a_tune_in_a_file_is_set_for_four_voices(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, bass = tmp_path / "run", tmp_path / "bass.mid"
    networks = {"generator": "musegan:width=2", "discriminator": "musegan:width=2", "latent": 16, "length": 32}
    library.train("musegan-accompaniment", out=run, samples=8, given="bass", **TINY, **networks)
    method = Run.open(run).method()
    tune = method.bank.clips[0]
    bass.write_bytes(modality("music").encode(tune, method.degraded))
    words = ["translate", str(run), str(bass), "--outputs", "2", "--no-progress"]
    assert main([*words, "--out", str(tmp_path / "heard")]) == 0
    names = sorted(file.name for file in (tmp_path / "heard").iterdir())
    assert names == ["bass-2.mid", "bass-2.wav", "bass.mid", "bass.wav", "sheet.png", "translations.html"]
    one, two = (
        modality("music").decode((tmp_path / "heard" / name).read_bytes(), method.output)
        for name in ("bass.mid", "bass-2.mid")
    )
    assert torch.equal(one[3], tune[0]) and torch.equal(two[3], tune[0]) and not torch.equal(one, two)
    capsys.readouterr()
    longer = modality("music").encode(tune.repeat(1, 2, 1), method.degraded)
    bass.write_bytes(longer)
    assert main([*words, "--out", str(tmp_path / "more")]) == 2
    assert "1 voice(s) of 64 steps, not 1 of 32" in capsys.readouterr().err and not (tmp_path / "more").exists()
