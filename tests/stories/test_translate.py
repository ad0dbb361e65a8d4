"""Pairs from the first word to the last: train, kill, resume, translate files and folders, look at the page."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import belamy as package
from belamy.cli import main
from belamy.methods.base import BaseMethod
from belamy.runs.run import Run
from stories.conftest import Command

NETWORKS = ["--generator", "u-net:width=2,depth=2", "--discriminator", "patch-gan:width=2"]
TRAIN = ["train", "pix2pix", *NETWORKS, "--batch", "4", "--no-progress", "--device", "cpu"]


def noise(number: int, width: int, height: int, channels: int = 3) -> Image.Image:
    pixels = np.random.default_rng(number).integers(0, 256, (height, width, channels), dtype=np.uint8)
    return Image.fromarray(pixels.squeeze())


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image, float)


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 grey and coloured pictures of 32x24 pixels in A and B."""
    folder = tmp_path_factory.mktemp("pairs")
    for side, channels in (("A", 1), ("B", 3)):
        (folder / side).mkdir()
        for number in range(24):
            noise(number + 100 * channels, 32, 24, channels).save(folder / side / f"{number:02d}.png")
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, pairs: Path) -> Path:
    """A finished run of grey pictures to coloured ones, 32 wide and 24 high."""
    out = tmp_path_factory.mktemp("runs") / "run"
    words = [*TRAIN, "--data", str(pairs), "--modality", "image:pairs=folders", "--size", "native", "--samples", "48"]
    assert main([*words, "--out", str(out)]) == 0
    return out


