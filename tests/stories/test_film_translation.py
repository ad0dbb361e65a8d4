"""Films through translators of pictures and of films: what is written, at what rate, and what is refused."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from belamy.api.film_targets import targets_of
from belamy.api.film_translation import FilmTranslator
from belamy.api.making import Manner
from belamy.api.translate import translate
from belamy.cli import main
from belamy.data import open_data
from belamy.data.files import walk
from belamy.data.film_files import open_film
from belamy.errors import DataError, UsageError
from belamy.modalities.fields import Field
from belamy.modalities.film_writing import film_writer
from belamy.modalities.label_map import palette
from belamy.networks.warping import changes_on_the_way
from belamy.runs.run import Run
from belamy.seeds import SampleDraws
from stories.conftest import Command

QUIET = ["--no-progress", "--device", "cpu", "--samples", "8", "--batch", "4"]
JUDGE = "patch-gan:width=2,receptive_field=16"
GENERATOR = "resnet-translator:width=2,blocks=1,halvings=1"


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of coloured pictures of 16 pixels to coloured ones."""
    folder = tmp_path_factory.mktemp("pictures")
    for number, side in enumerate("AB"):
        (folder / side).mkdir()
        for place in range(8):
            values = np.random.default_rng(10 * number + place).integers(0, 256, (16, 16, 3), dtype=np.uint8)
            Image.fromarray(values).save(folder / side / f"{place}.png")
    words = ["train", "pix2pix", "--data", str(folder), "--modality", "image:pairs=folders", "--size", "native", *QUIET]
    assert main([*words, "--generator", GENERATOR, "--discriminator", JUDGE, "--out", str(folder / "run")]) == 0
    return folder / "run"


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of films of label maps of 16 pixels to films."""
    out = tmp_path_factory.mktemp("films") / "run"
    thin = ["--composer-width", "2", "--composer-halvings", "1", "--composer-blocks", "1", "--generator", GENERATOR]
    judges = ["--discriminator", JUDGE, "--film-discriminator", JUDGE]
    data = ["--data", "moving-scenes:side=16,count=12", "--length", "4"]
    assert main(["train", "vid2vid", *thin, *judges, *data, *QUIET, "--frames", "3", "--out", str(out)]) == 0
    return out


def frames(count: int = 9, width: int = 20, height: int = 12) -> np.ndarray:
    """A bar that moves over a slope.  # uint8 [T, H, W, 3]"""
    made = np.zeros((count, height, width, 3), np.uint8)
    made[..., 1] = np.linspace(40, 200, width).astype(np.uint8)
    for place in range(count):
        made[place, 3:9, place : place + 4] = (220, 40, 40)
    return made


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """The same as MP4, GIF, .npy and numbered pictures, 9 frames of 20x12, 25 a second."""
    for kind in (".mp4", ".gif", ".npy", ""):
        path = tmp_path / f"film{kind}"
        if not kind:
            path.mkdir()
        writer = film_writer(path, kind)
        for frame in frames():
            writer.add(frame, 1 / 25)
        writer.close()
    return tmp_path / "film.mp4"


def read(path: Path) -> np.ndarray:
    return np.stack([frame.permute(1, 2, 0).numpy() for frame, _ in open_film(path).frames(Field("image", (3, 8, 8)))])


class TestKinds:
    @pytest.mark.parametrize("kind", [".mp4", ".gif", ".npy", ""])
    def test_what_is_written_is_read_again(self, film: Path, kind: str) -> None:
        found = open_film(film.with_suffix(kind))
        assert (found.sides, found.count) == ((12, 20), 9)
        assert found.rate == (25 if kind in (".mp4", ".gif") else None)
        worst = {".mp4": 12.0, ".gif": 2.0}.get(kind, 0.0)  # H.264 halves the sides of colours; 256 colours
        assert np.abs(read(film.with_suffix(kind)).astype(int) - frames()).mean() <= worst

    def test_a_gif_holds_each_frame_as_long_as_asked(self, tmp_path: Path) -> None:
        writer = film_writer(tmp_path / "a.gif", ".gif")
        for frame, seconds in zip(frames(3), (0.1, 0.5, 0.25), strict=True):
            writer.add(frame, seconds)
        writer.close()
        shown = [seconds for _, seconds in open_film(tmp_path / "a.gif").frames(Field("image", (3, 8, 8)))]
        assert shown == pytest.approx([0.1, 0.5, 0.25])

    def test_gifs_of_many_frames_keep_all(self, tmp_path: Path) -> None:
        writer = film_writer(tmp_path / "a.gif", ".gif")
        for frame in np.concatenate([frames(9)] * 20):
            writer.add(frame, 0.04)
        writer.close()
        assert open_film(tmp_path / "a.gif").count == 180


