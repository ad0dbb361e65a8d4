"""Unmasking as a user does it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from belamy.data import open_data
from stories.conftest import SMALL, Command


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """150 real drawn faces of 16 pixels as PNG files."""
    folder = tmp_path_factory.mktemp("unmask") / "faces"
    folder.mkdir()
    images = open_data("avatars-16").images(torch.arange(150))
    for index, image in enumerate(images.permute(0, 2, 3, 1).numpy()):
        Image.fromarray(image).save(folder / f"{index:03d}.png")
    return folder


def test_a_run_is_told_from_its_own_data(tmp_path: Path, belamy: Command, faces: Path) -> None:
    words = ["train", "dcgan-mnist", "--data", faces, "--size", "16", *SMALL, "--samples", "64", "--out", "fake"]
    assert belamy(*words, "--no-progress", "--device", "cpu").returncode == 0
    done = belamy("unmask", "fake", "--count", "40", "--no-robustness", "--json", "facts.json", "--no-progress")
    assert done.returncode == 0, done.stderr
    assert "told from real images: " in done.stdout and "real against real" in done.stdout
    facts = json.loads((tmp_path / "facts.json").read_text())
    assert facts["generated"] and facts["suspect"]["format"] == "run" and facts["real"]["format"] == "PNG"
    assert [each["format"] for each in facts["comparisons"]] == ["as given", "uint8"]
    page = (tmp_path / "fake" / "unmask.html").read_text(encoding="utf-8")
    assert (
        "default-src 'none'" in page and not re.search(r"(src|href)=\"?https?:", page) and "Real against real" in page
    )


def test_real_images_are_not_accused(belamy: Command, faces: Path) -> None:
    done = belamy(
        "unmask", faces, "--real", "avatars-16", "--count", "40", "--hide", "uint8", "--json", "-", "--seed", "3"
    )
    facts = json.loads(done.stdout)
    assert not facts["generated"] and facts["verdict"].startswith("Nothing tells the 40 suspects")
    assert facts["comparisons"][0]["format"] == "uint8" and facts["settings"]["hide"] == "uint8"


def test_png_against_jpeg_ends_in_one_message(tmp_path: Path, belamy: Command, faces: Path) -> None:
    (tmp_path / "photos").mkdir()
    for path in faces.iterdir():
        with Image.open(path) as image:
            image.save(tmp_path / "photos" / f"{path.stem}.jpg", quality=85)
    done = belamy("unmask", faces, "--real", "photos", "--no-progress")
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and done.stdout == ""
    assert (
        "The suspects are PNG, the real images JPEG of quality 85." in done.stderr and "--hide jpeg:75" in done.stderr
    )


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["faces"], "--real DATA"),
        (["none", "--real", "mnist"], "There is no data source 'none'"),
        (["faces", "--real", "mnist", "--hide", "png"], "--hide is 'png'"),
        (["faces", "--real", "mnist", "--count", "5"], "--count is 5"),
        (["faces", "--real", "mnist", "--false-alarms", "1"], "--false-alarms is 1"),
        (["faces", "--real", "avatars-32"], "--size 16"),
        (["faces", "--real", "avatars-16", "--out", "page.txt"], "must end in .html"),
        (["faces", "--real", "avatars-16", "--out", "kept.html"], "--overwrite"),
        (["faces", "--real", "avatars-16", "--split", "tset"], "no split 'tset'"),
        (["few", "--real", "avatars-16"], "needs at least 30"),
        (["faces", "--reel", "avatars-16"], "Did you mean '--real'?"),
    ],
)
def test_wrong_uses_end_in_one_message(
    words: list[str], says: str, tmp_path: Path, belamy: Command, faces: Path
) -> None:
    (tmp_path / "kept.html").write_text("kept")
    (tmp_path / "faces").symlink_to(faces)
    np.savez(tmp_path / "few.npz", images=np.zeros((9, 16, 16, 3), dtype=np.uint8))
    words = ["few.npz" if word == "few" else word for word in words]
    done = belamy("unmask", *words, "--no-progress")
    assert done.returncode == 2 and done.stdout.strip() == ""
    assert done.stderr.startswith("belamy: ") and done.stderr.count("\n") == 1 and says in done.stderr
    assert (tmp_path / "kept.html").read_text() == "kept"


def test_a_run_of_series_is_unmasked_by_traces_of_series(belamy: Command, tmp_path: Path) -> None:
    words = ["train", "rcgan", "--data", "sines:count=240", "--train-samples", "280", "--snapshots", "1"]
    assert belamy(*words, "--out", "waves", "--no-progress", "--device", "cpu").returncode == 0
    done = belamy("unmask", "waves", "--count", "60", "--json", "facts.json", "--no-progress")
    assert done.returncode == 0, done.stderr
    facts = json.loads(Path("facts.json").read_text())
    assert facts["generated"] and "real series" in facts["verdict"] and facts["robustness"] == []
    (comparison,) = facts["comparisons"]
    assert {test["name"] for test in comparison["tests"]} == {"together", "autocorrelation", "marginals", "neighbours"}
    held = comparison["tests"][[test["name"] for test in comparison["tests"]].index("together")]
    assert held["auroc"]["value"] > 0.95 and held["at_false_alarms"]["accuracy"]["value"] > 0.8
    assert {test["name"] for test in facts["control"]["tests"]} == {test["name"] for test in comparison["tests"]}
    page = Path("waves/unmask.html").read_text(encoding="utf-8")
    assert "Nearest real series" in page and "Rules of real" not in page
    refused = belamy("unmask", "waves", "--size", "8")
    assert refused.returncode == 2 and "--size belongs to pictures" in refused.stderr
    assert belamy("unmask", "waves", "--real", "sines:count=100,steps=7").returncode == 2
