"""What users' surroundings do to data: file servers, spreadsheets, cameras, and columns of numbers."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from belamy.data import open_data
from belamy.data.assembly import categories, measurement
from belamy.data.files import MACHINE_MADE
from belamy.data.pictures import read_header
from belamy.errors import DataError, Unreadable, UsageError
from belamy.methods.classifier import Recipe
from belamy.training.setup import open_recipe_data

NAMES = tuple(f"{kind}/{number}.png" for kind in ("cat", "dog") for number in range(3))


# ---- file servers ----


@pytest.mark.parametrize("made", sorted(MACHINE_MADE))
def test_folders_that_machines_make_are_left_out_and_said(pictures, tmp_path, made):
    folder = pictures(*NAMES, f"cat/{made}/1.png/thumb.png", f"{made}/2.png")
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for file in filter(Path.is_file, folder.rglob("*")):
            archive.write(file, file.relative_to(folder).as_posix())
    for source in (folder, tmp_path / "x.zip"):
        data = open_data(source)
        assert data.names == NAMES
        assert data.classes == ("cat", "dog")
        assert data.origin.ignored == {f"{made}/": 2}
        assert data.notes == (f"folders that file servers and desktops make are left out: {made}/",)


def test_a_folder_of_thumbnails_alone_holds_no_images(pictures):
    with pytest.raises(DataError, match=r"holds no images, only 1 @eaDir/ file"):
        open_data(pictures("@eaDir/1.png"))


# ---- spreadsheets ----


@pytest.mark.parametrize(("encoding", "found"), [("latin-1", "LATIN1"), ("utf-16", "UTF-16"), ("utf-16-le", "UTF-16")])
def test_a_table_in_another_encoding_says_how_to_save_it(pictures, encoding, found):
    folder = pictures("1.png", "2.png")
    (folder / "t.csv").write_bytes("1.png,grün\n2.png,süß\n".encode(encoding))
    says = rf"it looks like {found}\. Save it as 'CSV UTF-8', .*iconv -f {found} -t UTF-8 .*t\.csv > utf8\.csv"
    with pytest.raises(DataError, match=says):
        open_data(folder, labels="t.csv")
    (folder / "t.csv").write_bytes("1.png,grün\n2.png,süß\n".encode("utf-8-sig"))
    assert open_data(folder, labels="t.csv").classes == ("grün", "süß")


# ---- numbers ----


def test_numbers_sort_as_numbers():
    assert categories(["10", "9", "-1"]).values == ("-1", "9", "10")
    found = categories(["10.0", "9.5", "1e1", "-.5", "9.5"])
    assert found.values == ("-.5", "9.5", "10.0", "1e1")
    assert found.codes.tolist() == [2, 1, 3, 0, 1]
    assert categories(["10", "9", "x"]).values == ("10", "9", "x")


@pytest.mark.parametrize(
    ("values", "split"),
    [
        ([str(number) for number in range(300)], True),
        ([f"{number / 7:.3f}" for number in range(40) for _ in range(9)], True),
        ([str(number) for number in range(60) for _ in range(5)], False),  # sixty people, five pictures of each
        ([str(number) for number in range(20)], False),
        ([f"name {number}" for number in range(300)], False),
    ],
)
def test_many_different_numbers_are_a_measurement(values, split):
    found = measurement(values, "age")
    assert (found is not None) == split
    if found is not None:
        assert found.values == ("low", "high")
        assert abs(int(found.codes.sum()) - len(values) // 2) <= 9
        numbers = np.array(values, float)
        assert numbers[found.codes.numpy() == 0].max() < numbers[found.codes.numpy() == 1].min()


def test_a_column_of_ages_becomes_two_halves_or_the_parts_asked_for(pictures):
    folder = pictures(*(f"{number}.png" for number in range(30)))
    (folder / "t.csv").write_text("file,age,kind\n" + "".join(f"{n}.png,{n * 1.5},{'ab'[n % 2]}\n" for n in range(30)))
    halves = open_data(folder, labels="t.csv:age")
    assert halves.label_counts() == {"low": 15, "high": 15}
    assert any("30 different numbers" in note and "--labels t.csv:age:parts=3" in note for note in halves.notes)
    thirds = open_data(folder, labels="t.csv:age:parts=3")
    assert thirds.label_counts() == {"low": 10, "middle": 10, "high": 10}
    assert thirds.names[int(thirds.labels.argmax())] == "20.png"
    assert open_data(folder, labels="t.csv:kind").attributes["age"].values == ("low", "high")
    with pytest.raises(DataError, match=r"kind are no numbers \('a'\), so there are no parts"):
        open_data(folder, labels="t.csv:kind:parts=2")
    with pytest.raises(UsageError, match=r"parts is x, but it must be a number in 2\.\.100"):
        open_data(folder, labels="t.csv:age:parts=x")


# ---- cameras ----


def deep(folder: Path, highest: int, count: int = 4) -> np.ndarray:
    """16-bit pictures whose values run from 0 to ``highest``."""
    values = np.linspace(0, highest, 64).round().astype(np.uint16).reshape(8, 8)
    for number in range(count):
        Image.fromarray(values).save(folder / f"{number}.png")
    return values


def test_12_bit_pictures_are_recognised_and_levels_bring_their_shades_back(tmp_path):
    folder = tmp_path / "camera"
    folder.mkdir()
    values = deep(folder, 4080)
    dark = open_data(folder)
    assert dark.images(torch.tensor([0])).max() == 16
    says = "they reach 4,080 of 65,535 only, so 17 of 256 shades are left: --levels 4095 uses all"
    assert [says in note for note in dark.notes] == [True]
    full = open_data(folder, levels=4095)
    assert np.array_equal(full.images(torch.tensor([0]))[0, 0].numpy(), (values / 4095 * 255).round().astype(np.uint8))
    assert not any("shades" in note for note in full.notes)
    cache = tmp_path / "cache"
    for _ in range(2):  # the second time what was found is remembered
        streamed = open_data(folder, levels=4095, memory_budget=10, cache=cache)
        assert streamed.streams and streamed.notes == full.notes
        assert torch.equal(streamed.images(torch.arange(4)), full.images(torch.arange(4)))
        assert open_data(folder, memory_budget=10, cache=cache).notes == dark.notes
    assert streamed.fingerprint != open_data(folder, memory_budget=10, cache=cache).fingerprint


def test_16_bit_pictures_that_use_their_range_are_read_as_ever(tmp_path):
    values = deep(tmp_path, 65535)
    data = open_data(tmp_path)
    assert np.array_equal(data.images(torch.tensor([0]))[0, 0].numpy(), (values / 257).round().astype(np.uint8))
    assert data.notes == ("16-bit values were divided by 257",)


@pytest.mark.parametrize("kind", [np.uint16, np.int32, np.int64])
def test_arrays_of_12_bits_have_levels_too(tmp_path, kind):
    values = np.linspace(0, 4095, 4 * 64).round().astype(kind).reshape(4, 8, 8)
    np.save(tmp_path / "x.npy", values)
    if kind is np.uint16:
        assert "--levels 4095" in open_data(tmp_path / "x.npy").notes[0]
    else:
        with pytest.raises(DataError, match="--levels N"):
            open_data(tmp_path / "x.npy")
    data = open_data(tmp_path / "x.npy", levels=4095)
    assert np.array_equal(data.images(torch.arange(4))[:, 0].numpy(), (values / 4095 * 255).round().astype(np.uint8))


def test_levels_where_there_are_none_are_refused(pictures):
    with pytest.raises(UsageError, match="holds no whole numbers beyond 8 bits, so --levels 4095 changes nothing"):
        open_data(pictures("1.png", "2.png"), levels=4095)
    with pytest.raises(UsageError, match="levels is 0, but"):
        open_data("mnist", levels=0)


def test_levels_are_a_field_of_recipes(tmp_path):
    deep(tmp_path, 4080, 20)
    recipe = Recipe.tiny().changed(data=str(tmp_path), size=8, labels=None, levels=4095)
    assert open_recipe_data(recipe).images(torch.tensor([0])).max() == 254


@pytest.mark.parametrize("brand", [b"heic", b"heix", b"mif1"])
def test_heic_names_the_package_that_reads_it(pictures, brand):
    content = b"\0\0\0\x18ftyp" + brand + b"\0\0\0\0" + bytes(100)
    with pytest.raises(Unreadable, match="HEIC, which needs one more package: pip install pillow-heif"):
        read_header(io.BytesIO(content))
    folder = pictures("1.png", "2.png")
    (folder / "3.HEIC").write_bytes(content)
    (data,) = [open_data(folder)]
    assert data.skipped == (("3.HEIC", "not an image (HEIC, which needs one more package: pip install pillow-heif)"),)


# ---- transparency ----


def test_transparency_that_is_flattened_is_said(tmp_path):
    for number in range(3):
        Image.new("RGBA", (8, 8), (9, 9, 9, 255 if number else 90)).save(tmp_path / f"{number}.png")
    assert open_data(tmp_path).notes == ("1 picture(s) are transparent in part, and lie on white now",)
    np.save(tmp_path / "x.npy", np.zeros((4, 8, 8, 4), np.uint8))
    assert open_data(tmp_path / "x.npy").notes == (
        f"{tmp_path / 'x.npy'}: the fourth channel was taken as opacity, over white",
    )


def test_columns_of_arrays_are_measurements_too(tmp_path):
    images = np.zeros((60, 8, 8), np.uint8)
    names = np.array([b"red", b"bl\xffue"] * 30)
    numbers = np.arange(60)
    np.savez(
        tmp_path / "x.npz", images=images, labels=numbers, age=numbers / 7, kind=names, when=numbers.astype("M8[s]")
    )
    data = open_data(tmp_path / "x.npz")
    assert data.label_counts() == {"low": 30, "high": 30}
    assert data.attributes["age"].codes.tolist() == [0] * 30 + [1] * 30
    assert data.attributes["kind"].values == ("bl\\xffue", "red")
    assert set(data.attributes) == {"labels", "age", "kind"}
    np.savez(tmp_path / "x.npz", images=images, age=np.where(numbers < 38, 0.5, numbers))
    assert open_data(tmp_path / "x.npz", labels="age").label_counts() == {"low": 38, "high": 22}


def test_a_column_of_one_number_and_few_others_stays_what_it_is(pictures):
    folder = pictures(*(f"{number}.png" for number in range(60)))
    rows = [f"{number}.png,{'ab'[number % 2]},{0 if number < 38 else -number / 7}\n" for number in range(60)]
    (folder / "t.csv").write_text("file,label,lean\n" + "".join(rows))
    data = open_data(folder, labels="t.csv")
    assert data.classes == ("a", "b")
    assert data.attributes["lean"].values == ("low", "high")


def test_columns_of_one_title_are_told_apart_by_place(pictures):
    folder = pictures("1.png", "2.png")
    (folder / "t.csv").write_text("file,label,label\n1.png,a,c\n2.png,b,c\n")
    assert open_data(folder, labels="t.csv").classes == ("a", "b")
