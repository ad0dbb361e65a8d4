"""``belamy retrieve``, ``anomaly``, ``reconstruct``, ``segment``: what an encoder is good for, from the shell."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from belamy.cli import main
from stories.conftest import Command

QUIET = ["--no-progress", "--no-watch", "--snapshots", "1", "--device", "cpu"]
SEA, SKY = ["salt", "ship", "water", "wave", "fish"], ["blue", "bird", "cloud", "wind", "star"]
DENSE = ["--encoder", "autoencoder-mnist:form=dense", "--decoder", "autoencoder-mnist:form=dense", "--batch", "16"]
WORDS = ["--encoder", "autoencoder-words", "--decoder", "autoencoder-words", "--batch", "16"]


@pytest.fixture(scope="session")
def bars(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bars in four places, which are their classes."""
    folder = tmp_path_factory.mktemp("encoders")
    numbers = np.random.default_rng(0)
    bars, places = numbers.integers(0, 40, (200, 8, 8), dtype=np.uint8), np.arange(200) % 4
    for bar, place in zip(bars, places, strict=True):
        bar[1:7, 2 * place : 2 * place + 2] = numbers.integers(180, 256)
    np.savez(folder / "bars.npz", images=bars, labels=places)
    Image.fromarray(bars[5]).save(folder / "bar.png")
    across = np.zeros((8, 8), np.uint8)
    across[3:5] = 255
    (folder / "odd").mkdir()
    for name in ("a", "b"):
        Image.fromarray(across).save(folder / "odd" / f"{name}.png")
    return folder


@pytest.fixture(scope="session")
def run(bars: Path) -> Path:
    """A denoising autoencoder of bars."""
    words = ["train", "autoencoder-mnist", "--data", str(bars / "bars.npz"), *DENSE, "--latent", "4", "--noise", "0.2"]
    assert main([*words, "--samples", "8000", "--out", str(bars / "run"), *QUIET]) == 0
    return bars / "run"


