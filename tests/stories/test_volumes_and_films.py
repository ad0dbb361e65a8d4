"""Volumes and films from data to judgement: trained, broken off, resumed, drawn, reported, judged; and used wrongly."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from belamy.cli import main
from belamy.runs.run import Run
from outside import install
from stories.conftest import state_of

QUIET = ["--no-progress", "--device", "cpu"]
SHORT = ["--train-samples", "160", "--batch", "8", "--snapshots", "3"]
TINY = ["--generator", "gan-3d:width=2", "--discriminator", "gan-3d:width=2", "--latent", "8"]
KINDS = {
    "volume": ["gan-3d", "--data", "shapes:side=8,count=60", *TINY, "--rest-above", "0.6"],
    "video": ["flow-matching", "--data", "moving-shapes:side=8,count=40", "--length", "4", "--width", "8"],
}
SUFFIX = {"volume": ".npy", "video": ".gif"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where a method of any kind of data is installed."""
    made = tmp_path_factory.mktemp("outside")
    install(made, {"flow_matching": ["belamy.methods"]})
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(made))
        patch.chdir(made)
        yield made


@pytest.fixture(scope="module", params=KINDS)
def trained(request: pytest.FixtureRequest, folder: Path) -> tuple[str, Path]:
    """The kind, and a finished run of 20 steps."""
    kind: str = request.param
    assert main(["train", *KINDS[kind], *SHORT, "--out", str(folder / kind), *QUIET]) == 0
    return kind, folder / kind


def test_it_is_broken_off_and_goes_on_bit_for_bit(
    trained: tuple[str, Path], folder: Path, broken_off: Callable[..., None]
) -> None:
    kind, whole = trained
    out = folder / f"{kind}-broken"
    broken_off(["train", *KINDS[kind], *SHORT, *QUIET], out, 9)
    first, second = state_of(Run.open(whole)), state_of(Run.open(out))
    assert first.keys() == second.keys()
    assert ("method/told_right" in first) == (kind == "volume")
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_the_report_plays_it(trained: tuple[str, Path]) -> None:
    _, out = trained
    page = (out / "report.html").read_text()
    assert "data:image/gif;base64" in page and "Traceback" not in page


def test_samples_are_files_of_their_kind(trained: tuple[str, Path], folder: Path) -> None:
    kind, out = trained
    drawn = folder / f"{kind}-samples"
    assert main(["sample", str(out), "--count", "3", "--out", str(drawn), "--no-progress"]) == 0
    assert sorted(path.name for path in drawn.iterdir()) == [*(f"{n:06d}{SUFFIX[kind]}" for n in range(3)), "sheet.png"]
    data = (drawn / "000001").with_suffix(SUFFIX[kind]).read_bytes()
    if kind == "volume":
        volume = np.load(io.BytesIO(data))
        assert volume.dtype == bool and volume.shape == (8, 8, 8)
        assert np.array_equal(volume, Run.open(out).sample(2)[1, 0].numpy())
    else:
        film = Image.open(io.BytesIO(data))
        assert (film.n_frames, film.size) == (4, (8, 8))


def test_it_is_judged(trained: tuple[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    kind, out = trained
    capsys.readouterr()
    assert main(["evaluate", str(out), "--count", "20", "--no-real-baseline", "--json", "-", "--no-progress"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert {"frechet", "precision"} <= facts["measures"].keys()
    assert "sharpness" not in facts["measures"]
    assert ("voxels" if kind == "volume" else "distances") in json.dumps(facts)


def test_the_doctor_looks(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["data", "shapes:count=30"]) == 0
    said = capsys.readouterr().out
    assert "30 volumes of 1x16x16x16" in said and "in_one_piece 1" in said
    assert main(["data", "moving-shapes:count=6,side=8", "--length", "3"]) == 0
    assert "6 films of 3x3x8x8" in capsys.readouterr().out


TRAIN = ["--train-samples", "8", "--batch", "4", "--out", "{tmp}/new", *QUIET]
WRONG = {
    "a GAN of volumes on pictures": (["train", "gan-3d", "--data", "mnist", *TRAIN], "volume"),
    "a GAN of pictures on volumes": (["train", "dcgan-mnist", "--data", "shapes", *TRAIN], "pictures"),
    "a classifier on volumes": (["train", "classifier-mnist", "--data", "shapes", *TRAIN], "pictures"),
    "a GAN of volumes on films": (["train", "gan-3d", "--data", "moving-shapes", *TRAIN], "volume"),
    "a size of volumes": (["train", "gan-3d", "--data", "shapes", "--size", "16", *TRAIN], "--size"),
    "channels of volumes": (["train", "gan-3d", "--data", "shapes", "--channels", "3", *TRAIN], "--channels"),
    "a side that cannot be halved": (["train", "gan-3d", "--data", "shapes:side=17", *TRAIN], "multiples of 4"),
    "networks of no width": (["train", "gan-3d", "--data", "shapes", "--generator", "gan-3d:width=0", *TRAIN], "width"),
    "a share above 1": (["train", "gan-3d", "--data", "shapes", "--rest-above", "1.5", *TRAIN], "rest"),
    "both at once, and one rests": (
        ["train", "gan-3d", "--data", "shapes", "--turns", "simultaneous", *TRAIN], "--rest-above"),
    "an unknown drawing": (["data", "shapes:side=16,kind=sofa"], "kind"),
    "an unknown source": (["data", "shape"], "Did you mean 'shapes'"),
    "a film of one frame": (["data", "moving-shapes", "--length", "1"], "2 frames"),
    "volumes for films": (["data", "{tmp}/volumes", "--modality", "video"], "films"),
    "films without a rate": (["data", "{tmp}/films.npy", "--modality", "video"], "--rate 25"),
    "an array of open meaning": (["data", "{tmp}/films.npy"], "--modality video --rate 25"),
    "a folder of open meaning": (["data", "{tmp}/volumes"], "--modality volume"),
    "a rate of volumes": (["data", "{tmp}/volumes", "--modality", "volume", "--rate", "5"], "--rate"),
    "an option that films lack": (["data", "moving-shapes", "--modality", "video:sise=8"], "size"),
    "a file that films lack": (["data", "moving-shapes", "--modality", "video:file=npy"], "drawn, not read"),
    "a fit of films": (["data", "moving-shapes", "--fit", "pad"], "--fit"),
    "no data": (["data", "{tmp}/nothing", "--modality", "volume"], "nothing"),
    "stylised volumes": (["stylize", "{tmp}/volumes/0.npy", "--style", "night", "--out", "{tmp}/new"], ""),
    "volumes to unmask": (["unmask", "{tmp}/volumes", "{tmp}/volumes"], ""),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_wrong_uses(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "volumes").mkdir()
    for number in range(3):
        np.save(tmp_path / "volumes" / f"{number}.npy", np.eye(8, dtype=bool)[None].repeat(8, 0))
    np.save(tmp_path / "films.npy", np.random.default_rng(0).random((4, 5, 8, 8, 3), np.float32))
    words, says = WRONG[name]
    capsys.readouterr()
    code = main([word.replace("{tmp}", str(tmp_path)) for word in words])
    said = capsys.readouterr().err
    assert code == 2, said
    assert says in said and "defect" not in said and "Traceback" not in said
    assert len(said.strip().splitlines()) == 1
    assert not (tmp_path / "new").exists()
