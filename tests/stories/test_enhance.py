"""Sound files of any rate and length by a method of one rate and length, and what is refused."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import wave
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from belamy.api.enhancing import blocks
from belamy.data.clips import resampled, resampled_along
from belamy.data.dataset import DataSpec
from belamy.errors import Unreadable
from belamy.methods.enhancement import Method, Recipe
from belamy.modalities.fields import Field
from belamy.modalities.sound_streams import SoundReader, SoundWriter
from belamy.modalities.waves import encode_wav
from belamy.seeds import SampleDraws
from stories.conftest import Command, environment


class Same(nn.Module):
    """Gives back what it is given, and remembers the shapes."""

    def __init__(self, samples: int = 1024, channels: int = 1) -> None:
        super().__init__()
        field = Field("audio", (channels, samples), rate=16000.0)
        self.spec: Any = SimpleNamespace(shape=field.shape, field=field)
        self.weight = nn.Parameter(torch.zeros(1))
        self.seen: list[tuple[int, ...]] = []
        self.numbers: list[int] = []

    def translate(self, source: Tensor, draws: SampleDraws) -> Tensor:
        self.numbers += draws.indices
        self.seen.append(tuple(source.shape))
        return source


def written(path: Path, samples: np.ndarray, rate: int = 16000) -> Path:
    path.write_bytes(encode_wav((samples * 32767).astype(np.int16), rate))
    return path


def made_of(path: Path, method: Any) -> np.ndarray:
    with SoundReader(path) as reader:
        return np.concatenate(list(blocks(method, reader, 0)), 1)


def tone(samples: int, rate: int = 16000, channels: int = 1) -> np.ndarray:
    time = np.arange(samples) / rate
    return np.stack([0.5 * np.sin(2 * np.pi * 440 * (channel + 1) * time) for channel in range(channels)])


@pytest.mark.parametrize("samples", [1, 500, 1024, 1025, 1792, 1793, 2560, 20_000])
@pytest.mark.parametrize("channels", [1, 2])
def test_pieces_join_without_a_seam(tmp_path: Path, samples: int, channels: int) -> None:
    path = written(tmp_path / "a.wav", tone(samples, channels=channels))
    with SoundReader(path) as reader:
        whole = reader.read(samples)
    method = Same()
    found = made_of(path, method)
    assert found.shape == (channels, samples)
    np.testing.assert_allclose(found, whole, atol=1e-7)
    assert all(shape[0] <= 8 * channels and shape[1:] == (1, 1024) for shape in method.seen)
    assert method.numbers == list(range(len(method.numbers)))  # what is random is of each piece and channel alone


@pytest.fixture(scope="module")
def streaming() -> Any:
    recipe = Recipe.tiny().changed(adversarial_weight=0.0, pre_emphasis=0.9)
    torch.manual_seed(0)
    made = Method(recipe, DataSpec({"audio": Field("audio", (1, 1024), rate=16000.0)})).double().eval()
    with torch.no_grad():
        made.generator.up[-1].layer.weight.mul_(30)
    return made


@pytest.mark.parametrize("samples", [1, 1023, 9000])
@pytest.mark.parametrize("channels", [1, 2])
def test_a_stream_comes_out_as_the_whole(tmp_path: Path, streaming: Any, samples: int, channels: int) -> None:
    path = written(tmp_path / "a.wav", tone(samples, channels=channels))
    with SoundReader(path) as reader:
        whole = torch.from_numpy(reader.read(samples))[:, None]
    wanted = streaming.translate(whole, SampleDraws(0, range(channels)))[:, 0]
    found = made_of(path, streaming)
    assert samples == 1 or float((wanted - whole[:, 0]).abs().max()) > 1e-6  # it does something
    np.testing.assert_allclose(found, wanted.detach(), atol=1e-6)


@pytest.mark.parametrize("rates", [(48000, 16000), (44100, 16000), (16000, 22050), (8000, 8001)])
def test_resampled_piece_by_piece(rates: tuple[int, int]) -> None:
    whole = np.random.default_rng(0).standard_normal((2, 30_000))
    pieces = np.split(whole, [1, 700, 5000, 5001, 20_000], axis=1)
    found = np.concatenate(list(resampled_along(pieces, *rates)), 1)
    np.testing.assert_allclose(found, resampled(whole, *rates), atol=1e-6)


@pytest.mark.parametrize("rate", [8000, 22050, 48000])
def test_a_stream_of_another_rate_has_its_length(tmp_path: Path, streaming: Any, rate: int) -> None:
    path = written(tmp_path / "a.wav", tone(rate // 2 + 1, rate, 2), rate)
    assert made_of(path, streaming).shape == (2, rate // 2 + 1)


@pytest.mark.parametrize("rate", [8000, 22050, 48000])
def test_other_rates_go_there_and_back(tmp_path: Path, rate: int) -> None:
    path = written(tmp_path / "a.wav", tone(rate, rate), rate)
    found = made_of(path, Same())
    assert found.shape == (1, rate)
    inside = slice(rate // 10, -rate // 10)
    assert np.abs(found - tone(rate, rate))[:, inside].max() < 0.02


def test_a_stereo_run_takes_stereo_alone(tmp_path: Path) -> None:
    assert made_of(written(tmp_path / "two.wav", tone(2000, channels=2)), Same(channels=2)).shape == (2, 2000)
    with pytest.raises(Unreadable, match="learned from 2"):
        made_of(written(tmp_path / "one.wav", tone(2000)), Same(channels=2))


def test_a_file_that_is_cut_off(tmp_path: Path) -> None:
    path = written(tmp_path / "a.wav", tone(9000))
    path.write_bytes(path.read_bytes()[:-9000])
    with pytest.raises(Unreadable):
        made_of(path, Same())


def test_values_beyond_the_range_are_counted(tmp_path: Path) -> None:
    with SoundWriter(tmp_path / "a.wav", 16000, 1, 16) as writer:
        writer.write(np.array([[0.5, 1.5, -2.0]]))
    assert writer.clipped == 2
    with wave.open(str(tmp_path / "a.wav")) as file:
        assert np.frombuffer(file.readframes(3), "<i2").tolist() == [16384, 32767, -32768]


def test_a_folder_and_what_cannot_be_read(belamy: Command, enhancer_run: Path) -> None:
    home = Path("in")
    home.mkdir()
    written(home / "long.wav", tone(30_000, 44100, 2), 44100)
    (home / "empty.wav").write_bytes(b"")
    (home / "picture.wav").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    (home / "notes.txt").write_text("no sound")
    done = belamy("enhance", enhancer_run, "in", "--out", "clean", "--json", "facts.json")
    assert done.returncode == 1, done.stderr
    facts = json.loads(Path("facts.json").read_text())
    assert [Path(each["file"]).name for each in facts["files"]] == ["long.wav"]
    assert {Path(name).name for name, _ in facts["skipped"]} == {"empty.wav", "picture.wav"}
    assert "above 8,000 Hz" in " ".join(done.stdout.split())
    with wave.open("clean/long.wav") as file:
        assert (file.getframerate(), file.getnframes(), file.getnchannels()) == (44100, 30_000, 2)
    assert sorted(path.name for path in Path("clean").iterdir()) == ["long.wav"]


@pytest.mark.parametrize(("number", "out"), [(signal.SIGKILL, "clean.wav"), (signal.SIGTERM, "clean")])
def test_killed_in_the_middle_nothing_half_lies_there(
    belamy: Command, enhancer_run: Path, number: signal.Signals, out: str
) -> None:
    written(Path("talk.wav"), tone(2_000_000))
    words = ["enhance", str(enhancer_run), "talk.wav", "--out", out, "--overwrite", "--no-progress"]
    result = Path(out) / "talk.wav" if not out.endswith(".wav") else Path(out)
    result.parent.mkdir(exist_ok=True)
    result.write_bytes(b"as before")
    there = sorted(result.parent.iterdir())
    child = subprocess.Popen([sys.executable, "-m", "belamy", *words], env=environment(), stderr=subprocess.PIPE)
    while child.poll() is None and not any(half.stat().st_size > 100_000 for half in Path().rglob(".belamy-*/*.wav")):
        time.sleep(0.002)
    child.send_signal(number)
    assert child.communicate()[1] == b"" and child.returncode == -number  # it was in the middle
    assert result.read_bytes() == b"as before"
    assert [path for path in sorted(result.parent.iterdir()) if not path.name.startswith(".")] == there
    written(Path("talk.wav"), tone(3000))
    assert belamy(*words).returncode == 0
    with wave.open(str(result)) as file:
        assert (file.getnframes(), file.getframerate()) == (3000, 16000)
    assert not list(Path().rglob(".belamy-*"))


def test_what_a_killed_call_left_in_a_new_folder_does_not_count(belamy: Command, enhancer_run: Path) -> None:
    written(Path("talk.wav"), tone(3000))
    left = Path("clean") / ".belamy-out-0123abcd"
    left.mkdir(parents=True)
    (left / "talk.wav").write_bytes(b"half")
    assert belamy("enhance", enhancer_run, "talk.wav", "--out", "clean").returncode == 0
    assert [path.name for path in Path("clean").iterdir()] == ["talk.wav"]
    assert belamy("enhance", enhancer_run, "talk.wav", "--out", "clean").returncode != 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nowhere.wav"], "There is no file or folder nowhere.wav"),
        ([], "Name sound files or folders"),
        (["silent"], "There is no sound file in silent"),
        (["a.wav", "b.wav", "--out", "c.wav"], "Name a folder"),
        (["a.wav", "--out", "c.mp3"], "must end in .wav"),
        (["empty.wav"], "None of the 1 file(s) can be read as sound"),
        (["a.wav", "--out", "a.wav", "--overwrite"], "never written over"),
        (["one", "--out", "one", "--overwrite"], "never written over"),
    ],
)
def test_wrong_uses_of_enhance(belamy: Command, enhancer_run: Path, words: list[str], message: str) -> None:
    Path("silent").mkdir()
    Path("empty.wav").write_bytes(b"")
    Path("one").mkdir()
    before = {name: written(Path(name), tone(2000)).read_bytes() for name in ("a.wav", "b.wav", "one/c.wav")}
    done = belamy("enhance", enhancer_run, *words)
    assert done.returncode == 2
    assert message in " ".join(done.stderr.split())
    assert not Path("enhanced").exists()
    assert before == {name: Path(name).read_bytes() for name in before}


def test_a_run_of_pictures_is_refused(belamy: Command, picture_run: Path) -> None:
    written(Path("a.wav"), tone(2000))
    done = belamy("enhance", picture_run, "a.wav")
    assert done.returncode == 2
    assert "draws new samples" in " ".join(done.stderr.split())


def test_a_run_that_draws_sounds_is_refused(belamy: Command, tmp_path: Path) -> None:
    import belamy as library

    thin = {"name": "wavegan", "width": 2}
    library.train(
        "wavegan-small", out=tmp_path / "run", data="drums:count=40", length=1024, samples=8, batch=4, progress=False,
        device="cpu", critic_steps=1, generator=thin, discriminator=thin,
    )  # fmt: skip
    written(Path("a.wav"), tone(2000))
    done = belamy("enhance", tmp_path / "run", "a.wav")
    assert done.returncode == 2
    assert "belamy train speech-enhancer" in " ".join(done.stderr.split())


@pytest.fixture(scope="module")
def picture_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import belamy as library

    path = tmp_path_factory.mktemp("pictures") / "run"
    library.train("dense-fashion", out=path, data="patterns:count=40", samples=8, batch=4, progress=False, device="cpu")
    return path
