"""Arrays, IDX and CIFAR: every layout and type gives the pixels that were saved, and nothing runs code."""

import gzip
import io
import pickle
import re
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from belamy.data import open_data
from belamy.data.arrays import interpret
from belamy.data.formats.idx import read_idx, write_idx
from belamy.data.loading import FORMATS
from belamy.errors import DataError, UsageError

SOURCE = np.random.default_rng(0)
GREY = SOURCE.integers(0, 256, (24, 8, 10), dtype=np.uint8)
COLOUR = SOURCE.integers(0, 256, (24, 8, 10, 3), dtype=np.uint8)


def every(dataset):
    return dataset.images(torch.arange(len(dataset))).numpy()


def saved(path: Path, array: np.ndarray) -> Path:
    np.save(path, array)
    return path


# ---- NumPy ----


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (GREY, GREY[:, None]),
        (GREY[..., None], GREY[:, None]),
        (GREY[:, None], GREY[:, None]),
        (COLOUR, COLOUR.transpose(0, 3, 1, 2)),
        (COLOUR.transpose(0, 3, 1, 2), COLOUR.transpose(0, 3, 1, 2)),
        (GREY[:, :8, :8].reshape(24, 64), GREY[:, None, :8, :8]),
    ],
)
def test_layouts(tmp_path, array, expected):
    dataset = open_data(saved(tmp_path / "x.npy", array))
    assert dataset.shape == expected.shape[1:]
    assert np.array_equal(every(dataset), expected)


@pytest.mark.parametrize(
    ("array", "note"),
    [
        (GREY.astype(np.float32) / 255, r"float32 in \[0, 1\]"),
        (GREY.astype(np.float64) / 127.5 - 1, r"float64 in \[-1, 1\]"),
        (GREY.astype(np.int64), "taken as bytes"),
        (GREY.astype(np.uint16) * 257, "divided by 257"),
    ],
)
def test_types_bring_all_values_back(tmp_path, array, note):
    dataset = open_data(saved(tmp_path / "x.npy", array))
    assert np.array_equal(every(dataset)[:, 0], GREY)
    assert len(dataset.notes) == 1
    assert re.search(note, dataset.notes[0])


def test_truth_values_become_black_and_white(tmp_path):
    assert np.array_equal(every(open_data(saved(tmp_path / "x.npy", GREY > 99)))[:, 0], np.where(GREY > 99, 255, 0))


def test_opacity_lies_on_white(tmp_path):
    array = np.zeros((2, 8, 8, 4), np.uint8)
    array[0, ..., 3] = 255
    images = every(open_data(saved(tmp_path / "x.npy", array)))
    assert images.shape == (2, 3, 8, 8)
    assert images[0].max() == 0
    assert images[1].min() == 255


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (GREY.astype(np.float32), r"values in \[0, 255\], but floats must lie in \[0, 1\] or \[-1, 1\]"),
        (np.full((4, 8, 8), np.nan, np.float32), "NaN or infinite"),
        (GREY.astype(np.int64) - 9, r"pixels must lie in 0\.\.255"),
        (np.zeros((4, 8, 8, 8), np.uint8), "1, 3 or 4 channels"),
        (np.zeros((4, 7), np.uint8), "has the shape"),
        (np.zeros(4, np.uint8), "has the shape"),
        (np.zeros((0, 8, 8), np.uint8), "has the shape"),
        (np.full((4, 8, 8), 1j), "complex numbers"),
        (np.full((4, 8, 8), "a"), "texts"),
    ],
)
def test_arrays_that_are_no_images_are_explained(array, message):
    with pytest.raises(DataError, match=message):
        interpret(array, "x.npy")


