"""Label maps from the first word to the last: train in phases, kill, resume, translate, repaint single objects."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from belamy.api.objects import open_scene
from belamy.cli import main
from belamy.data.streets import street
from stories.conftest import Command

KIND = "label_map:pairs=folders,input=labels,target=photos,instances=objects,unknown=255"
THIN = [
    *("--discriminator", "multi-scale:width=2,count=2,receptive-field=16", "--encoder-width", "2"),
    *("--batch", "4", "--no-progress", "--device", "cpu"),
]
HD = ["pix2pix-hd", "--generator", "pix2pix-hd:width=4,halvings=2,blocks=1,enhancer=true", "--encoder-halvings", "2"]
SPADE = ["spade", "--generator", "spade:width=2,hidden=4,latent=4"]


def save(classes: np.ndarray, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(classes).save(path)


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image, float)


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 drawn streets of 48x32 pixels: labels, photos, and objects with numbers beyond 255; some classes unknown."""
    folder = tmp_path_factory.mktemp("scenes")
    for number in range(24):
        scene = street(number, 32, 48)
        classes = scene.classes.copy()
        classes[:2, :2] = 255
        save(classes, folder / "labels" / f"{number:02d}.png")
        save(scene.objects.astype(np.uint16), folder / "objects" / f"{number:02d}.png")
        save(scene.picture, folder / "photos" / f"{number:02d}.png")
    return folder


def trained(where: Path, scenes: Path, method: list[str]) -> Path:
    words = ["train", *method, *THIN, "--data", str(scenes), "--modality", KIND, "--size", "48x32", "--samples", "48"]
    assert main([*words, "--out", str(where)]) == 0
    return where


@pytest.fixture(scope="module")
def painter(tmp_path_factory: pytest.TempPathFactory, scenes: Path) -> Path:
    """A finished run of pix2pix-hd with an enhancer."""
    return trained(tmp_path_factory.mktemp("runs") / "painter", scenes, HD)


@pytest.fixture(scope="module")
def stylist(tmp_path_factory: pytest.TempPathFactory, scenes: Path) -> Path:
    """A finished run of SPADE."""
    return trained(tmp_path_factory.mktemp("runs") / "stylist", scenes, SPADE)


def test_maps_are_translated_in_drawn_styles(stylist: Path, scenes: Path, belamy: Command, tmp_path: Path) -> None:
    given = tmp_path / "map.png"
    save(street(3, 32, 48).classes, given)
    made = {}
    for seed in (0, 0, 1):
        done = belamy("translate", stylist, given, "--out", "made.png", "--overwrite", "--seed", seed)
        assert done.returncode == 0, done.stderr
        made.setdefault(seed, []).append(pixels(tmp_path / "made.png"))
    assert made[0][0].shape == (32, 48, 3)
    assert np.array_equal(*made[0]) and not np.array_equal(made[0][0], made[1][0])


def test_unknown_pixels_of_a_file_are_the_first_class_as_in_training(
    stylist: Path, scenes: Path, belamy: Command, tmp_path: Path
) -> None:
    classes = street(0, 32, 48).classes.copy()
    classes[:2, :2] = 0
    save(classes, tmp_path / "known.png")
    assert belamy("translate", stylist, scenes / "labels/00.png", "--out", "a.png").returncode == 0
    assert belamy("translate", stylist, "known.png", "--out", "b.png").returncode == 0
    assert np.array_equal(pixels(tmp_path / "a.png"), pixels(tmp_path / "b.png"))


