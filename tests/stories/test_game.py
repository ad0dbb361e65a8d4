"""The game as a user plays it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stories.conftest import Command

QUICK = ["--steps", "6", "--frames", "2", "--width", "8", "--batch", "8"]


def test_a_game_leaves_page_film_and_numbers(tmp_path: Path, belamy: Command) -> None:
    done = belamy(
        "game", "ring", "--loss", "hinge", "--penalties", "r1:weight=0.1", "r2", *QUICK, "--json", "facts.json"
    )
    assert done.returncode == 0, done.stderr
    out = tmp_path / "games" / "ring-1"
    assert f"Finished: {Path('games') / 'ring-1' / 'game.html'}" in done.stdout and "of 8" in done.stdout
    facts = json.loads((tmp_path / "facts.json").read_text())
    assert facts["settings"]["penalties"] == [{"name": "r1", "weight": 0.1}, "r2"]
    assert [moment["step"] for moment in facts["moments"]] == [0, 2, 6]
    assert facts["result"]["modes"] == 8 and set(facts["measured"]) >= {"jensen_shannon", "wasserstein_1", "separation"}
    assert facts["moments"] == json.loads((out / "game.json").read_text())["moments"]
    for path in facts["files"].values():
        assert (tmp_path / path).stat().st_size > 1000
    with Image.open(out / "game.gif") as film:
        assert film.n_frames == 3 and film.size == (960, 600)  # type: ignore[attr-defined]
    page = (out / "game.html").read_text(encoding="utf-8")
    assert "default-src 'none'" in page and not re.search(r"(src|href)=\"?https?:", page)
    assert page.count("<svg") >= 4 and "Wasserstein-1" in page and "hinge + r1:weight=0.1 + r2" in page


def test_without_a_word_it_is_the_classical_figure(tmp_path: Path, belamy: Command) -> None:
    done = belamy("game", *QUICK, "--out", "first", "--json", "-")
    facts = json.loads(done.stdout)
    assert facts["settings"]["distribution"] == "gaussian" and facts["settings"]["loss"] == "non-saturating"
    assert (tmp_path / "first" / "game.html").exists()


def test_a_drawing_is_a_distribution(tmp_path: Path, belamy: Command) -> None:
    pixels = np.full((30, 60), 255, dtype=np.uint8)
    pixels[10:20, 5:55] = 0
    Image.fromarray(pixels).save(tmp_path / "bar.png")
    done = belamy("game", "bar.png", *QUICK, "--out", "drawn")
    assert done.returncode == 0 and done.stdout.lstrip().startswith("bar.png:")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["rign"], "There is no distribution 'rign'. Did you mean 'ring'?"),
        (["none.png"], "There is no picture none.png."),
        (["ring", "--loss", "hing"], "Did you mean 'hinge'?"),
        (["ring", "--penalties", "r3"], "There is no penalty 'r3'."),
        (["ring:mods=3"], "Did you mean 'modes'?"),
        (["ring", "--steps", "0"], "--steps = 0"),
        (["ring", "--latnt", "3"], "Did you mean '--latent'?"),
        (["gaussian", "--latent", "3"], "latent is 3"),
        (["ring", "--frames", "0"], "frames is 0"),
        (["ring", "--out", "full"], "nothing is overwritten"),
        (["ring", "moons"], "'moons' is not expected there."),
    ],
)
def test_wrong_uses_end_in_one_message(words: list[str], says: str, tmp_path: Path, belamy: Command) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "kept.txt").write_text("kept")
    before = sorted(tmp_path.rglob("*"))
    done = belamy("game", *words)
    assert done.returncode == 2 and done.stdout.strip() == ""
    assert done.stderr.startswith("belamy: ") and done.stderr.count("\n") == 1 and says in done.stderr
    assert sorted(tmp_path.rglob("*")) == before