class Trap:
    """Unpickling this would call ``touch``."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize("kind", ["npy", "npz", "raw pickle"])
def test_loading_never_runs_code(tmp_path, kind):
    sprung = tmp_path / "sprung"
    content = np.array([Trap(sprung)], dtype=object)
    path = tmp_path / ("x.npz" if kind == "npz" else "x.npy")
    if kind == "raw pickle":
        path.write_bytes(pickle.dumps(Trap(sprung)))
    else:
        (np.savez if kind == "npz" else np.save)(path, content)
    with pytest.raises(DataError, match="not a NumPy file" if kind == "raw pickle" else "could run code"):
        open_data(path)
    assert not sprung.exists()


def test_an_archive_with_splits_and_labels(tmp_path):
    labels = np.arange(24) % 3
    path = tmp_path / "set.npz"
    np.savez(path, x_train=COLOUR[:20], y_train=labels[:20, None], x_test=COLOUR[20:], y_test=labels[20:, None])
    dataset = open_data(path)
    assert {name: indices.tolist() for name, indices in dataset.splits.items()} == {
        "train": list(range(20)),
        "test": list(range(20, 24)),
    }
    assert dataset.labels.tolist() == labels.tolist()
    assert dataset.classes == ("0", "1", "2")
    assert np.array_equal(every(dataset), COLOUR.transpose(0, 3, 1, 2))


def test_an_archive_with_attributes(tmp_path):
    path = tmp_path / "faces.npz"
    hair = np.array(["red", "brown"] * 12)
    np.savez(path, images=COLOUR, smile=np.arange(24) % 2, hair=hair, vectors=SOURCE.normal(size=(24, 5)))
    dataset = open_data(path)
    assert dataset.labels is None
    assert set(dataset.attributes) == {"smile", "hair"}
    chosen = open_data(path, labels="hair")
    assert [chosen.classes[code] for code in chosen.labels] == hair.tolist()
    with pytest.raises(UsageError, match="Did you mean 'smile'"):
        open_data(path, labels="smil")


def test_the_only_array_that_can_be_images_is_taken(tmp_path):
    path = tmp_path / "odd.npz"
    np.savez(path, frobs=GREY, other=np.zeros(24))
    assert np.array_equal(every(open_data(path))[:, 0], GREY)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"one": GREY, "two": GREY}, r"holds one \(24, 8, 10\), two .*: name the array of images 'images'"),
        ({"numbers": np.zeros(3)}, "name the array of images"),
        ({"audio": np.zeros((4, 100), np.int16)}, "type --modality audio --rate 16000"),
        ({"x_train": GREY, "x_test": GREY[:, :4]}, r"shape \(1, 8, 10\), but .* of shape \(1, 4, 10\)"),
    ],
)
def test_archives_that_do_not_say_what_they_hold_are_explained(tmp_path, arrays, message):
    np.savez(tmp_path / "set.npz", **arrays)
    with pytest.raises(DataError, match=message):
        open_data(tmp_path / "set.npz")


@pytest.mark.parametrize("name", ["x.npy", "x.npz"])
@pytest.mark.parametrize("kept", [0, 3, 40, 0.6])
def test_truncated_arrays_are_explained(tmp_path, name, kept):
    whole = tmp_path / name
    (np.savez if name.endswith("z") else np.save)(whole, GREY)
    content = whole.read_bytes()
    whole.write_bytes(content[: kept if isinstance(kept, int) else int(len(content) * kept)])
    with pytest.raises(DataError, match=r"not a NumPy file|cannot be read"):
        open_data(whole)


def test_an_array_larger_than_memory_is_read_from_disk(tmp_path):
    path = saved(tmp_path / "x.npy", COLOUR.astype(np.float32) / 255)
    memory, streamed = open_data(path, size=8), open_data(path, size=8, memory_budget=500)
    assert (memory.streams, streamed.streams) == (False, True)
    assert np.array_equal(every(memory), every(streamed))
    some = torch.tensor([23, 0, 5, 5])
    assert torch.equal(memory.images(some), streamed.images(some))


def test_an_archive_that_unpacks_to_too_much_is_refused_before_it_is_unpacked(tmp_path):
    path = tmp_path / "bomb.npz"
    np.savez_compressed(path, images=np.zeros((30, 100, 1000), np.uint8))
    assert path.stat().st_size < 10_000
    with pytest.raises(DataError, match="makes 3,000,000 bytes of images, more than the memory budget of 500,000"):
        open_data(path, memory_budget=500_000)


# ---- IDX ----


def idx_folder(root: Path, packed: bool, prefix: str = "") -> Path:
    root.mkdir(exist_ok=True)
    parts = {
        "train-images-idx3-ubyte": GREY[:20],
        "train-labels-idx1-ubyte": np.arange(20, dtype=np.uint8) % 4,
        "t10k-images-idx3-ubyte": GREY[20:],
        "t10k-labels-idx1-ubyte": np.arange(4, dtype=np.uint8),
    }
    for name, values in parts.items():
        content = write_idx(values)
        if packed:
            (root / f"{prefix}{name}.gz").write_bytes(gzip.compress(content))
        else:
            (root / f"{prefix}{name}").write_bytes(content)
    return root


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("prefix", ["", "emnist-digits-"])
def test_a_folder_of_idx_files(tmp_path, packed, prefix):
    dataset = open_data(idx_folder(tmp_path / "digits", packed, prefix))
    assert np.array_equal(every(dataset)[:, 0], GREY)
    assert dataset.labels.tolist() == [*(number % 4 for number in range(20)), 0, 1, 2, 3]
    assert {name: len(indices) for name, indices in dataset.splits.items()} == {"train": 20, "test": 4}


def test_one_idx_file_brings_the_labels_beside_it(tmp_path):
    folder = idx_folder(tmp_path / "digits", packed=True)
    dataset = open_data(folder / "t10k-images-idx3-ubyte.gz")
    assert np.array_equal(every(dataset)[:, 0], GREY[20:])
    assert dataset.labels.tolist() == [0, 1, 2, 3]
    alone = tmp_path / "alone.idx"
    alone.write_bytes(write_idx(GREY))
    assert open_data(alone).labels is None


def test_idx_larger_than_memory_is_mapped_unless_packed(tmp_path):
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(write_idx(GREY))
    streamed = open_data(path, memory_budget=100)
    assert streamed.streams
    assert np.array_equal(every(streamed)[:, 0], GREY)
    path.write_bytes(gzip.compress(write_idx(GREY)))
    with pytest.raises(DataError, match="Unpack it"):
        open_data(path, memory_budget=100)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (write_idx(GREY)[:-1], "only 1,919"),
        (write_idx(GREY) + b"x", "holds more"),
        (write_idx(GREY)[:9], "ends inside its header"),
        (b"\0\0\x0d\x01" + bytes(8), "holds floats"),
        (b"\0\0\x77\x01" + bytes(8), "unknown type 0x77"),
        (b"abcd", "not an IDX file"),
        (gzip.compress(write_idx(GREY), mtime=0)[:50], "cannot be read|damaged"),
    ],
)
def test_damaged_idx_files_are_explained(tmp_path, content, message):
    path = tmp_path / "x.idx"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_idx(path, 1 << 20)


def test_idx_labels_that_do_not_fit_are_explained(tmp_path):
    folder = idx_folder(tmp_path / "digits", packed=False)
    (folder / "train-labels-idx1-ubyte").write_bytes(write_idx(np.zeros(7, np.uint8)))
    with pytest.raises(DataError, match="but there are 20 images"):
        open_data(folder)


def test_two_sets_in_one_folder_are_not_mixed(tmp_path):
    idx_folder(tmp_path, packed=False, prefix="a-")
    idx_folder(tmp_path, packed=False, prefix="b-")
    with pytest.raises(DataError, match="keep one set in a folder"):
        open_data(tmp_path)


# ---- CIFAR ----


def cifar_files(label_bytes: int = 1) -> dict[str, bytes]:
    source = np.random.default_rng(3)
    batches = (
        ["data_batch_1.bin", "data_batch_2.bin", "test_batch.bin"] if label_bytes == 1 else ["train.bin", "test.bin"]
    )
    files = {}
    for name in batches:
        records = source.integers(0, 256, (6, label_bytes + 3072), dtype=np.uint8)
        records[:, :label_bytes] = source.integers(0, 10, (6, label_bytes))
        files[name] = records.tobytes()
    names = "batches.meta.txt" if label_bytes == 1 else "fine_label_names.txt"
    files[names] = "\n".join(f"kind{number}" for number in range(10)).encode()
    return files


def archived(path: Path, files: dict[str, bytes], folder: str = "cifar-10-batches-bin") -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"{folder}/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


@pytest.mark.parametrize("label_bytes", [1, 2])
@pytest.mark.parametrize("packed", [False, True])
def test_cifar(tmp_path, label_bytes, packed):
    files = cifar_files(label_bytes)
    if packed:
        path = archived(tmp_path / "cifar.tar.gz", files)
    else:
        path = tmp_path / "cifar"
        path.mkdir()
        for name, content in files.items():
            (path / name).write_bytes(content)
    dataset = open_data(path)
    content = b"".join(content for name, content in files.items() if name.endswith(".bin"))
    records = np.frombuffer(content, np.uint8).reshape(-1, label_bytes + 3072)
    assert dataset.labels.tolist() == records[:, label_bytes - 1].tolist()
    assert np.array_equal(every(dataset).reshape(len(dataset), -1), records[:, label_bytes:])
    assert dataset.classes == tuple(f"kind{number}" for number in range(10))
    assert len(dataset.splits["test"]) == 6
    assert dataset.card()["split_rule"] == "official"


def test_the_named_set_finds_its_files_in_a_folder(tmp_path):
    archived(tmp_path / "cifar-10-binary.tar.gz", cifar_files())
    assert len(open_data(f"cifar10:folder={tmp_path}", offline=True)) == 18
    with pytest.raises(DataError, match=r"holds neither cifar-10-binary\.tar\.gz nor"):
        open_data(f"cifar10:folder={tmp_path / 'nowhere'}", offline=True)


def test_one_batch_file_has_no_official_split(tmp_path):
    path = tmp_path / "data_batch_1.bin"
    path.write_bytes(cifar_files()["data_batch_1.bin"])
    dataset = open_data(path)
    assert dataset.classes[:2] == ("airplane", "automobile")
    assert list(dataset.splits) == ["train"]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"data_batch_1": b"pickle"}, "Python version, whose pickles can run code"),
        ({"readme.txt": b"hello"}, "does not hold the binary version"),
        ({"data_batch_1.bin": b"short"}, "no whole number of records of 3073"),
        ({"data_batch_1.bin": b""}, "no whole number of records"),
    ],
)
def test_archives_that_are_not_cifar_are_explained(tmp_path, files, message):
    with pytest.raises(DataError, match=message):
        open_data(archived(tmp_path / "x.tar.gz", files))


def test_a_truncated_archive_is_explained(tmp_path):
    path = archived(tmp_path / "x.tar.gz", cifar_files())
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(DataError, match="not a whole tar archive"):
        open_data(path)


def test_names_that_lead_out_of_a_tar_archive_touch_nothing(tmp_path):
    (tmp_path / "in").mkdir()
    path = archived(tmp_path / "in/x.tar.gz", cifar_files(), "../..")
    assert len(open_data(path)) == 18
    assert sorted(entry.name for entry in tmp_path.rglob("*")) == ["in", "x.tar.gz"]


def test_every_format_claims_its_own_and_no_other(tmp_path):
    idx = idx_folder(tmp_path / "idx", packed=True)
    cifar = tmp_path / "cifar"
    cifar.mkdir()
    (cifar / "data_batch_1.bin").write_bytes(b"")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.png").write_bytes(b"")
    paths = {
        "idx": idx,
        "cifar": cifar,
        "folder": tmp_path / "photos",
        "arrays": saved(tmp_path / "x.npy", GREY),
        "zip": tmp_path / "x.zip",
    }
    paths["zip"].write_bytes(b"")
    for expected, path in paths.items():
        claims = {name: FORMATS.load(name)().claim(path) for name in FORMATS.names()}
        strongest = max(claims.values())
        best = [name for name, claim in claims.items() if claim == strongest]
        of_pictures = [name for name in best if "image" in FORMATS.load(name).modalities]  # they win where claims tie
        assert of_pictures == [expected]


def test_members_of_an_archive_that_are_no_arrays_are_passed_over(tmp_path):
    path = tmp_path / "set.npz"
    np.savez(path, images=GREY)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("readme.txt", "hello")
    assert np.array_equal(every(open_data(path))[:, 0], GREY)
