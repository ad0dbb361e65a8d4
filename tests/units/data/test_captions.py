"""Captions of pictures: beside each, in a table, in JSON lines; and what is none."""

from __future__ import annotations

import json
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from belamy.data import Batches, Dataset, open_data
from belamy.data.captions import with_several_captions
from belamy.data.dataset import Memory
from belamy.data.variants import Variants
from belamy.errors import DataError, UsageError
from belamy.modalities.text import strings, vocabulary_of

SAID = {"a/1.png": "a red fox", "a/2.png": "an old dog\n\n  asleep \nan old  dog", "b/3.png": "the big cat"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four pictures in two classes, three with captions beside them."""
    for name in (*SAID, "b/4.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.fromarray(np.full((8, 8), len(name) * 20, np.uint8)).save(tmp_path / name)
    for name, text in SAID.items():
        (tmp_path / name).with_suffix(".txt").write_text(text)
    (tmp_path / "captions.csv").write_text('file,caption\n1.png,"first, of two"\n1.png,second\n3.png,third\n')
    rows = [{"file_name": "a/1.png", "text": "one"}, {"file": "./b/4.png", "caption": "four"}]
    (tmp_path / "captions.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return tmp_path


@pytest.fixture(params=["folder", "zip"])
def packed(request: pytest.FixtureRequest, folder: Path) -> Callable[[], Path]:
    """The folder as it is when this is called, or an archive of what is in it then."""

    def source() -> Path:
        if request.param == "folder":
            return folder
        with zipfile.ZipFile(folder.with_suffix(".zip"), "w") as archive:
            for file in folder.rglob("*.*"):
                archive.write(file, file.relative_to(folder))
        return folder.with_suffix(".zip")

    return source


def captions(data: Dataset) -> list[str]:
    column = data.columns["caption"]
    return strings(column.store.read(torch.arange(len(data))), column.field)


@pytest.mark.parametrize(
    ("said", "wanted", "missing"),
    [
        ("beside", ["a red fox", "an old dog", "the big cat", ""], "1 pictures have no caption, e.g. b/4.png"),
        ("captions.csv", ["first, of two", "", "third", ""], "2 pictures have no caption"),
        ("captions.jsonl", ["one", "", "", "four"], "2 pictures have no caption"),
    ],
)
def test_captions_are_a_field_of_pictures(
    packed: Callable[[], Path], said: str, wanted: list[str], missing: str
) -> None:
    folder = packed()
    data = open_data(folder, modality=f"image:captions={said}")
    assert captions(data) == wanted and data.classes == ("a", "b")
    assert list(data.spec.fields) == ["image", "caption", "label"] and data.spec.main == "image"
    assert any(missing in note for note in data.notes)
    batch = next(Batches(data, "train", 2, 0))
    assert batch["caption"].dtype == torch.long and batch.images.shape[1:] == data.shape
    assert "caption" not in open_data(folder).columns
    by_words = open_data(folder, modality=f"image:captions={said},unit=words")
    known = vocabulary_of(by_words.columns["caption"].field.classes)
    assert known.words and known.unknown("one bananaphone")[-1] == " bananaphone"
    assert captions(by_words)[0] == wanted[0]


@pytest.mark.parametrize(
    ("said", "picture", "wanted"),
    [("beside", 1, ["an old dog", "asleep"]), ("captions.csv", 0, ["first, of two", "second"])],
)
def test_a_picture_may_have_several(packed: Callable[[], Path], said: str, picture: int, wanted: list[str]) -> None:
    """Lines of a file beside it, rows of a table; all of their letters are known, and each is there once."""
    data = open_data(packed(), modality=f"image:captions={said}")
    store, field = data.columns["caption"].store, data.columns["caption"].field
    assert isinstance(store, Variants) and len(store) == 4 and store.most == 2
    assert strings(store.every(torch.tensor([picture]))[0], field) == wanted
    others = torch.tensor([index for index in range(4) if index != picture])
    assert bool((store.every(others) == store.read(others)[:, None]).all())
    assert any("1 pictures have several captions, up to 2" in note for note in data.notes)
    only = data.only("a").columns["caption"].store
    assert isinstance(only, Variants) and strings(only.every(torch.tensor([picture]))[0], field) == wanted


def test_one_of_several_is_drawn_by_the_seed_and_the_position() -> None:
    """Each about as often as any other, the same after a resume and on any number of processes; all are told beside."""
    pixels = torch.randint(0, 256, (24, 3, 8, 8), dtype=torch.uint8)
    texts = [[f"{word} {number}" for word in ("one", "two", "three")[: number % 3 + 1]] for number in range(24)]
    whole = Dataset("said", Memory(pixels), official={"train": torch.arange(24)})
    data = with_several_captions(whole, texts, unit="words")
    field, stream = data.columns["caption"].field, Batches(data, "all", 12, 0)
    counts: Counter[str] = Counter()
    for position in range(400):
        batch = next(stream)
        said, known = strings(batch["caption"], field), batch["every caption"]
        assert known.shape[:2] == (12, 3) and list(batch.fields) == ["image", "caption", "every caption"]
        for text, index, all_of in zip(said, batch.indices.tolist(), known, strict=True):
            assert text in texts[index] and set(strings(all_of, field)) == set(texts[index])
        counts.update(said)
        if position == 300:
            again = next(Batches(data, "all", 12, 0, position=position))
            halves = [next(Batches(data, "all", 12, 0, rank=rank, world=2, position=position)) for rank in (0, 1)]
            assert torch.equal(again["caption"], batch["caption"])
            assert torch.equal(torch.cat([half["caption"] for half in halves]), batch["caption"])
    for several in texts:
        for text in several:  # of 200, by a binomial distribution
            assert abs(counts[text] / 200 - 1 / len(several)) < 0.15
    other = next(Batches(data, "all", 12, 1))
    assert not torch.equal(other["caption"], next(Batches(data, "all", 12, 0))["caption"])


def test_several_captions_are_part_of_what_data_are() -> None:
    """The fingerprint tells sets apart whose first captions are the same, and words of all captions are known."""
    pixels = torch.zeros(2, 3, 8, 8, dtype=torch.uint8)
    one, two, joined = (
        with_several_captions(Dataset("said", Memory(pixels)), texts, unit="words")
        for texts in ([["a"], ["a"]], [["a", "a"], ["a"]], [["a"], ["a", "a"]])
    )
    assert len({one.fingerprint, two.fingerprint, joined.fingerprint}) == 3
    data = with_several_captions(Dataset("said", Memory(pixels)), [["a", "b long one"], ["a"]], unit="words")
    assert data.columns["caption"].field.shape == (4,) and " long" in data.columns["caption"].field.classes


def test_a_length_crops_them(folder: Path) -> None:
    data = open_data(folder, modality="image:captions=beside", length=5)
    assert captions(data) == ["a red", "an ol", "the b", ""]


@pytest.mark.parametrize(
    ("said", "content", "says"),
    [
        ("caption.csv", None, "Did you mean 'captions.csv'"),
        ("x.csv", "name\n1.png\n", "must have the columns file and caption, but has name"),
        ("x.csv", "file,caption\n9.png,nine\n", "None of the 4 pictures"),
        ("x.jsonl", '{"file": "1.png"}', "line 1, is no object"),
        ("x.jsonl", "[]", "line 1, is no object"),
        ("x.csv", b"file,caption\n1.png,\xe9t\xe9\n", "not (a text in UTF-8|UTF-8 text)"),
    ],
)
def test_what_has_no_captions_is_refused(
    folder: Path, packed: Callable[[], Path], said: str, content: str | bytes | None, says: str
) -> None:
    if content is not None:
        (folder / said).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises((UsageError, DataError), match=says):
        open_data(packed(), modality=f"image:captions={said}")


def test_a_damaged_text_of_an_archive_is_named(folder: Path) -> None:
    with zipfile.ZipFile(folder.with_suffix(".zip"), "w") as archive:
        for file in folder.rglob("*.*"):
            archive.write(file, file.relative_to(folder))
    content = bytearray(folder.with_suffix(".zip").read_bytes())
    place = content.index(b"file,caption\n1.png")
    content[place : place + 4] = b"FILE"  # the checksum tells
    folder.with_suffix(".zip").write_bytes(content)
    with pytest.raises(DataError, match=r"'captions.csv' in .*zip cannot be read"):
        open_data(folder.with_suffix(".zip"), modality="image:captions=captions.csv")
