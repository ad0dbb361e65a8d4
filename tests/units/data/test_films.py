"""Films from files, folders of frames and arrays; the doctor names each fault of a bad set with its file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from belamy.data import open_data
from belamy.data.doctor import examine
from belamy.data.moving import MovingShapes
from belamy.errors import DataError, UsageError
from belamy.modalities.animation import encode_gif, encode_mp4

SIDE, LENGTH = 16, 6


def drawn(seed: int, length: int = LENGTH, side: int = SIDE) -> list[np.ndarray]:
    scene = MovingShapes(seed % 3, 2, side, seed)
    return [scene.frame(place) for place in range(length)]


def gif(seed: int, rate: float = 10, length: int = LENGTH, side: int = SIDE) -> bytes:
    return encode_gif(drawn(seed, length, side), length / rate, 0.0)


@pytest.fixture
def frames(tmp_path: Path) -> Callable[..., Path]:
    """Writes a film as a folder of numbered pictures."""

    def write(name: str, pictures: list[np.ndarray]) -> Path:
        (tmp_path / "set" / name).mkdir(parents=True)
        for number, picture in enumerate(pictures):
            Image.fromarray(picture).save(tmp_path / "set" / name / f"frame{number}.png")
        return tmp_path / "set"

    return write


class TestOpens:
    def test_folders_of_frames_in_the_order_of_their_numbers(self, frames: Callable[..., Path]) -> None:
        for seed in range(3):
            root = frames(f"film{seed}", drawn(seed, 12))
        data = open_data(root, modality="video", rate=25)
        assert (data.shape, data.field.rate) == ((12, 3, SIDE, SIDE), 25)
        wanted = np.stack(drawn(1, 12)).transpose(0, 3, 1, 2)
        assert np.array_equal(data.store.read(torch.tensor([1]))[0].numpy(), wanted), "10 comes after 9"

    def test_without_the_word_frames_are_pictures(self, frames: Callable[..., Path]) -> None:
        for seed in range(3):
            root = frames(f"film{seed}", drawn(seed))
        assert open_data(root).field.modality == "image"

    def test_files_are_cut_into_clips(self, tmp_path: Path) -> None:
        for seed in range(2):
            (tmp_path / f"{seed}.gif").write_bytes(gif(seed, length=7))
        data = open_data(tmp_path, modality="video", length=3)
        assert data.names == ("0.gif", "0.gif", "1.gif", "1.gif")
        whole = open_data(tmp_path, modality="video")
        clips, films = data.store.read(torch.arange(4)), whole.store.read(torch.arange(2))
        assert torch.equal(torch.cat([clips[0], clips[1]]), films[0, :6])

    def test_mp4_needs_no_word(self, tmp_path: Path) -> None:
        for seed in range(2):
            (tmp_path / f"{seed}.mp4").write_bytes(encode_mp4(drawn(seed), LENGTH / 10, 0.0))
        data = open_data(tmp_path)
        assert (data.field.modality, data.field.rate, len(data)) == ("video", 10, 2)
        difference = data.store.read(torch.tensor([0]))[0].float() - torch.from_numpy(np.stack(drawn(0))).permute(
            0, 3, 1, 2
        )
        assert difference.abs().mean() < 20

    def test_another_rate_takes_the_frames_of_its_times(self, tmp_path: Path) -> None:
        (tmp_path / "a.gif").write_bytes(gif(0, rate=10, length=8))
        (tmp_path / "b.gif").write_bytes(gif(1, rate=20, length=8))
        data = open_data(tmp_path, modality="video", rate=10, length=4)
        assert data.names == ("a.gif", "a.gif", "b.gif")
        full = open_data(tmp_path, modality="video", rate=20, length=8).store.read(torch.tensor([2]))[0]
        assert torch.equal(data.store.read(torch.tensor([2]))[0], full[::2])
        assert any("from another rate to 10 frames a second: b.gif" in note for note in data.notes)

    @pytest.mark.parametrize("grey", [False, True])
    def test_an_array(self, tmp_path: Path, grey: bool) -> None:
        films = np.stack([np.stack(drawn(seed)) for seed in range(3)])
        np.save(tmp_path / "a.npy", films[..., 0] if grey else films)
        data = open_data(tmp_path / "a.npy", modality="video:channels=1" if grey else "video", rate=12)
        wanted = films[..., :1] if grey else films
        assert np.array_equal(data.store.read(torch.arange(3)).permute(0, 1, 3, 4, 2).numpy(), wanted)

    def test_frames_are_brought_to_a_size(self, tmp_path: Path) -> None:
        for seed, side in enumerate((16, 24)):
            (tmp_path / f"{seed}.gif").write_bytes(gif(seed, side=side))
        assert open_data(tmp_path, modality="video:size=8").shape == (LENGTH, 3, 8, 8)

    def test_larger_than_memory_it_streams_the_same(self, tmp_path: Path) -> None:
        for seed in range(3):
            (tmp_path / f"{seed}.gif").write_bytes(gif(seed))
        whole, parts = (open_data(tmp_path, modality="video", memory_budget=budget) for budget in (1 << 30, 5000))
        assert parts.streams and not whole.streams
        assert torch.equal(whole.store.read(torch.arange(3)), parts.store.read(torch.arange(3)))

    def test_the_drawn_ones_stream_too(self) -> None:
        whole, parts = (
            open_data("moving-shapes:count=4,side=8", length=3, memory_budget=budget) for budget in (1 << 30, 1000)
        )
        assert parts.streams and not whole.streams
        assert torch.equal(whole.store.read(torch.arange(4)), parts.store.read(torch.arange(4)))


class TestRefused:
    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ({}, "do not say their rate. Type it, e.g. --rate 25"),
            ({"rate": 5, "size": 16}, "--size 16 belongs to pictures"),
            ({"rate": 5, "fit": "pad"}, "--fit pad belongs to pictures"),
            ({"rate": 0}, "The rate is 0"),
        ],
    )
    def test_wrong_options(self, frames: Callable[..., Path], options: dict, words: str) -> None:
        for seed in range(2):
            root = frames(f"{seed}", drawn(seed))
        with pytest.raises(UsageError, match=words):
            open_data(root, modality="video", **options)

    def test_films_of_several_lengths_need_one(self, tmp_path: Path) -> None:
        for seed in range(2):
            (tmp_path / f"{seed}.gif").write_bytes(gif(seed, length=5 + seed))
        with pytest.raises(DataError, match=r"films of 5 to 6 frames\. Type --length 5"):
            open_data(tmp_path, modality="video")

    def test_a_single_file_is_no_folder_of_films(self, tmp_path: Path) -> None:
        (tmp_path / "a.gif").write_bytes(gif(0))
        with pytest.raises(UsageError, match="Type --modality video"):
            open_data(tmp_path / "a.gif")
        with pytest.raises(DataError, match="only one film"):
            open_data(tmp_path / "a.gif", modality="video")
        with pytest.raises(DataError, match="shorter than a clip of 99"):
            open_data(tmp_path / "a.gif", modality="video", length=99)

    def test_no_films(self, tmp_path: Path) -> None:
        (tmp_path / "a.txt").write_text("x")
        with pytest.raises(DataError, match="holds no films"):
            open_data(tmp_path, modality="video")

    @pytest.mark.parametrize("shape", [(4, 5), (4, 5, 6, 7, 8, 3), (2, 3, 4, 5, 6)])
    def test_wrong_arrays(self, tmp_path: Path, shape: tuple[int, ...]) -> None:
        np.save(tmp_path / "a.npy", np.random.default_rng(0).random(shape))
        with pytest.raises(DataError, match="films are"):
            open_data(tmp_path / "a.npy", modality="video", rate=5)

    @pytest.mark.parametrize(
        ("text", "length"),
        [
            ("moving-shapes:side=4", 4),
            ("moving-shapes:count=2", 4),
            ("moving-shapes:shapes=0", 4),
            ("moving-shapes", 1),
        ],
    )
    def test_wrong_drawings(self, text: str, length: int) -> None:
        with pytest.raises(UsageError, match=r"must be in|2 frames or more"):
            open_data(text, length=length)


def test_the_doctor_names_every_fault_with_its_file(frames: Callable[..., Path]) -> None:
    for seed in range(4):
        root = frames(f"train/good{seed}", drawn(seed))
        frames(f"test/good{seed}", drawn(10 + seed))
    frames("train/twice", drawn(1))
    frames("train/leak", drawn(12))
    frames("train/still", [drawn(0)[0]] * LENGTH)
    frames("train/single", drawn(0)[:1])
    frames("train/gap", drawn(5))
    (root / "train/gap/frame3.png").unlink()
    frames("train/uneven", drawn(5))
    Image.fromarray(drawn(0, side=20)[0]).save(root / "train/uneven/frame2.png")
    frames("train/damaged", drawn(5))
    (root / "train/damaged/frame4.png").write_bytes(b"no picture")
    frames("train/nameless", drawn(5))
    (root / "train/nameless/frame1.png").rename(root / "train/nameless/frame.png")
    frames("train/double", drawn(5))
    Image.fromarray(drawn(0)[0]).save(root / "train/double/frame01.png")
    frames("train/other", drawn(5, side=20))
    frames("train/short", drawn(5)[:4])
    (root / "train" / "cut.gif").write_bytes(gif(0)[:300])
    (root / "train" / "text.mp4").write_text("no film")
    np.save(root / "train" / "nan.npy", np.full((LENGTH, SIDE, SIDE, 3), np.nan))
    np.save(root / "train" / "words.npy", np.full((LENGTH, SIDE, SIDE), "a"))
    (root / "train" / "fast.gif").write_bytes(gif(7, rate=20, length=12))
    found = "\n".join(examine(root, modality="video", rate=10, length=LENGTH).lines())
    for name, words in {
        "still": "still: all frames are the same",
        "single": "a single frame, which is no film",
        "gap": "frame 3 is missing",
        "uneven": "frame2.png is 20x20, but the first 16x16",
        "damaged": "frame4.png is no picture",
        "nameless": "frame.png has no number",
        "double": "frame01.png and frame1.png have the same number",
        "other": "it is 6x3x20x20, where most are 6x3x16x16",
        "short": "4 frames, shorter than a clip of 6",
        "cut.gif": "GIF",
        "text.mp4": "not a film",
        "nan.npy": "NaN",
        "words.npy": "no pixels",
    }.items():
        line = next(line for line in found.splitlines() if f"skipped train/{name}:" in line)
        assert words in line, line
    assert "brought from another rate to 10 frames a second: train/fast.gif" in found
    assert "duplicates: 2 films repeat another; 1 group(s) lie across the splits" in found
    assert "the same: test/good2 = train/leak" in found
    assert "the same: train/good1 = train/twice" in found