class TestTranslatorsOfPictures:
    def test_each_frame_is_what_the_picture_becomes(
        self, pictures: Path, film: Path, belamy: Command, tmp_path: Path
    ) -> None:
        done = belamy("translate", pictures, film.with_suffix(".npy"), "--out", "made.npy", "--batch", 4)
        assert done.returncode == 0, done.stderr
        alone = translate(pictures, tmp_path / "film", device="cpu", seed=0, batch=1)  # the frames as pictures
        made = np.load(tmp_path / "made.npy")
        assert made.shape == (9, 12, 20, 3)
        first = alone.items[0].made.permute(1, 2, 0).numpy()
        assert np.abs(made[0].astype(int) - first).max() <= 1

    def test_the_rate_and_the_size_stay_and_the_page_shows_both(
        self, pictures: Path, film: Path, belamy: Command, tmp_path: Path
    ) -> None:
        done = belamy("translate", pictures, film, "--out", "made.mp4", "--json", "facts.json")
        assert done.returncode == 0, done.stderr
        made = open_film(tmp_path / "made.mp4")
        assert (made.sides, made.count, made.rate) == ((12, 20), 9, 25)
        page = (tmp_path / "made.html").read_text("utf-8")
        assert "input | output" in page and "9 frames of 20x12, 25 a second" in page and "optical flow" in page
        facts = json.loads((tmp_path / "facts.json").read_text())
        assert facts["films"][0]["frames"] == 9 and facts["films"][0]["warping"] == {}

    def test_several_become_a_folder(self, pictures: Path, film: Path, belamy: Command, tmp_path: Path) -> None:
        inputs = [film, film.with_suffix(".gif"), film.with_suffix(".npy")]
        assert belamy("translate", pictures, *inputs, "--out", "made").returncode == 0
        assert {path.name for path in walk(tmp_path / "made")} == {
            "film.mp4", "film-2.gif", "film-3.npy", "translations.html"
        }  # fmt: skip

    def test_frames_need_a_rate_where_a_film_is_written(
        self, pictures: Path, film: Path, belamy: Command, tmp_path: Path
    ) -> None:
        refused = belamy("translate", pictures, "film", "--out", "made.mp4")
        assert refused.returncode == 2 and "--rate 25" in refused.stderr
        assert belamy("translate", pictures, "film", "--out", "made.mp4", "--rate", 10).returncode == 0
        assert open_film(tmp_path / "made.mp4").rate == 10
        assert "Leave --rate out" in belamy("translate", pictures, film, "--out", "b.mp4", "--rate", 10).stderr


