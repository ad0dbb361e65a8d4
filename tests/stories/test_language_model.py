"""A language model from the command line: trained, killed, resumed, continued, scored; and what is refused."""

from __future__ import annotations

import csv
import json
import math
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

import belamy as library
from belamy.cli import main
from belamy.errors import UsageError
from stories.conftest import environment

Command = Callable[..., CompletedProcess[str]]
SMALL = ["--network", "gru:width=32,embedding=8", "--batch", "32", "--no-progress", "--device", "cpu"]
ADJECTIVES, NOUNS, VERBS = ("red", "old", "big", "shy"), ("fox", "dog", "cat", "hen"), ("ran", "sat", "sang", "slept")


@pytest.fixture(scope="session")
def phrases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """64 phrases of three words each."""
    path = tmp_path_factory.mktemp("texts") / "phrases.txt"
    lines = [f"the {a} {n} {v}" for a in ADJECTIVES for n in NOUNS for v in VERBS]
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="session")
def written(phrases: Path) -> Path:
    """A run that has learned them."""
    out = phrases.parent / "run"
    words = ["train", "char-lm", "--data", str(phrases), *SMALL, "--optimizer", "adam:lr=0.02"]
    assert main([*words, "--samples", "9600", "--snapshots", "2", "--out", str(out)]) == 0
    return out


def test_a_run_of_text_is_whole(belamy: Command, written: Path) -> None:
    run = library.open(written)
    assert run.spec.modality == "text"
    rows = [row["evaluation"] for row in run.metrics() if "evaluation" in row]
    assert rows[-1]["bits-per-character"] < 1.5
    assert rows[-1]["loss"] / math.log(2) / 16 == pytest.approx(rows[-1]["bits-per-character"], rel=0.1)
    page = (written / "report.html").read_text()
    assert "bits-per-character" in page
    assert sorted((written / "samples").glob("*.png"))


def test_it_goes_on_with_a_text(belamy: Command, written: Path) -> None:
    said = belamy("continue", written, "the red f", "--count", "6", "--temperature", "0.5", "--seed", "3")
    lines = said.stdout.splitlines()
    assert said.returncode == 0 and len(lines) == 6 and all(line.startswith("the red f") for line in lines)
    assert sum(line in {f"the red fox {verb}" for verb in VERBS} for line in lines) >= 4
    again = belamy("continue", written, "the red f", "--count", "2", "--temperature", "0.5", "--seed", "3")
    assert again.stdout.splitlines() == lines[:2]
    assert library.continue_text(written, "the red f", count=2, temperature=0.5, seed=3) == lines[:2]
    short = belamy("continue", written, "the red f", "--length", "2", "--temperature", "0", "--json", "-")
    assert json.loads(short.stdout)["texts"] == ["the red fox"]
    assert belamy("continue", written, "", "--out", "whole.txt").returncode == 0
    assert Path("whole.txt").read_text().startswith("the ")


def test_it_scores_texts(belamy: Command, written: Path, tmp_path: Path) -> None:
    (tmp_path / "some.txt").write_text("the red fox ran\nxof der eht nar\nthe red fox ran 7\n")
    said = belamy("score", written, tmp_path / "some.txt", "--out", "scores.csv", "--json", "facts.json")
    assert said.returncode == 0 and "bits per character (its end is one)" in said.stdout and "Kneser-Ney" in said.stdout
    facts = json.loads(Path("facts.json").read_text())
    each = {row["name"]: row for row in facts["each"]}
    assert each["the red fox ran"]["characters"] == 16 and facts["likelihood"] == "exact"
    assert each["the red fox ran"]["nats"] < each["xof der eht nar"]["nats"] and facts["characters"] == 16 + 16 + 18
    rows = list(csv.DictReader(Path("scores.csv").read_text().splitlines()))
    assert [row["name"] for row in rows] == list(each)
    total = sum(float(row["nats"]) for row in rows) / math.log(2) / 50
    assert total == pytest.approx(facts["bits_per_character"], abs=1e-5)
    own = library.score(written, "test")
    measured = [row["evaluation"] for row in library.open(written).metrics() if "evaluation" in row][-1]
    assert own.bits_per_unit == pytest.approx(measured["bits-per-character"], abs=1e-5)
    assert own.rival is not None and len(own.rival) == len(own.names) == 6


