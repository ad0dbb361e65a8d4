"""Pictures in words: train a captioner, caption files, folders and what is held out, and what is refused."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import belamy as library
from belamy.cli import main
from belamy.errors import UsageError
from stories.conftest import Command

NETWORK = "spatial-attention:channels=16,width=16,embedding=8"


@pytest.fixture(scope="session")
def captioner(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short run of a captioner."""
    out = tmp_path_factory.mktemp("captioner") / "run"
    words = ["train", "captioner", "--data", "avatars-16:captions=true", "--network", NETWORK, "--samples", "64"]
    words += ["--batch", "16", "--snapshots", "1", "--out", str(out), "--no-progress", "--no-watch", "--device", "cpu"]
    assert main(words) == 0
    return out


@pytest.fixture
def faces(tmp_path: Path) -> Path:
    """Three pictures of other sizes and colours, one that is damaged, and a file that is no picture."""
    folder, numbers = tmp_path / "faces", np.random.default_rng(0)
    (folder / "more").mkdir(parents=True)
    for name, size in (("a.png", (16, 16, 3)), ("b.jpg", (40, 30)), ("more/c.png", (20, 24, 4))):
        Image.fromarray(numbers.integers(0, 256, size, dtype=np.uint8)).save(folder / name)
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n nothing")
    (folder / "notes.txt").write_text("no picture")
    return folder


def test_files_and_folders_are_captioned(belamy: Command, captioner: Path, faces: Path) -> None:
    said = belamy(
        "caption",
        captioner,
        faces,
        "--beams",
        "2",
        "--no-progress",
        "--attention",
        "seen",
        "--evidence",
        "spoke",
        "--json",
        "f.json",
    )
    assert said.returncode == 0, said.stderr
    lines = said.stdout.splitlines()
    assert [line.split()[0] for line in lines[:3]] == ["a.png", "b.jpg", "more/c.png"]
    assert lines[-1].startswith("left out broken.png: ")
    for folder in ("seen", "spoke"):
        assert sorted(path.name for path in Path(folder).iterdir()) == ["a.png", "b.png", "more-c.png"]
    assert Path("seen/a.png").read_bytes() != Path("spoke/a.png").read_bytes()
    facts = json.loads(Path("f.json").read_text())
    assert facts["beams"] == 2 and [each[0] for each in facts["skipped"]] == ["broken.png"]
    assert all(0 < each["word_probability"] <= 1 for each in facts["captions"])
    again = belamy("caption", captioner, faces, "--attention", "seen", "--no-progress")
    assert again.returncode == 2 and "Give another --attention, or type --overwrite." in again.stderr
    found = library.caption(captioner, [faces / "a.png"], beams=2)
    assert found.items[0].text == facts["captions"][0]["caption"] and found.items[0].true is None
    assert "<img" in found._repr_html_()


@pytest.mark.parametrize("kind", ["txt", "csv", "json"])
def test_captions_are_written(belamy: Command, captioner: Path, faces: Path, kind: str) -> None:
    said = belamy("caption", captioner, faces / "a.png", faces / "more", "--out", f"told.{kind}", "--no-progress")
    assert said.returncode == 0 and said.stdout.startswith(f"2 caption(s) in told.{kind}")
    text = Path(f"told.{kind}").read_text()
    names = {
        "txt": lambda: [line.split("\t")[0] for line in text.splitlines()],
        "csv": lambda: [row["file"] for row in csv.DictReader(text.splitlines())],
        "json": lambda: [row["file"] for row in json.loads(text)],
    }[kind]()
    assert names == ["a.png", "c.png"]
    assert belamy("caption", captioner, faces, "--out", f"told.{kind}", "--no-progress").returncode == 2


def test_what_is_held_out_has_a_true_caption(belamy: Command, captioner: Path) -> None:
    said = belamy("caption", captioner, "test", "--no-progress", "--json", "-", "--temperature", "1", "--seed", "3")
    captions = json.loads(said.stdout)["captions"]
    assert len(captions) == 300 and captions[0]["true"].startswith("a ")
    assert captions[0]["file"] == "test:0"