class TestTranslatorsOfFilms:
    def test_frame_by_frame_is_the_whole_film(self, films: Path, tmp_path: Path) -> None:
        raw = open_data("moving-scenes:side=16,count=8", length=11).raw(torch.tensor([3]))
        np.save(tmp_path / "map.npy", raw["label_film"][0].numpy().astype(np.uint8))
        made = tmp_path / "made.npy"
        translator = FilmTranslator(Run.open(films), Manner(), device="cpu")
        found = translator.translate(
            translator.open(tmp_path / "map.npy"), film_writer(made, ".npy"), None, raw["flow"][0]
        )
        whole = Run.open(films).method().eval().translate(raw["label_film"].long(), SampleDraws(0, [0]))
        expected = (whole.detach() * 127.5 + 128).clamp(0, 255).to(torch.uint8)
        assert np.array_equal(np.load(made), expected[0].permute(0, 2, 3, 1).numpy())
        warping = changes_on_the_way(expected.double() / 127.5 - 1, raw["flow"].double())
        assert found.warping == {"output": pytest.approx(float(warping), rel=1e-5)}
        assert found.rate is None and found.frames == 11

    def test_frames_with_a_palette_are_a_film(self, films: Path, belamy: Command, tmp_path: Path) -> None:
        raw = open_data("moving-scenes:side=16,count=8", length=4).raw(torch.tensor([1]))["label_film"][0]
        np.save(tmp_path / "map.npy", raw.numpy().astype(np.uint8))
        (tmp_path / "map").mkdir()
        for place, values in enumerate(raw.numpy().astype(np.uint8)):
            image = Image.fromarray(values).convert("L")
            image.putpalette(palette().astype(np.uint8).tobytes())
            image.save(tmp_path / f"map/{place}.png")
        for name, out in (("map", "a.npy"), ("map.npy", "b.npy")):
            assert belamy("translate", films, name, "--out", out).returncode == 0
        assert (tmp_path / "a.npy").read_bytes() == (tmp_path / "b.npy").read_bytes()

    def test_a_picture_is_no_film(self, films: Path, belamy: Command, tmp_path: Path) -> None:
        Image.fromarray(np.zeros((16, 16), np.uint8)).save(tmp_path / "map.png")
        refused = belamy("translate", films, "map.png", "--out", "a.mp4")
        assert refused.returncode == 2 and "map.png is no film" in refused.stderr


class TestTargets:
    def test_each_frame_is_measured_beside_the_input(
        self, pictures: Path, film: Path, belamy: Command, tmp_path: Path
    ) -> None:
        wanted = np.roll(frames(), 1, axis=2)
        np.save(tmp_path / "wanted.npy", wanted)
        words = ["translate", pictures, film.with_suffix(".npy"), "--out", "made.npy", "--targets", "wanted.npy"]
        done = belamy(*words, "--json", "facts.json")
        assert done.returncode == 0, done.stderr
        found = json.loads((tmp_path / "facts.json").read_text())["films"][0]["measures"]
        for who, values in (("made", np.load(tmp_path / "made.npy")), ("untouched", frames())):
            expected = np.abs(values.astype(float) - wanted).mean() / 255
            assert found[who]["l1"][0] == pytest.approx(expected, rel=1e-5)
        assert "l1 0." in done.stdout and "the input as it is" in done.stdout
        assert "l1, film.npy" in (tmp_path / "made.html").read_text("utf-8")

    @pytest.mark.parametrize(
        ("wanted", "said"),
        [
            (frames(7), "ends after 7 frames"),
            (frames(11), "its target wanted.npy has more"),
            (frames(9, 16), "are 16x12, but 20x12 are made"),
            (frames(1), "cannot be compared with: a single frame"),
        ],
    )
    def test_a_target_of_another_film_leaves_nothing(
        self, pictures: Path, film: Path, belamy: Command, tmp_path: Path, wanted: np.ndarray, said: str
    ) -> None:
        np.save(tmp_path / "wanted.npy", wanted)
        refused = belamy("translate", pictures, film, "--out", "made.npy", "--targets", "wanted.npy")
        assert refused.returncode == 2 and said in refused.stderr, refused.stderr
        assert not (tmp_path / "made.npy").exists()

    def test_targets_are_found_by_name(self, tmp_path: Path) -> None:
        (tmp_path / "true").mkdir()
        np.save(tmp_path / "true/b.npy", frames(3))
        assert targets_of([Path("a.mp4"), Path("b.mp4")], str(tmp_path / "true")) == [None, tmp_path / "true/b.npy"]
        with pytest.raises(UsageError, match="no film named as c"):
            targets_of([Path("c.mp4")], str(tmp_path / "true"))
        with pytest.raises(UsageError, match="one film"):
            targets_of([Path("a.mp4"), Path("b.mp4")], str(tmp_path / "true/b.npy"))
        np.save(tmp_path / "true/b.gif.npy", frames(3))
        (tmp_path / "true/b.gif.npy").rename(tmp_path / "true/b.mp4")
        with pytest.raises(DataError, match="have one name"):
            targets_of([Path("b.mp4")], str(tmp_path / "true"))

    def test_held_out_films_tell_their_movement(self, films: Path) -> None:
        data = open_data("moving-scenes:side=16,count=24", length=4)
        made = translate(films, "test", data=data, device="cpu")
        values = torch.stack([item.made for item in made.items])
        flow = data.raw(data.held_out)["flow"]
        warping = changes_on_the_way(values.double() / 127.5 - 1, flow.double())
        assert made.scores["made"]["warping-error"].value == pytest.approx(float(warping.mean()), rel=1e-5)
        source = data.batch(data.held_out).main
        told: Any = Run.open(films).method().eval()
        apart = (told.movement(source).detach() - flow[:, 1:, :2]).norm(dim=2)
        seen = flow[:, 1:, 2] > 0
        expected = torch.stack([apart[at][seen[at]].mean() for at in range(len(flow))]).mean()
        assert made.scores["made"]["flow-error"].value == pytest.approx(float(expected), rel=1e-5)
        still = torch.stack([flow[at, 1:, :2].norm(dim=1)[seen[at]].mean() for at in range(len(flow))]).mean()
        assert made.scores["no movement"]["flow-error"].value == pytest.approx(float(still), rel=1e-5)
        error = (values.double() - data.raw(data.held_out)["target"].double()).abs().flatten(1).mean(1) / 255
        assert made.measures["l1"].tolist() == pytest.approx(error.tolist(), rel=1e-5)


