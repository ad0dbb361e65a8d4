"""``belamy data``: what it says, where its sheet is, and that what it says to type next works."""

import json
import os
import shlex
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from belamy.api.judged import moved_data
from belamy.runs.run import Run
from stories.conftest import SMALL, Command


def test_the_examination_ends_with_a_command_that_runs(belamy: Command, photos: Path) -> None:
    said = belamy("data", photos, "--size", "8")
    assert said.returncode == 0, said.stderr
    *_, sheet, following = said.stdout.splitlines()
    with Image.open(sheet.removeprefix("contact sheet: ")) as shown:
        assert shown.size == (10 * 10 + 2, 4 * 10 + 2)
    command = shlex.split(following.removeprefix("next: "))
    assert command[0] == "belamy" and command[-2:] == ["--size", "8"]
    assert belamy(*command[1:], "--samples", "64", "--out", "run", "--no-progress").returncode == 0


def test_a_sheet_that_was_asked_for_is_where_it_was_asked_for(belamy: Command, photos: Path) -> None:
    assert "contact sheet: here.png" in belamy("data", photos, "--sheet", "here.png").stdout
    assert Path("here.png").is_file()


def test_training_says_what_is_odd_about_its_data(belamy: Command, tmp_path: Path) -> None:
    for number in range(20):
        Image.fromarray(np.full((8, 8), 9 * number, np.uint16)).save(tmp_path / f"{number}.png")
    (tmp_path / "bad.png").write_bytes(b"no picture")
    said = belamy("train", "dcgan-mnist", "--data", tmp_path, *SMALL, "--samples", "8", "--out", "run").stdout
    assert "Data: 16-bit values were divided by 257; they reach 171 of 65,535 only" in " ".join(said.split())
    assert "Data: left out bad.png (not an image" in " ".join(said.split())


def test_names_with_control_characters_are_shown_without(belamy: Command, photos: Path, tmp_path: Path) -> None:
    (tmp_path / "odd").mkdir()
    for kind in ("\x1b[2Ja", "b"):
        (tmp_path / "odd" / kind).symlink_to(photos)
    (tmp_path / "odd" / "\x1b[31m.png").write_bytes(b"no picture")
    said = belamy("data", tmp_path / "odd")
    assert said.returncode == 0 and "\x1b" not in said.stdout + said.stderr and "\\x1b[31m.png" in said.stdout


@pytest.fixture
def half_way(photos: Path, tmp_path: Path, belamy: Command) -> Path:
    """A run that was interrupted half-way, on a folder of its own."""
    shutil.copytree(photos, tmp_path / "before")
    words = ["train", "dcgan-mnist", "--data", tmp_path / "before", "--size", "8", *SMALL, "--out", "run"]
    assert belamy(*words, "--samples", "64", "--no-progress", "--device", "cpu").returncode == 0
    return tmp_path / "run"


def test_data_that_moved_are_named_and_accepted_where_they_are_the_same(
    belamy: Command, half_way: Path, tmp_path: Path
) -> None:
    weights = [file.read_bytes() for file in sorted((half_way / "weights").glob("*.safetensors"))]
    shutil.rmtree(half_way / "weights")
    (tmp_path / "before").rename(tmp_path / "after")
    refused = belamy("resume", half_way, "--no-progress")
    assert refused.returncode == 2 and f"type: belamy resume {half_way} --data NEW" in refused.stderr
    judged = belamy("evaluate", half_way, "--no-progress")
    assert judged.returncode == 2 and f"type: belamy evaluate {half_way} --against NEW" in judged.stderr
    shutil.copytree(tmp_path / "after", tmp_path / "other")
    next((tmp_path / "other").rglob("*.png")).unlink()
    other = belamy("resume", half_way, "--data", tmp_path / "other", "--no-progress")
    assert other.returncode == 2 and "are not those that" in other.stderr and Run.open(half_way).recipe.data != "other"
    run = Run.open(half_way)
    assert moved_data(run, str(tmp_path / "other"), True) is None
    found = moved_data(run, str(tmp_path / "after"), True)
    assert found is not None and found.classes == ("cats", "dogs")
    accepted = belamy("resume", half_way, "--data", tmp_path / "after", "--no-progress")
    assert accepted.returncode == 0, accepted.stderr
    assert [file.read_bytes() for file in sorted((half_way / "weights").glob("*.safetensors"))] == weights
    assert belamy("resume", half_way, "--no-progress").returncode == 0  # it knows now
    assert moved_data(Run.open(half_way), str(tmp_path / "after"), True) is None


def test_the_page_of_the_doctor(belamy: Command, tmp_path: Path) -> None:
    rows = [f"{number},{'cat' if number % 3 else 'dog'},{number * 0.5}" for number in range(40)]
    (tmp_path / "table.csv").write_text("\n".join(["id,kind<b>,weight", *rows]))
    done = belamy("data", tmp_path / "table.csv", "--modality", "table", "--page", "page.html")
    assert "page: page.html" in done.stdout, done.stderr
    page = Path("page.html").read_text()
    assert "kind&lt;b&gt;" in page and "kind<b>" not in page and "40 rows" in page
    assert page.count("<svg") >= 2 and "belamy train" in page
    done = belamy("data", tmp_path / "table.csv", "--modality", "table", "--page", "page.png")
    assert done.returncode == 2 and "must end in .html" in done.stderr


def test_a_folder_that_cannot_be_read_is_named(
    photos: Path, tmp_path: Path, belamy: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Below pictures it costs itself alone; of texts, none of which may be left out, it is refused."""
    shutil.copytree(photos, tmp_path / "photos")
    (tmp_path / "photos" / "birds" / "shut").mkdir(parents=True)
    texts = tmp_path / "texts"
    for name in ("a.txt", "b.txt", "shut/c.txt"):
        (texts / name).parent.mkdir(parents=True, exist_ok=True)
        (texts / name).write_text("some words here\n")
    scan = os.scandir

    def scanning(path: str) -> Any:
        if str(path).endswith("shut"):
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", scanning)
    done = belamy("data", "photos", "--json", "facts.json")
    assert done.returncode == 0, done.stderr
    facts = json.loads((tmp_path / "facts.json").read_text())
    assert facts["skipped"] == [["birds/shut/", "Permission denied"]] and facts["images"] == 24
    assert "birds/shut/" in done.stdout and "Permission denied" in done.stdout
    refused = belamy("data", "texts")
    assert refused.returncode == 2 and "texts/shut cannot be read: Permission denied." in refused.stderr