def test_samples_are_text_files(belamy: Command, written: Path) -> None:
    said = belamy("sample", written, "--count", "3", "--out", "drawn")
    assert said.returncode == 0, said.stderr
    texts = [path.read_text() for path in sorted(Path("drawn").glob("*.txt"))]
    assert len(texts) == 3 and all(text.startswith("the ") for text in texts)


def test_options_of_the_sampler_are_options_of_the_command(
    belamy: Command, written: Path, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for words in (["--temperature", "0"], ["--top-k", "1"]):
        said = belamy("sample", written, "--count", "4", *words, "--out", f"drawn{words[0]}", "--json", "-")
        assert said.returncode == 0 and json.loads(said.stdout)[words[0][2:].replace("-", "_")] == int(words[1])
        assert len({path.read_text() for path in Path(f"drawn{words[0]}").glob("*.txt")}) == 1
    assert "--temperature FLOAT" in belamy("sample", written, "--help").stdout
    assert "--temperature" not in belamy("sample", trained, "--help").stdout.partition("options")[2]
    for run, words, says in (
        (written, ["--temperature", "-1"], "--temperature is -1, but it must be in 0..100"),
        (written, ["--top-k", "1.5"], "--top-k is '1.5', but it must be a whole number"),
        (written, ["--temprature", "1"], "Did you mean '--temperature'?"),
        (written, ["--steps", "4"], "--steps chooses nothing"),
        (trained, ["--temperature", "1"], "There is no option '--temperature'"),
    ):
        refused = belamy("sample", run, "--out", "none", *words)
        assert refused.returncode == 2 and says in refused.stderr and not Path("none").exists(), refused.stderr


def test_a_conditional_run_writes_what_is_asked_for(belamy: Command, phrases: Path, written: Path) -> None:
    (folder := phrases.parent / "kinds").mkdir()
    for kind in ("cats", "dogs"):
        lines = [json.dumps({"text": f"a {a} {kind[:3]}", "label": kind}) for a in ADJECTIVES for _ in range(8)]
        with (folder / "all.jsonl").open("a") as file:
            file.write("\n".join(lines) + "\n")
    words = ["train", "char-lm", "--data", folder / "all.jsonl", *SMALL, "--optimizer", "adam:lr=0.02", "--conditional"]
    run = phrases.parent / "conditional"
    said = belamy(*words, "--samples", "9600", "--snapshots", "1", "--out", run)
    assert said.returncode == 0, said.stderr
    assert belamy("sample", run, "--count", "8", "--label", "dogs", "--out", "drawn").returncode == 0
    assert sum(path.read_text().endswith("dog") for path in Path("drawn").glob("*.txt")) >= 7
    turns = belamy("continue", run, "a red", "--count", "2", "--temperature", "0").stdout.splitlines()
    assert turns == ["a red cat", "a red dog"]
    assert belamy("continue", run, "a red", "--label", "dogs", "--temperature", "0").stdout == "a red dog\n"
    assert "There is no class 'hens'" in belamy("continue", run, "a", "--label", "hens").stderr
    refused = belamy(*words[:3], phrases, *SMALL, "--conditional")
    assert refused.returncode == 2 and "--conditional needs texts with classes" in refused.stderr
    assert "texts of classes" in belamy("continue", written, "the", "--label", "dogs").stderr


def test_a_slow_sampler_obeys_the_keyboard(written: Path, tmp_path: Path) -> None:
    interruptible = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # shells' jobs may ignore it
        "from belamy.cli import main; sys.exit(main())"
    )
    words = ["sample", str(written), "--count", "5000000", "--out", "drawn", "--device", "cpu"]
    child = subprocess.Popen(
        [sys.executable, "-c", interruptible, *words], cwd=tmp_path, stderr=subprocess.PIPE, text=True,
        env={**environment(), "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    while child.poll() is None and not list(tmp_path.rglob("*.txt")):
        time.sleep(0.01)
    child.send_signal(signal.SIGINT)
    _, said = child.communicate(timeout=60)
    assert child.returncode == 130 and said.strip().endswith("belamy: Interrupted.")
    assert not list(tmp_path.iterdir())  # whole or not at all


def test_words_are_symbols_too(belamy: Command, phrases: Path) -> None:
    out = phrases.parent / "words"
    words = ["train", "char-lm", "--data", phrases, *SMALL, "--modality", "text:unit=words", "--samples", "3200"]
    said = belamy(*words, "--out", out, "--optimizer", "adam:lr=0.02", "--snapshots", "1")
    assert said.returncode == 0, said.stderr
    assert library.open(out).spec.shape == (5,)
    assert "bits per word" in belamy("score", out, "test").stdout
    told = belamy("continue", out, "the big hen", "--temperature", "0").stdout
    assert told.strip() in {f"the big hen {verb}" for verb in VERBS}
    refused = belamy("continue", out, "the small hen")
    assert refused.returncode == 2 and "does not know 'small'" in refused.stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["continue", "RUN", "Zoë 7"], "does not know 'Z', 'ë', '7'"),
        (["continue", "RUN", "the", "--temperature", "-1"], "--temperature is -1"),
        (["continue", "RUN", "the", "--top-k", "-1"], "--top-k is -1"),
        (["continue", "RUN", "the", "--top-p", "1.5"], "--top-p is 1.5"),
        (["continue", "RUN", "the", "--count", "0"], "--count is 0"),
        (["continue", "RUN", "the", "--length", "0"], "--length is 0"),
        (["continue", "RUN", "the", "--out", "texts.png"], "must end in .txt"),
        (["continue", "RUN"], "PREFIX is missing"),
        (
            ["continue", "GAN", "the"],
            "continue needs a run that draws pictures pixel by pixel, e.g. `belamy train gated-pixel-cnn`, or of a",
        ),
        (["continue", "nowhere", "the"], "does not exist"),
        (["score", "GAN", "test"], "score needs a method that knows how likely data are, and gan does not"),
        (["score", "RUN", "validation"], "has no split 'validation'"),
        (["score", "RUN", "nowhere.txt"], "There is no file or folder nowhere.txt"),
        (["score", "RUN", "mnist"], "image"),
        (["score", "RUN", "test", "--out", "scores.txt"], "must end in .csv"),
        (["retrieve", "RUN", "the"], "texts"),
        (["anomaly", "RUN", "test"], "learned from texts, and its method encodes nothing. How likely it finds each"),
        (["unmask", "RUN", "--hide", "jpeg:75"], "--hide belongs to pictures, but run holds texts"),
        (["unmask", "RUN", "--count", "40"], "There are 40 suspects and 64 real texts"),
        (["train", "char-lm", "--data", "mnist"], "image"),
        (["train", "char-lm", "--length", "1"], "needs 2 symbols"),
        (["train", "char-lm", "--size", "32"], "--size 32 belongs to pictures"),
        (["train", "char-lm", "--modality", "text:unit=letters"], "unit"),
        (["train", "char-lm", "--network", "dcgan-mnist"], "no language model 'dcgan-mnist'"),
        (["train", "char-lm", "--network", "gru:width=0"], "it must be 1 or more"),
        (["train", "char-lm", "--modality", "image"], "image"),
        (["train", "dcgan-mnist", "--data", "wordnet-phrases"], "is for pictures, but 'wordnet-phrases' holds texts"),
        (["train", "autoencoder-mnist", "--data", "wordnet-phrases"], "holds texts"),
        (["data", "wordnet-phrases", "--channels", "1"], "belongs to pictures"),
    ],
)
def test_wrong_uses(belamy: Command, written: Path, trained: Path, words: list[str], says: str) -> None:
    given: dict[str, Any] = {"RUN": written, "GAN": trained}
    said = belamy(*(given.get(word, word) for word in words), *(["--no-progress"] if words[0] == "train" else []))
    assert said.returncode == 2 and says in said.stderr, said.stderr
    assert said.stdout == "" and "defect" not in said.stderr and not Path("runs").exists()


def test_wrong_uses_from_python(written: Path) -> None:
    with pytest.raises(UsageError, match="length is 0"):
        library.continue_text(written, "the", length=0)
    with pytest.raises(UsageError, match="temperature is nan"):
        library.continue_text(written, "the", temperature=float("nan"))
