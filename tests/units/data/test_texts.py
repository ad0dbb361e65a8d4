"""Texts in files: what is a document, which classes and splits, and as which numbers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from belamy.data import Dataset, open_data
from belamy.data.texts import read_corpus
from belamy.errors import DataError, UsageError
from belamy.modalities.text import END, PADDING, UNKNOWN, Modality, strings


def texts_of(data: Dataset) -> list[str]:
    return strings(data.store.read(torch.arange(len(data))), data.field)


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    path = tmp_path / "lines.txt"
    path.write_bytes("\ufeffone fish\r\n\r\ntwo fish\nred fish \n\nblue fïsh".encode())
    return path


def test_each_line_of_a_file_is_a_text(lines: Path) -> None:
    data = open_data(lines, modality="text")
    assert texts_of(data) == ["one fish", "two fish", "red fish", "blue fïsh"]
    assert data.spec.main == "text" and data.shape == (10,) and data.names == ("one fish", *data.names[1:])
    assert data.notes == ("2 blank lines or files are left out",)
    assert [document.place for document in read_corpus(lines).documents][-1] == "lines.txt:6"


def test_each_file_of_a_folder_is_a_text_and_folders_are_classes(tmp_path: Path) -> None:
    for name, text in {"sea/a.txt": "salt\nwater", "sea/b.txt": "ship", "sky/c.md": "blue"}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "sky" / "d.txt").write_bytes("é".encode("latin-1"))
    data = open_data(tmp_path, modality="text")
    assert texts_of(data) == ["salt\nwater", "ship", "blue"]
    assert data.classes == ("sea", "sky") and data.labels is not None and data.labels.tolist() == [0, 0, 1]
    assert [file for file, _ in data.skipped] == ["sky/d.txt"] and "UTF-8" in data.skipped[0][1]
    by_line = open_data(tmp_path, modality="text:lines=true")
    assert texts_of(by_line) == ["salt", "water", "ship", "blue"]


def test_files_called_train_and_test_are_splits(tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text("ab\nba\naa\n")
    (tmp_path / "test.txt").write_text("abc\n")
    data = open_data(tmp_path, modality="text")
    assert data.rule == "official"
    assert {name: len(kept) for name, kept in data.splits.items()} == {"train": 3, "test": 1}
    # the vocabulary is that of what is trained on, so c is unknown
    assert data.field.classes[3:] == ("a", "b")
    assert data.store.read(data.indices("test"))[0].tolist() == [3, 4, UNKNOWN, END]


def test_files_whose_lines_are_texts_are_classes(tmp_path: Path) -> None:
    (tmp_path / "sea.txt").write_text("salt\nship\n")
    (tmp_path / "sky.txt").write_text("blue\n")
    data = open_data(tmp_path, modality="text:lines=true")
    assert data.classes == ("sea", "sky") and data.label_counts() == {"sea": 2, "sky": 1}


def test_json_lines_have_texts_and_labels(tmp_path: Path) -> None:
    path = tmp_path / "set.jsonl"
    rows = [{"text": "a\nb", "label": "x"}, {"text": "c", "label": 2}, {"text": "d", "label": "x"}]
    path.write_text("\n".join([*map(json.dumps, rows), "{", '{"label": "x"}', '{"text": "e", "label": []}']))
    data = open_data(path, modality="text")
    assert texts_of(data) == ["a\nb", "c", "d"] and data.label_counts() == {"2": 1, "x": 2}
    assert [file for file, _ in data.skipped] == ["set.jsonl:4", "set.jsonl:5", "set.jsonl:6"]


def test_texts_are_cropped_or_packed_to_a_length(lines: Path) -> None:
    cropped = open_data(lines, modality="text", length=4)
    assert texts_of(cropped) == ["one ", "two ", "red ", "blue"]
    assert "4 of 4 texts are longer than 3 symbols and are cropped: --length 10 takes all whole" in cropped.notes
    packed = open_data(lines, modality="text:pack=true", length=16)
    rows = packed.store.read(torch.arange(len(packed)))
    assert rows.shape == (3, 16) and (rows != PADDING).sum() == 8 * 3 + 9 + 4
    assert int((rows == END).sum()) == 4


def test_units_cases_and_encodings(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_bytes("The cat, the dog\nA café the cat\n".encode("latin-1"))
    with pytest.raises(DataError, match="text:encoding=latin-1"):
        open_data(path, modality="text")
    data = open_data(path, modality="text:encoding=latin-1,unit=words,lowercase=true,vocabulary=5")
    assert data.field.classes[3:] == (" the", " cat") and texts_of(data) == ["the cat � the �", "� � the cat"]


@pytest.mark.parametrize(
    ("content", "options", "says"),
    [
        (b"one\n", {}, r"1 document, but there must be 2"),
        (b"one\0two\nthree\n", {}, "NUL character in line 1"),
        ("one\ntwo\n".encode("utf-16"), {}, "UTF-16"),
        (bytes(range(1, 32)) * 9, {}, "no text but a binary file"),
        (b"one\ntwo\n", {"labels": "x.csv"}, "labels are the folders or files"),
        (b"one\ntwo\n", {"length": 1}, "needs 2 symbols"),
        (b"one\ntwo\n", {"size": 32}, "size"),
        (b"one\ntwo\n", {"channels": 1}, "channels"),
        (b"one\ntwo\n" * 99, {"memory_budget": 1000}, "more than the memory budget"),
        (b"one\ntwo\n", {"modality": "text:unit=syllables"}, "unit"),
    ],
)
def test_what_is_no_text_or_no_option_of_it_is_refused(tmp_path: Path, content: bytes, options, says: str) -> None:
    path = tmp_path / "bad.txt"
    path.write_bytes(content)
    with pytest.raises((DataError, UsageError), match=says):
        open_data(path, **{"modality": "text", **options})


def test_the_phrases_of_wordnet() -> None:
    data = open_data("wordnet-phrases")
    assert len(data) == 20_612 and data.shape == (33,) and len(data.field.classes) == 31
    assert len(data.indices("test")) == 2061 and "Princeton" in data.licence
    assert texts_of(data)[0] == "'after lunch' she said briskly"


@pytest.mark.parametrize(
    ("unit", "length", "wanted"),
    [
        ("words", 8, ["<s> is it Britain ? </s> </s> </s>", "<s> one two three four five six seven"]),
        ("characters", 16, ["<s>is it Britain", "<s>one two three"]),
        ("characters", 28, ["<s>is it Britain ?</s>>>>>>>", "<s>one two three four five s"]),
    ],
)
def test_printed_form(tmp_path: Path, unit: str, length: int, wanted: list[str]) -> None:
    """Valle 2019, chapter 8: samples read '<s> It 's Britain ? </s> </s> </s>'; what one-hot rows say is the text."""
    lines = ["is it Britain ?", "one two three four five six seven"]
    (tmp_path / "lines.txt").write_text("\n".join(lines) + "\n")
    kind = f"text:unit={unit},printed=true"
    data = open_data(tmp_path / "lines.txt", modality=kind, length=length)
    rows, field = data.batch(torch.arange(2)).main, data.spec.field
    soft = torch.nn.functional.one_hot(rows, len(field.classes)).float()
    assert strings(Modality().to_raw(soft, field), field) == wanted
    assert not (rows < 3).any()  # neither end nor padding
    reader = Modality(unit=unit, printed=True)
    assert all(torch.equal(reader.decode(line.encode(), field), row) for line, row in zip(lines, rows, strict=True))
    whole = open_data(tmp_path / "lines.txt", modality=kind)
    assert strings(whole.batch(torch.arange(2)).main, field)[1] == (
        "<s> {} </s>" if unit == "words" else "<s>{}</s>"
    ).format(lines[1])
    plain = open_data(tmp_path / "lines.txt", modality=f"text:unit={unit}", length=length)
    soft = torch.nn.functional.one_hot(plain.batch(torch.arange(2)).main, len(plain.spec.field.classes))
    assert all(
        line.startswith(said) for line, said in zip(lines, strings(soft.argmax(2), plain.spec.field), strict=True)
    )


def test_packed_texts_are_not_printed() -> None:
    with pytest.raises(UsageError, match="Leave one of them out"):
        Modality(pack=True, printed=True)