@pytest.fixture(scope="session")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty lines about the sea or about the sky, and a run of their words."""
    folder = tmp_path_factory.mktemp("texts")
    numbers = np.random.default_rng(0)
    topics = (SEA, SKY)
    lines = [" ".join(numbers.choice(topics[index % 2], 4)) for index in range(40)]
    (folder / "lines.txt").write_text("\n".join(lines))
    words = ["train", "autoencoder-mnist", "--data", str(folder / "lines.txt"), *WORDS, "--latent", "4"]
    assert main([*words, "--samples", "8000", "--out", str(folder / "run"), *QUIET]) == 0
    return folder


def test_images_like_a_picture(belamy: Command, run: Path, bars: Path, tmp_path: Path) -> None:
    asked = [
        "--count",
        "5",
        "--device",
        "cpu",
        "--index",
        tmp_path / "i.safetensors",
        "--json",
        tmp_path / "facts.json",
    ]
    said = belamy("retrieve", run, bars / "bar.png", "test:0..2", *asked)
    assert said.returncode == 0 and "retrieved.png: the nearest of 180 images" in said.stdout
    facts = json.loads((tmp_path / "facts.json").read_text())
    assert [each["query"] for each in facts["queries"]] == ["bar.png", "test:0", "test:1", "test:2"]
    results = facts["queries"][0]["results"]
    assert [each["label"] for each in results] == ["1"] * 5
    assert [each["distance"] for each in results] == sorted(each["distance"] for each in results)
    with Image.open("retrieved.png") as sheet:
        assert sheet.width > sheet.height
    again = belamy("retrieve", run, bars / "bar.png", *asked, "--out", "again.png")
    assert again.returncode == 0
    found = json.loads((tmp_path / "facts.json").read_text())["queries"][0]["results"]
    assert [each["name"] for each in found] == [each["name"] for each in results]
    elsewhere = belamy("retrieve", run, "test:0", "--data", bars / "odd", "--count", "2", "--out", "odd.png",
                       "--json", "-")  # fmt: skip
    assert {each["name"] for each in json.loads(elsewhere.stdout)["queries"][0]["results"]} == {"a.png", "b.png"}
    wrong = belamy("retrieve", run, "test:0", "--data", bars / "odd", *asked, "--out", "odd2.png")
    assert wrong.returncode == 2 and "index of other data or of another run" in wrong.stderr


def test_documents_like_words(belamy: Command, texts: Path) -> None:
    said = belamy("retrieve", texts / "run", "ship and wave", "a star", "--count", "5", "--json", "-")
    assert said.returncode == 0
    for asked, topic in zip(json.loads(said.stdout)["queries"], (SEA, SKY), strict=True):
        about = [set(each["name"].split()) <= set(topic) for each in asked["results"]]
        assert about[0] and sum(about) >= 3, asked
    said = belamy("retrieve", texts / "run", "ship", "--count", "3")
    assert "among 36 documents" in said.stdout and not Path("retrieved.png").exists()
    said = belamy("retrieve", texts / "run", "zebra")
    assert said.returncode == 2 and "No word of 'zebra' is known" in said.stderr


def test_documents_that_changed_are_refused(belamy: Command, texts: Path) -> None:
    file = texts / "lines.txt"
    before = file.read_text()
    try:
        file.write_text(before + "\nship ship ship wave")
        said = belamy("retrieve", texts / "run", "ship")
    finally:
        file.write_text(before)
    assert said.returncode == 2 and "have changed since the run" in said.stderr


@pytest.mark.parametrize("score", ["neighbours", "latent", "error"])
def test_bars_across_are_anomalous(belamy: Command, run: Path, bars: Path, score: str) -> None:
    said = belamy("anomaly", run, bars / "odd", "--score", score, "--false-positives", "0.2", "--json", "facts.json",
                  "--device", "cpu")  # fmt: skip
    assert said.returncode == 0 and "of 2 are anomalous" in said.stdout
    facts = json.loads(Path("facts.json").read_text())
    assert facts["score"] == score and [each["name"] for each in facts["suspects"]] == ["a.png", "b.png"]
    if score != "latent":  # an encoder may place what it never saw among the usual
        assert all(each["anomalous"] for each in facts["suspects"])
    share, low, high = facts["false_positives"]["measured"]
    assert 0 <= low <= share <= high <= 1 and facts["false_positives"]["stated"] == 0.2
    assert Path("anomaly.png").stat().st_size > 500


def test_own_images_are_usual(belamy: Command, run: Path, bars: Path) -> None:
    said = belamy("anomaly", run, bars / "bars.npz", "--reference", bars / "bars.npz", "--json", "-")
    facts = json.loads(said.stdout)
    assert sum(each["anomalous"] for each in facts["suspects"]) < 30


def test_noise_is_taken_out(belamy: Command, run: Path, bars: Path) -> None:
    said = belamy("reconstruct", run, "test:0..19", "--noise", "0.3", "--json", "facts.json")
    facts = json.loads(Path("facts.json").read_text())
    assert said.returncode == 0 and facts["pictures"] == 20
    assert facts["psnr"][0] > facts["psnr_before"][0] + 3
    plain = belamy("reconstruct", run, bars / "bar.png", "--out", "one.png")
    assert belamy("reconstruct", run, bars, "--out", "alone.png").returncode == plain.returncode == 0
    assert plain.returncode == 0 and "1 picture(s)" in plain.stdout and "before" not in plain.stdout


def test_a_pretrained_encoder_is_compared_with_a_fresh_one(belamy: Command, run: Path) -> None:
    said = belamy("pretrain", run, "--per-class", "2", "--seeds", "2", "--steps", "20", "--json", "facts.json")
    assert said.returncode == 0 and "gain of pretraining" in said.stdout
    facts = json.loads(Path("facts.json").read_text())
    assert facts["tested"] == 192 and all(len(each) == 2 for each in facts["accuracies"].values())
    assert "holds only 20 images out" in facts["note"] and facts["note"] in said.stdout
    assert facts["gain"][1] <= facts["gain"][0] <= facts["gain"][2]
    page = Path("pretrain.html").read_text()
    assert all(f"{found:.1%}" in page for each in facts["accuracies"].values() for found in each) and "<svg" in page
    again = belamy("pretrain", run)
    assert again.returncode == 2 and "--overwrite" in again.stderr


def test_pixels_are_told_apart_by_masks_of_colours(belamy: Command, run: Path, bars: Path) -> None:
    with np.load(bars / "bars.npz") as held:
        images, places = held["images"][:24], held["labels"][:24]
    colours = np.array([[0, 0, 0], [255, 0, 0], [0, 0, 255]], np.uint8)
    for name, image, place in zip(map(str, range(24)), images, places, strict=True):
        Path("photos").mkdir(exist_ok=True)
        Path("masks").mkdir(exist_ok=True)
        Image.fromarray(image).save(f"photos/{name}.png")
        Image.fromarray(colours[(image > 127) * (1 + (place > 1))]).save(f"masks/{name}.png")
    said = belamy(
        "segment", run, "--data", "photos", "--masks", "masks", "--apply", bars / "bar.png", "--json", "facts"
    )
    assert said.returncode == 0 and "learned from 22 images" in said.stdout, said.stderr
    facts = json.loads(Path("facts").read_text())
    assert facts["classes"] == ["#000000", "#0000ff", "#ff0000"] and facts["tested"] == 2
    assert facts["iou"]["mean"][0] > 0.9
    assert [Path(file).name for file in facts["files"]] == ["sheet.png", "applied.png", "bar.png"]
    with Image.open("segmented/bar.png") as mask, Image.open(bars / "bar.png") as bar:
        said_blue, ink = np.asarray(mask), np.asarray(bar) > 127
        assert (said_blue[~ink] == 0).mean() > 0.95 and (said_blue[ink] == [255, 0, 0]).all(1).mean() > 0.9


def interrupt(*_given: object) -> None:
    raise KeyboardInterrupt


def test_ink_needs_no_masks(belamy: Command, run: Path) -> None:
    said = belamy("segment", run, "--masks", "ink-by-class", "--noise", "0.1", "--apply", "test:0..1", "--json", "-")
    facts = json.loads(said.stdout)
    assert facts["classes"] == ["ground", "0", "1", "2", "3"] and facts["tested"] == 170
    low, high = facts["iou"]["mean"][1:]
    assert 0.3 < low <= facts["iou"]["mean"][0] <= high
    with Image.open("segmented/test-0.png") as mask:
        assert mask.mode == "P" and mask.size == (8, 8)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("belamy.editing.segmentation.sheet", interrupt)
        words = ["segment", run, "--masks", "ink-by-class", "--apply", "test:0", "--out", "other"]
        assert belamy(*words).returncode == 130 and not Path("other").exists()
    again = belamy("segment", run)
    assert again.returncode == 2 and "is a folder with files in it" in again.stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["retrieve", "RUN", "test:99"], "must lie in test:0..19"),
        (["retrieve", "RUN", "nowhere.png"], "There is no file or folder nowhere.png"),
        (["retrieve", "RUN", "test:0", "--count", "0"], "must be in 1..64"),
        (["retrieve", "RUN", "test:0", "--count", "64", "--data", "ODD"], "64 nearest neighbours are asked for"),
        (["anomaly", "RUN", "ODD", "--false-positives", "1.5"], "in 0..1"),
        (["anomaly", "RUN", "ODD", "--false-positives", "0.01"], "100 or more can"),
        (["anomaly", "RUN", "ODD", "--reference", "ODD"], "2 or more of"),
        (["anomaly", "GAN", "ODD"], "no encoder"),
        (["retrieve", "GAN", "test:0"], "Take a run that has one, e.g. of `belamy train vae-mnist`."),
        (["manifold", "GAN", "--scatter"], "Take a run that has one, e.g. of `belamy train vae-mnist`."),
        (["pretrain", "GAN"], "no encoder"),
        (["pretrain", "RUN", "--per-class", "99"], "one class has"),
        (["segment", "GAN"], "no encoder"),
        (["segment", "RUN", "--masks", "nowhere"], "There are no masks 'nowhere'"),
        (["segment", "RUN", "--masks", "ODD"], "have no names"),
        (["segment", "RUN", "--data", "ODD", "--masks", "BARS"], "There is no mask"),
        (["segment", "RUN", "--data", "ODD", "--masks", "ink-by-class"], "has no labels"),
        (["segment", "RUN", "--noise", "-1"], "must be in 0..10"),
        (["segment", "RUN", "--learn", "0"], "must be in 1..10,000"),
        (["reconstruct", "GAN", "ODD"], "reconstructs no images"),
        (["reconstruct", "RUN", "ODD", "--noise", "-1"], "must be in 0..10"),
        (["reconstruct", "RUN", "ODD", "--out", "x.jpg"], "must end in .png"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_wrong_uses(belamy: Command, run: Path, trained: Path, bars: Path, words: list[str], says: str) -> None:
    known = {"RUN": run, "GAN": trained, "ODD": bars / "odd", "BARS": bars}
    said = belamy(*[known.get(word, word) for word in words])
    assert said.returncode == 2 and says in said.stderr, said.stderr
    assert "Traceback" not in said.stderr