class TestFiles:
    def test_a_file_becomes_a_file(self, run: Path, pairs: Path, belamy: Command, tmp_path: Path) -> None:
        assert belamy("translate", run, pairs / "A/03.png", "--out", "made.png").returncode == 0
        first = (tmp_path / "made.png").read_bytes()
        with Image.open(tmp_path / "made.png") as image:
            assert (image.size, image.mode) == ((32, 24), "RGB")
        belamy("translate", run, pairs / "A/03.png", "--out", "made.png", "--overwrite")
        assert (tmp_path / "made.png").read_bytes() == first
        belamy("translate", run, pairs / "A/03.png", "--out", "made.png", "--overwrite", "--seed", 1)
        assert (tmp_path / "made.png").read_bytes() != first

    def test_the_weights_are_read_once(
        self, run: Path, pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        read, whole = list[Path](), Run.method

        def counted(self: Run, *, best: bool = False) -> BaseMethod:
            read.append(self.path)
            return whole(self, best=best)

        monkeypatch.setattr(Run, "method", counted)
        words = ["translate", str(run), str(pairs / "A/03.png"), "--out", str(tmp_path / "made.png")]
        assert main([*words, "--device", "cpu"]) == 0 and read == [run]

    def test_a_folder_becomes_a_folder_with_a_page(
        self, run: Path, pairs: Path, belamy: Command, tmp_path: Path
    ) -> None:
        done = belamy("translate", run, pairs / "A", "--targets", pairs / "B", "--out", "made", "--json", "facts.json")
        assert done.returncode == 0
        names = {path.name for path in (tmp_path / "made").iterdir()}
        assert names == {*(f"{number:02d}.png" for number in range(24)), "sheet.png", "translations.html"}
        page = (tmp_path / "made/translations.html").read_text()
        assert page.count("<h3>") == 24 and all(
            word in page for word in ("input", "output", "target", "untouched inputs")
        )
        facts = json.loads((tmp_path / "facts.json").read_text())
        assert set(facts["measures"]) == {"l1", "psnr", "ssim", "perceptual"}
        # by hand, from the files that were written
        made, wanted = ([pixels(folder / f"{number:02d}.png") for number in range(24)]
                        for folder in (tmp_path / "made", pairs / "B"))  # fmt: skip
        error = np.mean([np.abs(a - b).mean() for a, b in zip(made, wanted, strict=True)]) / 255
        assert facts["measures"]["l1"]["mean"][0] == pytest.approx(error, abs=1e-4)
        assert f"l1: {error:.3f}" in done.stdout

    def test_all_of_them_together_are_measured_where_it_is_asked_for(
        self, run: Path, pairs: Path, belamy: Command, tmp_path: Path
    ) -> None:
        asked = ["--targets", pairs / "B", "--measures", "frechet", "cost", "--json", "facts.json"]
        done = belamy("translate", run, pairs / "A", "--out", "made", *asked)
        assert done.returncode == 0
        scores = json.loads((tmp_path / "facts.json").read_text())["scores"]
        assert scores["made"].keys() == {"frechet", "seconds", "megabytes"}
        assert f"frechet: {scores['made']['frechet'][0]:.3f} (" in done.stdout and "too large by about" in done.stdout
        page = (tmp_path / "made/translations.html").read_text()
        assert all(word in page for word in ("frechet", "seconds", "megabytes"))

    def test_a_translation_does_not_depend_on_what_is_translated_with_it(
        self, run: Path, pairs: Path, belamy: Command, tmp_path: Path
    ) -> None:
        belamy("translate", run, pairs / "A", "--out", "many", "--batch", 5)
        belamy("translate", run, pairs / "A", "--out", "few", "--batch", 24)
        for number in (0, 7, 23):
            one, other = (pixels(tmp_path / name / f"{number:02d}.png") for name in ("many", "few"))
            assert np.abs(one - other).max() <= 1

    def test_held_out_samples_of_the_runs_data(self, run: Path, belamy: Command, tmp_path: Path) -> None:
        assert "l1: " in belamy("translate", run, "test", "--out", "made").stdout
        assert len(list((tmp_path / "made").iterdir())) == 2 + 2  # a tenth of 24, the sheet and the page

    def test_pictures_of_several_sizes_keep_theirs(self, run: Path, belamy: Command, tmp_path: Path) -> None:
        (tmp_path / "given").mkdir()
        for name, width, height in (("a", 8, 8), ("b", 64, 20), ("c", 8, 8)):
            noise(1, width, height, 1).save(tmp_path / f"given/{name}.png")
        assert belamy("translate", run, "given", "--out", "made").returncode == 0
        assert [np.shape(pixels(tmp_path / f"made/{name}.png"))[:2] for name in "abc"] == [(8, 8), (20, 64), (8, 8)]

    def test_sizes_that_the_stride_does_not_divide_are_mirrored_and_cut(self, run: Path, tmp_path: Path) -> None:
        grey = noise(7, 29, 22, 1)
        grey.save(tmp_path / "odd.png")
        mirrored = np.pad(np.asarray(grey), ((0, 2), (0, 3)), mode="reflect")
        Image.fromarray(mirrored).save(tmp_path / "even.png")
        odd, even = (package.translate(run, tmp_path / f"{name}.png").items[0].made for name in ("odd", "even"))
        assert odd.shape == (3, 22, 29) and torch.equal(odd, even[:, :22, :29])

    def test_tiles_make_the_picture_that_the_whole_makes(self, run: Path, belamy: Command, tmp_path: Path) -> None:
        noise(8, 150, 77, 1).save(tmp_path / "large.png")
        belamy("translate", run, "large.png", "--out", "whole.png")
        told = belamy("translate", run, "large.png", "--out", "tiled.png", "--tile", 68).stdout
        assert "note: large pictures passed in tiles of up to 68 pixels that overlap by 20" in told
        apart = np.abs(pixels(tmp_path / "whole.png") - pixels(tmp_path / "tiled.png"))
        assert apart.max() <= 1 and (apart > 0).mean() < 1e-3  # 1 where a value lies between two bytes
        rough = belamy("translate", run, "large.png", "--out", "rough.png", "--tile", 48, "--overlap", 4).stdout
        assert "fewer than the 12 that the network sees" in rough

    def test_opacity_is_kept(self, run: Path, belamy: Command, tmp_path: Path) -> None:
        clear, flat = noise(9, 32, 24, 1).convert("LA"), noise(9, 32, 24, 1)
        clear.putalpha(noise(10, 32, 24, 1))
        clear.save(tmp_path / "clear.png")
        Image.alpha_composite(Image.new("RGBA", (32, 24), "white"), clear.convert("RGBA")).convert("L").save(
            tmp_path / "flat.png"
        )
        for name in ("clear", "flat"):
            assert belamy("translate", run, f"{name}.png", "--out", f"made-{name}.png").returncode == 0
        with Image.open(tmp_path / "made-clear.png") as made:
            assert made.mode == "RGBA" and flat.size == made.size
            assert made.getchannel("A").tobytes() == noise(10, 32, 24, 1).tobytes()
            assert np.abs(np.asarray(made, float)[..., :3] - pixels(tmp_path / "made-flat.png")).mean() < 2

    def test_sixteen_bits_are_kept(self, run: Path, belamy: Command, tmp_path: Path) -> None:
        deep = np.random.default_rng(3).integers(0, 65536, (23, 32)).astype(np.uint16)
        Image.fromarray(deep).save(tmp_path / "deep.png")
        made = package.translate(run, tmp_path / "deep.png", targets=tmp_path / "deep.png")
        assert made.items[0].made.dtype == torch.uint16 and set(made.measures) >= {"l1", "psnr", "ssim"}
        assert belamy("translate", run, "deep.png", "--out", "out.png").returncode == 0
        header = (tmp_path / "out.png").read_bytes()[16:26]
        assert header[8:] == bytes([16, 2])  # bits, and colours
        assert len(torch.unique(made.items[0].made.int() & 255)) > 200

    def test_several_outputs_are_those_of_the_seeds_that_follow(
        self, run: Path, pairs: Path, belamy: Command, tmp_path: Path
    ) -> None:
        done = belamy("translate", run, pairs / "A/03.png", pairs / "A/04.png", "--outputs", 3, "--out", "many")
        assert done.returncode == 0 and "alike" not in done.stdout
        assert {path.name for path in (tmp_path / "many").iterdir()} == {
            *(f"0{number}{which}.png" for number in (3, 4) for which in ("", "-2", "-3")), "sheet.png",
            "translations.html",
        }  # fmt: skip
        assert (tmp_path / "many/translations.html").read_text().count("output 2") >= 2
        belamy("translate", run, pairs / "A/03.png", pairs / "A/04.png", "--seed", 2, "--out", "third")
        for number in (3, 4):
            one = (tmp_path / f"many/0{number}-3.png").read_bytes()
            assert one == (tmp_path / f"third/0{number}.png").read_bytes()

    def test_python_users_call_it_too(self, run: Path, pairs: Path) -> None:
        made = package.translate(run, pairs / "A", targets=pairs / "B", size="32x24")
        assert len(made) == 24 and made.items[3].made.shape == (3, 24, 32)
        assert "<img" in made._repr_html_() and repr(made) == "Translations(24 of image to image)"
        assert made.measures["psnr"].shape == (24,)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--measures", "frechett"], "no measure 'frechett' of translations. Did you mean 'frechet'"),
        (["--measures", "kernel"], "'kernel' needs targets: give --targets, or translate test. Leave it out"),
        (["--measures", "cycle"], "'cycle' needs a method that translates back, such as cyclegan"),
    ],
)
def test_measures_that_cannot_be_told_are_refused(
    run: Path, pairs: Path, belamy: Command, tmp_path: Path, words: list[str], says: str
) -> None:
    done = belamy("translate", run, pairs / "A", "--out", "made", *words)
    assert done.returncode == 2 and says in done.stderr and not (tmp_path / "made").exists()


