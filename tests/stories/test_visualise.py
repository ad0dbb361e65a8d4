"""``belamy visualise``: pictures and a page of a run's networks, and what it says to wrong uses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from stories.conftest import Command

QUICK = ["--steps", "2", "--units", "2", "--device", "cpu"]


def test_a_page_of_pictures(belamy: Command, trained: Path, tmp_path: Path) -> None:
    out = tmp_path / "pictures"
    said = belamy("visualise", trained, *QUICK, "--out", out, "--json", tmp_path / "facts.json")
    assert said.returncode == 0 and "pictures and a page of them" in said.stdout
    facts = json.loads((tmp_path / "facts.json").read_text())
    assert {each["network"] for each in facts["pictures"]} == {"generator", "discriminator"}
    assert {each["kind"] for each in facts["pictures"]} == {"filters", "activations", "maximisation"}
    for each in facts["pictures"]:
        with Image.open(out / each["file"]) as sheet:
            assert sheet.mode == "RGB"
    page = (out / "index.html").read_text()
    assert page.count("data:image/") == len(facts["pictures"]) and "held out of" in page


def test_nothing_is_overwritten_unasked(belamy: Command, trained: Path, tmp_path: Path) -> None:
    out = tmp_path / "pictures"
    words = ["visualise", trained, *QUICK, "--network", "discriminator", "--out", out]
    assert belamy(*words).returncode == 0
    again = belamy(*words)
    assert again.returncode == 2 and "type --overwrite" in again.stderr
    assert belamy(*words, "--overwrite").returncode == 0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["nowhere"], "does not exist"),
        ([], "RUN is missing"),
        (["{run}", "--network", "critic"], "no network 'critic'"),
        (["{run}", "--layer", "nosuch"], "There is no layer 'nosuch'"),
        (["{run}", "--image", "-1"], "--image is -1, but it must be at least 0"),
        (["{run}", "--units", "0"], "units is 0"),
        (["{run}", "--steps", "0"], "--steps is 0, but it must be at least 1"),
        (["{run}", "--out", "{run}/recipe.json"], "is a file. Name a folder"),
    ],
)
def test_wrong_uses(belamy: Command, trained: Path, words: list[str], says: str) -> None:
    said = belamy("visualise", *(word.replace("{run}", str(trained)) for word in words))
    assert said.returncode == 2
    assert says in said.stderr and said.stderr.count("\n") == 1
