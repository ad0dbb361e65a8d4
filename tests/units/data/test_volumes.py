"""Volumes from files, folders and arrays; the doctor names each fault of a bad set with its file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from belamy.data import open_data
from belamy.data.doctor import examine
from belamy.data.solids import solid
from belamy.errors import DataError, UsageError

SIDE = 8


def drawn(seed: int, kind: int = 0) -> np.ndarray:
    return solid(kind, SIDE, np.random.default_rng(seed))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Six good volumes of two kinds."""
    for kind, name in enumerate(("chair", "table")):
        (tmp_path / "set" / name).mkdir(parents=True)
        for number in range(3):
            np.save(tmp_path / "set" / name / f"{number}.npy", drawn(number, kind))
    return tmp_path / "set"


class TestOpens:
    def test_a_folder_with_classes(self, folder: Path) -> None:
        data = open_data(folder, modality="volume")
        assert (data.shape, data.field.bits, data.classes) == ((1, SIDE, SIDE, SIDE), 1, ("chair", "table"))
        assert data.names == tuple(f"{name}/{n}.npy" for name in ("chair", "table") for n in range(3))
        assert torch.equal(data.store.read(torch.tensor([4]))[0, 0], torch.from_numpy(drawn(1, 1)))
        seen = data.batch(torch.arange(2)).main
        assert set(seen.unique().tolist()) == {-1, 1}

    def test_larger_than_memory_it_streams_the_same(self, folder: Path) -> None:
        whole, parts = (open_data(folder, modality="volume", memory_budget=budget) for budget in (1 << 30, 600))
        assert parts.streams and not whole.streams
        everything = torch.arange(6)
        assert torch.equal(whole.store.read(everything), parts.store.read(everything))
        (folder / "table" / "2.npy").unlink()
        with pytest.raises(DataError, match=r"table/2\.npy has changed since it was opened"):
            parts.store.read(torch.tensor([5]))

    def test_binvox_needs_no_word(self, folder: Path) -> None:
        for number in range(2):
            full = bytes([0, 255, 0, 255, number, 1, 1, 1])
            (folder / f"{number}.binvox").write_bytes(b"#binvox 1\ndim 8 8 8\ndata\n" + full)
        data = open_data(folder)
        assert len(data) == 8 and data.field.modality == "volume"

    @pytest.mark.parametrize("layout", ["plain", "channel", "named"])
    def test_an_array(self, tmp_path: Path, layout: str) -> None:
        volumes = np.stack([drawn(seed) for seed in range(4)])
        path = tmp_path / ("a.npz" if layout == "named" else "a.npy")
        if layout == "named":
            np.savez(path, voxels=volumes, other=np.zeros(3))
        else:
            np.save(path, volumes if layout == "plain" else volumes[..., None])
        data = open_data(path, modality="volume")
        assert torch.equal(data.store.read(torch.arange(4))[:, 0], torch.from_numpy(volumes))

    def test_types_are_kept_and_the_deepest_wins(self, folder: Path) -> None:
        np.save(folder / "chair" / "9.npy", np.random.default_rng(0).random((SIDE, SIDE, SIDE), np.float32))
        data = open_data(folder, modality="volume")
        assert data.field.bits == 32 and data.store.read(torch.arange(7)).dtype == torch.float32
        assert any("brought from another type to float32: chair/0.npy" in note for note in data.notes)

    def test_dark_bytes_of_an_array_stay_bytes(self, tmp_path: Path) -> None:
        volumes = np.zeros((3, 4, 4, 4), np.uint8)
        volumes[:, 0] = np.array([1, 2, 255]).reshape(3, 1, 1)
        np.save(tmp_path / "a.npy", volumes)
        data = open_data(tmp_path / "a.npy", modality="volume")
        assert torch.equal(data.store.read(torch.arange(3))[:, 0], torch.from_numpy(volumes))

    def test_labels_of_a_table(self, folder: Path, tmp_path: Path) -> None:
        table = tmp_path / "labels.csv"
        table.write_text("file,wood\nchair/0.npy,oak\nchair/1.npy,ash\ntable/0.npy,oak\ntable/1.npy,ash\n")
        data = open_data(folder, modality="volume", labels=str(table))
        assert data.classes == ("ash", "oak") and len(data) == 4
        assert ("chair/2.npy", "no label in labels.csv") in data.skipped