def test_an_evaluation_asks_the_same_of_held_out_translations(run: Path, belamy: Command, tmp_path: Path) -> None:
    words = ["evaluate", run, "--metrics", "kernel", "--no-real-baseline", "--device", "cpu", "--no-progress"]
    done = belamy(*words, "--measures", "cost", "--json", "facts.json", "--out", "page.html")
    assert done.returncode == 0, done.stderr
    assert "seconds" in done.stdout and "megabytes" in done.stdout


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("{run} --measures labels", "asks what became of a label map, and this run is given none. Leave it out"),
        ("{run} --measures attributes", "compares two sides that are no pairs, and this run has pairs"),
        ("{run} --measures cycle", "needs a method that translates back, such as cyclegan"),
        ("{run} --measures frechet", "'frechet' is a metric of an evaluation. Type --metrics frechet"),
        ("{run} --measures cylce", "no measure 'cylce' of translations. Did you mean 'cycle'"),
        ("{gan} --measures cost", "trained by 'gan', which translates nothing"),
        ("{pairs}/A --against {pairs}/B --measures cost", "Leave --measures out"),
    ],
)
def test_an_evaluation_refuses_what_cannot_be_told(
    words: str, says: str, run: Path, trained: Path, pairs: Path, belamy: Command
) -> None:
    done = belamy("evaluate", *words.format(run=run, gan=trained, pairs=pairs).split(), "--device", "cpu")
    assert done.returncode == 2 and says in " ".join(done.stderr.split()), done.stderr


def test_what_cannot_be_read_or_compared_is_named(run: Path, pairs: Path, belamy: Command, tmp_path: Path) -> None:
    (tmp_path / "given").mkdir()
    (tmp_path / "wanted").mkdir()
    noise(1, 32, 24).save(tmp_path / "given/colour.png")
    noise(2, 32, 24, 1).save(tmp_path / "given/lonely.png")
    noise(3, 32, 24, 1).save(tmp_path / "given/wide.png")
    (tmp_path / "given/broken.png").write_bytes(b"no picture")
    noise(4, 32, 24).save(tmp_path / "wanted/colour.png")
    noise(5, 40, 24).save(tmp_path / "wanted/wide.png")
    said = belamy("translate", run, "given", "--targets", "wanted", "--out", "made").stdout
    assert "3 translation(s)" in said
    assert "note: 1 picture(s) in colour became grey, as this run's inputs are" in said
    assert "left out broken.png: not an image" in said
    assert "left out lonely.png: there is no target of that name in wanted" in said
    assert "left out wide.png: its target is 40x24, but 32x24 was made, so it is not measured" in said