def test_a_captioner_is_measured_by_itself(belamy: Command, captioner: Path) -> None:
    said = belamy("evaluate", captioner, "--no-progress", "--json", "v.json", "--out", "v.html")
    assert said.returncode == 0, said.stderr
    told = json.loads(Path("v.json").read_text())["measures"]
    assert {"bits-per-word", "bleu-4", "bleu-4-real", "attributes-right", "attributes-by-chance"} <= told.keys()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["nowhere"], "There is no file or folder nowhere."),
        ([], "No pictures are given."),
        (["faces/broken.png"], "None of the 1 file(s) can be read as picture"),
        (["faces/notes.txt"], "None of the 1 file(s) can be read as picture"),
        (["faces/a.png", "--beams", "0"], "--beams"),
        (["faces/a.png", "--beams", "65"], "--beams"),
        (["faces/a.png", "--beams", "2", "--temperature", "1"], "Leave one of them out."),
        (["faces/a.png", "--temperature", "-1"], "--temperature"),
        (["faces/a.png", "--out", "told.png"], "must end in .txt or .csv or .json"),
        (["faces/a.png", "--attention", "faces"], "Give another --attention"),
        (["faces/a.png", "--attention", "faces/a.png"], "Name a folder with --attention"),
        (["faces/a.png", "--evidence", "new", "--attention", "new"], "name the same folder. Name two."),
    ],
)
@pytest.mark.usefixtures("faces")
def test_what_is_not_captioned(belamy: Command, captioner: Path, words: list[str], says: str) -> None:
    said = belamy("caption", captioner, *words, "--no-progress")
    assert said.returncode == 2 and says in said.stderr and said.stderr.count("\n") == 1
    assert not Path("told.png").exists()


def test_a_network_that_tells_no_evidence(belamy: Command, faces: Path) -> None:
    network = "show-attend-tell:channels=16,width=16,embedding=8"
    words = ["captioner", "--data", "avatars-16:captions=true", "--network", network, "--samples", "16"]
    trained = belamy("train", *words, "--batch", "8", "--snapshots", "1", "--out", "told-run", "--no-progress")
    assert trained.returncode == 0, trained.stderr
    said = belamy("caption", "told-run", faces / "a.png", "--evidence", "spoke", "--no-progress")
    assert said.returncode == 2 and "Take --attention." in said.stderr and not Path("spoke").exists()
    with pytest.raises(UsageError, match="does not tell what speaks"):
        library.caption("told-run", faces / "a.png").evidence_sheet(0)


def test_another_run_captions_nothing(belamy: Command, trained: Path, faces: Path) -> None:
    said = belamy("caption", trained, faces)
    assert said.returncode == 2 and "which writes no captions; it draws new samples: `belamy sample" in said.stderr
    with pytest.raises(UsageError, match="Train a captioner"):
        library.caption(trained, faces)


def test_data_without_captions_are_refused(belamy: Command, photos: Path) -> None:
    said = belamy("train", "captioner", "--data", photos, "--out", "run", "--no-progress")
    assert said.returncode == 2 and "captions=beside" in said.stderr and not Path("run").exists()


def test_films_are_captioned(belamy: Command, tmp_path: Path) -> None:
    words = [
        "captioner",
        "--data",
        "captioned-films:count=48",
        "--length",
        "4",
        "--network",
        NETWORK,
        "--samples",
        "32",
    ]
    trained = belamy("train", *words, "--batch", "16", "--snapshots", "1", "--out", "film-run", "--no-progress")
    assert trained.returncode == 0, trained.stderr
    (tmp_path / "films").mkdir()
    frames = [Image.new("RGB", (20, 20), (level, 0, 0)) for level in (0, 90, 180, 20, 60)]
    frames[0].save(tmp_path / "films" / "a.gif", save_all=True, append_images=frames[1:], duration=80)
    Image.new("RGB", (20, 20)).save(tmp_path / "films" / "still.gif")
    said = belamy("caption", "film-run", "films", "--no-progress", "--attention", "seen")
    assert said.returncode == 0 and said.stdout.startswith("a.gif  "), said.stderr
    assert "left out still.gif: a single frame, which is no film" in said.stdout
    with Image.open("seen/a.png") as sheet:
        assert sheet.width > sheet.height / 4
    assert belamy("evaluate", "film-run", "--no-progress", "--json", "v.json").returncode == 0
    assert "word-for-word" in json.loads(Path("v.json").read_text())["measures"]