def broken(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """Films that cannot be translated, and what is said."""
    (tmp_path / "broken.mp4").write_bytes(b"nothing" * 100)
    yield "broken.mp4", "not a film"
    whole = (tmp_path / "film.mp4").read_bytes()
    (tmp_path / "half.mp4").write_bytes(whole[: len(whole) // 2])
    yield "half.mp4", "not a film"
    np.save(tmp_path / "one.npy", frames(1))
    yield "one.npy", "a single frame"
    (tmp_path / "sizes").mkdir()
    for place, width in enumerate((8, 8, 9)):
        Image.new("RGB", (width, 8)).save(tmp_path / f"sizes/{place}.png")
    yield "sizes", "frames of different sizes: 2.png is 9x8, but the first 8x8"


class TestRefusals:
    def test_films_that_cannot_be_read_leave_nothing(
        self, pictures: Path, film: Path, belamy: Command, tmp_path: Path
    ) -> None:
        for name, said in broken(tmp_path):
            refused = belamy(
                "translate", pictures, name, "--out", "made.mp4", *(["--rate", 5] if "." not in name else [])
            )
            assert (refused.returncode, said in refused.stderr) == (2, True), (name, refused.stderr)
        assert not [each for each in tmp_path.iterdir() if each.name.startswith((".belamy", "made"))]

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (["--size", "8"], "--size belongs to pictures"),
            (["--measures", "frechet"], "--targets FILM tells how near"),
            (["--targets", "nowhere"], "--targets names it"),
            (["--hint", "1,1=red"], "--hint belongs to pictures"),
            (["--outputs", "2"], "there are 2 outputs"),
            (["--flow", "film.npy"], "but flow is floats"),
            (["--out", "made.avi", "--overwrite"], "a film is written as .mp4"),
        ],
    )
    def test_options_of_pictures(
        self, pictures: Path, film: Path, belamy: Command, words: list[str], said: str
    ) -> None:
        out = [] if "--out" in words else ["--out", "made.mp4"]
        refused = belamy("translate", pictures, film, *out, *words)
        assert refused.returncode == 2 and said in refused.stderr, refused.stderr

    def test_films_and_pictures_go_apart(self, pictures: Path, film: Path, belamy: Command, tmp_path: Path) -> None:
        refused = belamy("translate", pictures, film, tmp_path / "film/frame-000001.png", "--out", "made")
        assert refused.returncode == 2 and "one command each" in refused.stderr

    def test_an_interrupted_film_leaves_nothing(self, pictures: Path, film: Path, tmp_path: Path) -> None:
        def stop(done: int, total: int) -> None:
            os.kill(os.getpid(), signal.SIGINT)

        from belamy.runs.files import writing

        translator = FilmTranslator(Run.open(pictures), Manner(), device="cpu")
        with pytest.raises(KeyboardInterrupt), writing(tmp_path / "made.mp4") as path:
            translator.translate(translator.open(film), film_writer(path, ".mp4"), 25, progress=stop)
        assert not [each for each in tmp_path.iterdir() if each.name.startswith((".belamy", "made"))]