class TestRefused:
    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ({}, "Type --modality volume"),
            ({"modality": "volume", "rate": 5}, "have no rate. Leave --rate out"),
            ({"modality": "volume", "length": 5}, "have no length. Leave --length out"),
            ({"modality": "volume", "size": 16}, "--size 16 belongs to pictures"),
            ({"modality": "volume", "channels": 3}, "--channels 3 belongs to pictures"),
            ({"modality": "volume:side=3"}, "side"),
            ({"modality": "volumes"}, "Did you mean 'volume'"),
        ],
    )
    def test_wrong_options(self, folder: Path, options: dict, words: str) -> None:
        with pytest.raises(UsageError, match=words):
            open_data(folder, **options)

    @pytest.mark.parametrize(
        ("array", "words"),
        [
            (np.zeros((4, 8, 8)), r"shape \(4, 8, 8\), but volumes are"),
            (np.zeros((3, 4, 4, 4)), "empty: no voxel is full"),
            (np.full((3, 4, 4, 4), "a"), "no voxels"),
        ],
    )
    def test_wrong_arrays(self, tmp_path: Path, array: np.ndarray, words: str) -> None:
        np.save(tmp_path / "a.npy", array)
        with pytest.raises(DataError, match=words):
            open_data(tmp_path / "a.npy", modality="volume")

    @pytest.mark.parametrize("text", ["shapes:side=4", "shapes:side=999", "shapes:count=1", "shapes:sides=16"])
    def test_wrong_drawings(self, text: str) -> None:
        with pytest.raises(UsageError, match=r"must be in|Did you mean"):
            open_data(text)

    def test_labels_of_the_drawings_are_given(self) -> None:
        with pytest.raises(UsageError, match="Leave --labels out"):
            open_data("shapes", labels="size")


def test_the_doctor_names_every_fault_with_its_file(folder: Path) -> None:
    for part in ("train", "test"):
        for number in range(4):
            (folder / part / "chair").mkdir(parents=True, exist_ok=True)
            np.save(folder / part / "chair" / f"{number}.npy", drawn(10 * (part == "test") + number))
    for name in ("chair", "table"):
        for file in (folder / name).iterdir():
            file.unlink()
        (folder / name).rmdir()
    bad = folder / "train" / "chair"
    np.save(bad / "leak.npy", drawn(11))
    np.save(bad / "twice.npy", drawn(0))
    np.save(bad / "empty.npy", np.zeros((SIDE,) * 3, bool))
    np.save(bad / "full.npy", np.ones((SIDE,) * 3, bool))
    np.save(bad / "grey.npy", np.full((SIDE,) * 3, 0.5))
    np.save(bad / "other.npy", np.eye(SIDE, dtype=bool)[None].repeat(4, 0))
    np.save(bad / "flat.npy", np.eye(SIDE, dtype=bool))
    np.save(bad / "nan.npy", np.full((SIDE,) * 3, np.nan))
    np.save(bad / "wild.npy", np.random.default_rng(0).normal(size=(SIDE,) * 3) * 9)
    np.save(bad / "words.npy", np.full((SIDE,) * 3, "a"))
    np.save(bad / "object.npy", np.full((SIDE,) * 3, None), allow_pickle=True)
    (bad / "cut.npy").write_bytes((bad / "0.npy").read_bytes()[:200])
    (bad / "text.npy").write_text("not an array")
    (bad / "none.npy").write_bytes(b"")
    (bad / "short.binvox").write_bytes(b"#binvox 1\ndim 8 8 8\ndata\n\x01\x07")
    (bad / "gone.npy").symlink_to(bad / "nowhere")
    found = "\n".join(examine(folder, modality="volume").lines())
    for name, words in {
        "empty": "empty: no voxel is full",
        "full": "full: every voxel is",
        "grey": "all voxels are alike",
        "other": "it is 1x4x8x8, where most are 1x8x8x8",
        "flat": "an array of shape (8, 8)",
        "nan": "NaN",
        "wild": "densities are in 0..1",
        "words": "values of type <U1",
        "object": "damaged NumPy file (Object arrays cannot be loaded",
        "cut": "damaged NumPy file",
        "text": "neither a NumPy nor a binvox file",
        "none": "neither a NumPy nor a binvox file",
        "gone": "No such file",
    }.items():
        line = next(line for line in found.splitlines() if f"skipped train/chair/{name}.npy" in line)
        assert words in line
    assert "skipped train/chair/short.binvox: a damaged binvox file: it promises 512 voxels and holds 7" in found
    assert "duplicates: 2 volumes repeat another; 1 group(s) lie across the splits" in found
    assert "the same: test/chair/1.npy = train/chair/leak.npy" in found
    assert "the same: train/chair/0.npy = train/chair/twice.npy" in found
