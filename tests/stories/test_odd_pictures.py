"""Odd pictures and wrong uses of what enlarges and restores: they end well, or in one message that says what to do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import belamy as library
from belamy.cli import main
from belamy.errors import UsageError

SIDES = (33, 47)  # height, width
TRAIN = [
    *("train", "super-resolution", "--data", "dead-leaves:count=40", "--size", "16x24", "--scale", "2"),
    *("--generator", "srresnet:width=2,blocks=1,base=bicubic", "--discriminator", "esrgan-u-net:width=2"),
    *("--batch", "4", "--samples", "16", "--first-stage", "0.5", "--no-progress", "--device", "cpu"),
]


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).integers(0, 256, shape, dtype=np.uint8)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run that doubles pictures, and pictures of every kind, with masks and damage."""
    folder = tmp_path_factory.mktemp("odd")
    assert main([*TRAIN, "--out", str(folder / "run")]) == 0
    colour, holes = Image.fromarray(noise(*SIDES, 3)), np.zeros(SIDES, np.uint8)
    holes[5:15, 5:20] = 255
    palette = colour.quantize(200)
    pictures = {
        "one": Image.fromarray(noise(1, 1, 3)), "long": Image.fromarray(noise(3, 5000, 3)), "colour": colour,
        "grey": Image.fromarray(noise(*SIDES)), "bits": Image.fromarray(noise(*SIDES) > 127), "palette": palette,
        "opacity": Image.fromarray(noise(*SIDES, 4)), "grey-opacity": Image.fromarray(noise(*SIDES, 2)),
        "deep": Image.fromarray(noise(*SIDES).astype(np.uint16) * 257), "mask": Image.fromarray(holes),
        "low": Image.fromarray(holes[:30]), "black": Image.fromarray(holes * 0),
        "white": Image.fromarray(holes * 0 + 255),
    }  # fmt: skip
    for name, picture in pictures.items():
        picture.save(folder / f"{name}.png")
    palette.save(folder / "clear.png", transparency=3)
    colour.convert("CMYK").save(folder / "print.jpg")
    Image.fromarray(holes).save(folder / "mask.jpg")
    colour.save(folder / "moving.gif", save_all=True, append_images=[Image.fromarray(noise(*SIDES, 4)[..., 1:])])
    whole = (folder / "colour.png").read_bytes()
    (folder / "half.png").write_bytes(whole[: len(whole) // 2])
    (folder / "text.png").write_text("hello")
    (folder / "empty").mkdir()
    return folder


@pytest.fixture
def typed(place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """What a command answers in that folder: its exit code and all that it says."""
    monkeypatch.chdir(place)

    def call(words: str) -> tuple[int, str]:
        capsys.readouterr()
        code = main([*words.split(), "--no-progress"])
        said = capsys.readouterr()
        return code, " ".join((said.out + said.err).split())

    return call


KEPT = [
    ("one.png", "RGB"), ("long.png", "RGB"), ("colour.png", "RGB"), ("grey.png", "L"), ("bits.png", "L"),
    ("palette.png", "RGB"), ("clear.png", "RGBA"), ("opacity.png", "RGBA"), ("grey-opacity.png", "LA"),
    ("deep.png", "I;16"), ("print.jpg", "RGB"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "mode"), KEPT)
def test_every_kind_of_picture_is_enlarged_and_keeps_its_kind(
    name: str, mode: str, place: Path, tmp_path: Path, typed
) -> None:
    code, said = typed(f"translate run {name} --out {tmp_path}/large.png")
    assert code == 0, said
    with Image.open(tmp_path / "large.png") as made, Image.open(place / name) as given:
        assert made.mode == mode and made.size == (2 * given.width, 2 * given.height)


@pytest.mark.parametrize("name", ["colour", "grey", "opacity", "grey-opacity", "palette"])
def test_restoring_fills_holes_alone_and_keeps_opacity(name: str, place: Path, tmp_path: Path, typed) -> None:
    code, said = typed(f"restore {name}.png --task inpaint --mask mask.png --steps 2 --maps 2 --out {tmp_path}/new.png")
    assert code == 0, said
    with Image.open(tmp_path / "new.png") as made, Image.open(place / f"{name}.png") as given:
        after, before = np.asarray(made), np.asarray(given.convert(made.mode))
        assert made.mode == ("RGB" if name == "palette" else given.mode)
    known = np.asarray(Image.open(place / "mask.png")) == 0
    assert (after[known] == before[known]).all() and (after[~known] != before[~known]).any()


ENLARGE, RESTORE = "translate run", "restore"
WRONG = [
    (ENLARGE, "half.png", "half.png: image file is truncated"),
    (ENLARGE, "text.png", "text.png: not an image (it starts with 'hello')"),
    (ENLARGE, "empty", "empty holds no pictures"),
    (ENLARGE, "moving.gif", "holds frames, which do not say their rate. Type it, e.g. --rate 25"),
    (ENLARGE, "colour.png --blend 2", "--blend is 2, but it must be in 0..1"),
    (ENLARGE, "colour.png --blend half", "--blend is 'half', but it must be a number in 0..1"),
    (ENLARGE, "colour.png --scale 4", "--scale is a matter of training, and this run was trained with 2. Leave it out"),
    (ENLARGE, "colour.png --first-stage=1", "--first-stage is a matter of training, and this run was trained with 0.5"),
    (ENLARGE, "colour.png --sacle 4", "There is no option '--sacle'"),
    (ENLARGE, "colour.png --tile 16 --overlap 20", "Give a smaller --overlap and see seams fade into each other, or"),
    (ENLARGE, "colour.png --mask mask.png", "fills no holes. Leave out --mask"),
    (ENLARGE, "colour.png --hint 1,1=red", "This run takes no --hint"),
    (ENLARGE, "colour.png --back", "Leave --back out"),
    (ENLARGE, "colour.png --targets empty", "empty holds no pictures"),
    (ENLARGE, "test --targets colour.png", "Leave --targets out"),
    (ENLARGE, "colour.png --out new.webp", "what is made is a file .png"),
    (ENLARGE, "colour.png --out colour.png", "nothing is overwritten unasked. Type --overwrite"),
    (ENLARGE, "colour.png --out colour.png/new", "colour.png is a file: nothing can lie in it. Name another"),
    (RESTORE, "one.png", "The picture has 1x1 pixels, but each side must be at least 16"),
    (RESTORE, "long.png", "The picture has 5000x3 pixels, but each side must be at least 16"),
    (RESTORE, "half.png", "half.png cannot be restored: image file is truncated"),
    (RESTORE, "text.png", "text.png cannot be restored: not an image"),
    (RESTORE, "empty", "empty is a folder, but one picture is restored at a time. Name a file in it"),
    (RESTORE, "nowhere.png", "There is no picture nowhere.png"),
    (RESTORE, "moving.gif", "has several frames, and one picture is restored. Save one of them as PNG"),
    (RESTORE, "colour.png --task inpaint", "The picture is whole, so nothing can be filled. Give --mask MASK.png"),
    (RESTORE, "colour.png --task inpaint --mask low.png", "The mask is 47x30, but the picture is 47x33"),
    (RESTORE, "colour.png --task inpaint --mask mask.jpg", "as a JPEG does, which blurs every edge"),
    (RESTORE, "colour.png --task inpaint --mask black.png", "is black everywhere, so it marks nothing"),
    (RESTORE, "colour.png --task inpaint --mask white.png", "is white everywhere, so it marks all"),
    (RESTORE, "colour.png --task inpaint --mask empty", "The mask empty is a folder. Name a file in it"),
    (RESTORE, "colour.png --task inpaint --mask nowhere.png", "There is no mask nowhere.png"),
    (RESTORE, "colour.png --mask mask.png", "Type --task inpaint, or leave it out"),
    (RESTORE, "colour.png --scale 2", "Type --task enlarge, or leave it out"),
    (RESTORE, "colour.png --task enlarge --scale 9", "--scale is 9, but it must be in 2..8"),
    (RESTORE, "colour.png --task enlarge --scale 2.5", "must be a whole number in 2..8"),
    (RESTORE, "colour.png --task sharpen", "must be denoise, inpaint or enlarge"),
    (RESTORE, "colour.png --lr nan", "--lr is nan, but it must be a finite number"),
    (RESTORE, "colour.png --steps 0", "--steps is 0, but it must be in 1..1,000,000"),
    (RESTORE, "colour.png --out new.jpg", "must end in .png"),
    (RESTORE, "colour.png --out grey.png", "nothing is overwritten unasked. Type --overwrite"),
    (RESTORE, "colour.png grey.png", "'grey.png' is not expected there"),
]


@pytest.mark.parametrize(("verb", "words", "says"), WRONG, ids=[f"{number}" for number in range(len(WRONG))])
def test_wrong_uses_end_in_one_message(verb: str, words: str, says: str, place: Path, typed) -> None:
    before = set(place.rglob("*"))
    out = "" if "--out" in words else "--out new" if verb == ENLARGE else "--out new.png"
    code, said = typed(f"{verb} {words} {out}")
    assert code == 2 and said.startswith("belamy: ") and says in said, said
    assert "Traceback" not in said and "defect" not in said and set(place.rglob("*")) == before


def test_python_users_are_answered_too(place: Path) -> None:
    picture, everywhere = place / "colour.png", np.ones(SIDES, bool)
    with pytest.raises(UsageError, match=r"The scale is 2\.5, but a picture is enlarged by a whole number from 2 to 8"):
        library.restore_picture(picture, "enlarge", scale=2.5)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="The mask marks all of the picture, so nothing can be filled"):
        library.restore_picture(picture, "inpaint", mask=everywhere)
    with pytest.raises(UsageError, match="Nothing is given to translate"):
        library.translate(place / "run", [])


def test_a_run_is_not_trained_into_a_file(typed) -> None:
    code, said = typed(f"{' '.join(TRAIN[:-1])} cpu --out grey.png")
    assert code == 2 and "grey.png is a file, but a run is a folder. Give another --out" in said