class TestRepaint:
    def test_one_object_changes(self, painter: Path, scenes: Path, belamy: Command, tmp_path: Path) -> None:
        given = [scenes / "labels/05.png", "--objects", scenes / "objects/05.png"]
        listed = belamy("repaint", painter, *given, "--json", "facts.json")
        assert listed.returncode == 0, listed.stderr
        facts = json.loads((tmp_path / "facts.json").read_text())["objects"]
        house = next(number for number, each in facts.items() if int(number) > 255 and each["looks"] > 1)
        assert f"object {house}: " in listed.stdout
        belamy("repaint", painter, *given, "--out", "one.png", "--look", f"{house}=0")
        belamy("repaint", painter, *given, "--out", "other.png", "--look", f"{house}={facts[house]['looks'] - 1}")
        one, other = (pixels(tmp_path / name) for name in ("one.png", "other.png"))
        assert one.shape == (32, 48, 3) and not np.array_equal(one, other)

    def test_looks_of_a_picture(self, painter: Path, scenes: Path) -> None:
        scene = open_scene(painter, scenes / "labels/05.png", objects=scenes / "objects/05.png",
                           picture=scenes / "photos/05.png")  # fmt: skip
        assert scene.picture().shape == (3, 32, 48)
        number = max(scene.objects)
        changed = scene.change(number, 0)
        there = scene.regions == number
        same = (scene.values == changed.values).all(1)
        assert bool(same[~there].all())
        assert changed.values[0][:, there[0]].T.unique(dim=0).tolist() == [scene.looks(number)[0].tolist()]

    def test_maps_of_any_size(self, painter: Path, scenes: Path, tmp_path: Path) -> None:
        for folder in ("labels", "objects", "photos"):
            with Image.open(scenes / folder / "05.png") as image:
                image.crop((0, 0, 41, 27)).save(tmp_path / f"{folder}.png")
        given = {"objects": tmp_path / "objects.png", "picture": tmp_path / "photos.png"}
        for files in ({}, given):
            scene = open_scene(painter, tmp_path / "labels.png", **files)
            assert scene.picture().shape == (3, 27, 41) and scene.values.shape[2:] == (27, 41)


WRONG = [
    ("repaint {run} nowhere.png", "There is no file nowhere.png"),
    ("repaint {run} note.txt", "note.txt cannot be used"),
    ("repaint {run} {map} --objects .", ". is a folder, but one file is wanted. Name a file in it"),
    ("repaint {run} {map} --objects small.png", "small.png has 8x8 pixels, but the label map 48x32"),
    ("repaint {run} {map} --picture small.png --out new.png", "small.png has 8x8 pixels, but the label map 48x32"),
    ("repaint {run} {map} --out new.png --look 3", "a change is OBJECT=LOOK, e.g. 502=3"),
    ("repaint {run} {map} --out new.png --look 3=0 3=1", "names the object 3 twice"),
    ("repaint {run} {map} --out new.png --look 77=0", "There is no object 77"),
    ("repaint {run} {map} --out new.png --look 0=64", "The look 64 of object 0 is asked for, but its class has"),
    ("repaint {run} {map} --look 0=1", "Looks are chosen, but no picture is to be written. Type --out"),
    ("repaint {run} {map} --out new.jpg", "must end in .png"),
    (
        "repaint {run} small.png --out new.png",
        "pix2pix-hd needs images whose height and width are multiples of 8 of at least 16",
    ),
    ("repaint {stylist} {map}", "was trained by 'spade', which knows no looks of objects"),
    ("train spade --data outlines --generator u-net --out new", "Styles are for the network 'spade'"),
    ("train spade --data mnist --out new", "label maps and pictures (--modality label_map:pairs=folders,input=labels"),
    ("train pix2pix-hd --data outlines --out new", "Type --features 0"),
    ("train pix2pix-hd --data streets --joint-from 0.2 --out new", "Type --joint-from 0.5 or more"),
    ("train pix2pix-hd --data streets:side=20 --out new", "pix2pix-hd needs images whose height and width"),
    ("train pix2pix-hd --adversarial energy-based --out new", "is for discriminators that reconstruct pictures"),
    ("train spade --data streets --channels 1 --out new", "streets are in colour, but --channels is 1"),
    ("train spade --data streets:count=3 --out new", "streets.count is 3, but it must be in 8..100,000"),
]


@pytest.mark.parametrize(("words", "says"), WRONG, ids=[f"{number}" for number in range(len(WRONG))])
def test_wrong_uses_are_refused_in_one_message(
    words: str, says: str, painter: Path, stylist: Path, scenes: Path, belamy: Command, tmp_path: Path
) -> None:
    (tmp_path / "note.txt").write_text("no picture\n")
    save(np.zeros((8, 8), np.uint8), tmp_path / "small.png")
    before = set(tmp_path.rglob("*"))
    done = belamy(*words.format(run=painter, stylist=stylist, map=scenes / "labels/00.png").split())
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("belamy: ") and says in done.stderr, done.stderr
    assert "Traceback" not in done.stderr and "defect" not in done.stderr
    assert set(tmp_path.rglob("*")) == before