WRONG = [
    ("translate {gan} {pairs}/A --out made", "trained by 'gan', which translates nothing; it draws new samples"),
    ("translate {run} nowhere --out made", "There is no file or folder nowhere"),
    ("translate {run} nowhere.png --out made.png", "There is no file or folder nowhere.png"),
    ("translate {run} {pairs}/A --targets full --out made", "full holds no target named as 00.png. Name targets as"),
    ("translate {run} empty --out made", "empty holds no pictures"),
    ("translate {run} note.txt --out made", "None of the 1 file(s) can be read as picture: note.txt"),
    ("translate {run} --out made", "Nothing is given to translate"),
    ("translate {run} {pairs}/A --targets nowhere --out made", "There is no file or folder nowhere"),
    ("translate {run} {pairs}/A --out note.txt", "--out is the file note.txt, but there may be several inputs"),
    ("translate {run} {pairs}/A --out full", "full is a folder with files in it"),
    ("translate {run} {pairs}/A/00.png --out a.jpg", "what is made is a file .png"),
    ("translate {run} {pairs}/A/00.png --out {pairs}/A/01.png", "is there already, and nothing is overwritten unasked"),
    ("translate {run} {pairs}/A --tile 8 --out made", "--tile is 8"),
    ("translate {run} {pairs}/A --tile 24 --out made", "The network sees 12 pixels around each place, so tiles that"),
    ("translate {run} {pairs}/A --overlap -1 --out made", "--overlap is -1"),
    ("translate {run} {pairs}/A --outputs 0 --out made", "--outputs is 0"),
    ("translate {run} {pairs}/A/00.png --outputs 2 --out made.png", "made.png, but there are 2 outputs. Name a folder"),
    ("translate {run} {pairs}/A --size huge --out made", "The size is 'huge'"),
    ("translate {run} {pairs}/A --fit squeeze --out made", "--fit"),
    ("translate {run} {pairs}/A --seed -1 --out made", "--seed is -1"),
    ("translate {run} {pairs}/A --batch 0 --out made", "--batch is 0"),
    ("translate {run} test --targets {pairs}/B --out made", "Leave --targets out"),
    ("translate {pairs} {pairs}/A --out made", "holds no run (no recipe.json)"),
    ("sample {run} --out made", "draws no samples"),
    ("reconstruct {run} test --out made.png", "reconstruct"),
    ("train pix2pix --data {pairs}/A --out new", "needs the field 'target'"),
    ("train pix2pix --data {pairs} --modality image:pairs=besides --out new", "Did you mean 'beside'"),
    ("train pix2pix --data {pairs} --modality image:pairs=folders,input=C --out new", "has no folder C"),
    ("train pix2pix --data {pairs} --modality image:pairs=folders,target=A --out new", "both the folder 'A'"),
    ("train pix2pix --data {pairs} --modality image:pairs=folders --size 30 --out new", "u-net needs images"),
    ("train pix2pix --data {pairs} --modality image:pairs=folders --size 16 --out new", "patch-gan needs images of at"),
    ("train pix2pix --data {pairs} --modality image:target=B --out new", "names a side of pairs, but not how they lie"),
    ("train pix2pix --data {pairs} --modality label_map:pairs=folders,input=B,target=A --out new", "a label map has"),
    ("train pix2pix --data outlines --generator dcgan-mnist --out new", "There is no translator 'dcgan-mnist'"),
    (
        "train pix2pix --data outlines --discriminator patch-gan:receptive-field=50 --out new",
        "must be 1, 16, 70, 94 or 286",
    ),
    ("train pix2pix --data outlines --reconstruction-weight -1 --out new", "reconstruction"),
    ("train pix2pix --data outlines:count=1 --out new", "outlines.count is 1, but it must be in 4..100,000"),
    ("data {pairs} --modality image:pairs=table", "Pairs in a table need a CSV file"),
]


@pytest.mark.parametrize(("words", "says"), WRONG, ids=[f"{number}" for number in range(len(WRONG))])
def test_wrong_uses_are_refused_in_one_message(
    words: str, says: str, run: Path, trained: Path, pairs: Path, belamy: Command, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full/old.png").write_bytes(b"old")
    (tmp_path / "note.txt").write_text("no picture\n")
    before = set(tmp_path.rglob("*")) | set(pairs.rglob("*"))
    done = belamy(*words.format(run=run, gan=trained, pairs=pairs).split())
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("belamy: ") and says in done.stderr, done.stderr
    assert "Traceback" not in done.stderr and "defect" not in done.stderr
    assert set(tmp_path.rglob("*")) | set(pairs.rglob("*")) == before
