"""Documents: what is a corpus, which words count, and how often is how much."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from belamy.data import open_data
from belamy.data.formats.documents import BagOfWords, words
from belamy.data.texts import holds_documents, read_corpus
from belamy.errors import DataError, UsageError

ANIMALS = ["the cat sat", "the dog sat", "a cat and a dog", "the bird sang", "the bird flew away"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two classes of three documents, and files that are none."""
    for kind, texts in {"sea": ["salt water", "salt ship", "ship water"], "sky": ["blue bird", "blue cloud"]}.items():
        (tmp_path / "texts" / kind).mkdir(parents=True)
        for number, text in enumerate(texts):
            (tmp_path / "texts" / kind / f"{number}.txt").write_text(text, encoding="utf-8")
    (tmp_path / "texts" / "sky" / "empty.txt").write_text(" \n")
    (tmp_path / "texts" / ".hidden.txt").write_text("hidden")
    return tmp_path / "texts"


def test_a_folder_of_text_is_a_labelled_set(folder: Path) -> None:
    data = open_data(folder)
    assert (len(data), data.classes) == (5, ("sea", "sky"))
    assert data.field.modality == "vector" and data.field.classes == ("blue", "salt", "ship", "water")
    assert data.shape == (4,)
    assert data.labels is not None and data.labels.tolist() == [0, 0, 0, 1, 1]
    assert data.names == ("sea/0.txt", "sea/1.txt", "sea/2.txt", "sky/0.txt", "sky/1.txt")
    assert open_data(folder, length=2).field.classes == ("blue", "salt")


def test_a_file_has_a_document_on_each_line(tmp_path: Path) -> None:
    path = tmp_path / "lines.txt"
    path.write_text("\ufeff" + "\n\n".join([*ANIMALS, "w" * 30 + " " + "v" * 30]), encoding="utf-8")
    corpus = read_corpus(path)
    assert corpus.texts[:5] == tuple(ANIMALS) and corpus.label is None
    assert corpus.names[0] == "the cat sat" and corpus.names[5] == "w" * 30 + " …"
    assert len(open_data(path)) == 6


def test_pictures_are_no_documents(folder: Path, tmp_path: Path) -> None:
    assert holds_documents(folder) and not holds_documents(tmp_path / "nowhere")
    (folder / "sea" / "photo.png").write_bytes(b"")
    assert not holds_documents(folder)
    assert not holds_documents(tmp_path / "array.npy")
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "readme.txt").write_text("beside pictures that are not there yet")
    assert not holds_documents(tmp_path / "one")


def test_the_most_widespread_words_count_but_not_those_of_most_documents() -> None:
    known = BagOfWords.of(ANIMALS, 4)
    assert known.words == ("bird", "cat", "dog", "sat")  # "the" is in four of five, the others in one
    assert BagOfWords.of(ANIMALS, 1).words == ("bird",)


def test_bags_are_saturated_counts() -> None:
    bags = BagOfWords(("cat", "dog", "emu")).bags(["Cat! dog, cat CAT", "", "bird"])
    assert bags.shape == (3, 3) and bags.dtype == torch.float32
    assert bags[0].tolist() == [0.75, 0.5, 0]
    assert not bags[1:].any()


def test_words_of_any_script() -> None:
    assert words("L’été, it's 3 Größe_привет") == ["l'été", "it's", "größe", "привет"]


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"one line\n", "1 document"), (b"\xff\xfe\x00", "UTF-8"), (b"alpha\nbeta\n", "No word occurs in 2")],
)
def test_bad_files_are_told(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "bad.txt"
    path.write_bytes(content)
    with pytest.raises(DataError, match=says):
        open_data(path)


def test_text_has_no_colours_nor_tables(folder: Path) -> None:
    with pytest.raises(UsageError, match="--channels 3 belongs to pictures"):
        open_data(folder, channels=3)
    with pytest.raises(UsageError, match="--size 44 belongs to pictures"):
        open_data(folder, size=44)
    with pytest.raises(UsageError, match="whose labels are the folders"):
        open_data(folder, labels="labels.csv")
