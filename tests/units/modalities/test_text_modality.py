"""Text: symbols and strings, files, pictures of print, distances."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from belamy.errors import Unreadable, UsageError
from belamy.modalities import MODALITIES, modality
from belamy.modalities.fields import Field
from belamy.modalities.text import END, PADDING, SPECIAL, UNKNOWN, Modality, Vocabulary, ngram_bags, split, strings
from belamy.registry import Part

TEXTS = ["a cat", "a  dog — naïve?", "Don't\nstop", "", "漢字 and \U0001f600", " lead", "x_1, y’s 2"]


def field_of(texts: list[str], unit: str = "characters", length: int = 20) -> Field:
    return Field("text", (length,), Vocabulary.of(texts, unit).symbols)


def rows(texts: list[str], field: Field) -> torch.Tensor:
    known = Vocabulary(field.classes)
    return torch.tensor([known.row(text, field.shape[0]) for text in texts])


@pytest.mark.parametrize("unit", ["characters", "words"])
def test_texts_are_written_again_letter_by_letter(unit: str) -> None:
    field = field_of([*TEXTS, "a\n b", "\n"], unit)
    assert strings(rows([*TEXTS, "a\n b", "\n"], field), field) == [*TEXTS, "a\n b", "\n"]
    before = " " if unit == "words" else ""
    assert ["".join(split(text, unit == "words")).removeprefix(before) for text in TEXTS] == TEXTS


def test_a_vocabulary_is_by_frequency_then_by_letter() -> None:
    known = Vocabulary.of(["bba", "ac"], most=5)
    assert known.symbols == (*SPECIAL, "a", "b") and len(known) == 5
    assert known.numbers("abc") == [3, 4, UNKNOWN] and known.unknown("cabcz") == ["c", "z"]
    assert known.row("ab", 5) == [3, 4, END, PADDING, PADDING] and known.row("abab", 3) == [3, 4, 3]
    assert known.text([3, UNKNOWN, END, 4, END, PADDING]) == "a�\nb"
    words = Vocabulary.of(["the cat and the dog"], "words", most=4)
    assert words.words and words.symbols[3:] == (" the",) and words.text(words.numbers("the cat")) == "the �"


def test_files_are_utf_8_and_come_back() -> None:
    kind, field = Modality(), field_of(TEXTS)
    for row in rows(TEXTS, field):
        assert torch.equal(kind.decode(kind.encode(row, field), field), row)
    assert kind.decode(b"\xef\xbb\xbfa cat", field)[:5].tolist() == rows(["a cat"], field)[0, :5].tolist()
    latin = Modality(encoding="latin-1")
    assert strings(latin.decode("naïve".encode("latin-1"), field)[None], field) == ["naïve"]
    with pytest.raises(Unreadable, match="not utf-8: byte 3 is wrong"):
        kind.decode("naïve".encode("latin-1"), field)
    with pytest.raises(Unreadable, match="NUL"):
        kind.decode(b"a\0b", field)


def test_what_networks_make_becomes_symbols() -> None:
    kind, field = modality("text"), field_of(["abc"], length=2)
    assert torch.equal(kind.to_raw(torch.tensor([[9, -1], [3, 4]]), field), torch.tensor([[5, 0], [3, 4]]))
    scores = torch.nn.functional.one_hot(torch.tensor([[3, 5]]), 6).float()
    assert torch.equal(kind.to_raw(scores, field), torch.tensor([[3, 5]]))
    assert kind.to_float(torch.tensor([[3, 4]], dtype=torch.int32), field).dtype == torch.long


def test_texts_are_printed_whatever_their_letters() -> None:
    kind, field = Modality(), field_of(TEXTS)
    page = kind.sheet(rows(TEXTS, field), field)
    assert page.dtype == np.uint8 and page.ndim == 3 and (page < 100).any()
    empty = kind.sheet(rows([""], field), field)
    assert not (empty < 100).any()
    assert (kind.sheet(rows(["漢字"], field_of(TEXTS)), field) < 100).any()  # a mark stands where a letter cannot
    foreign = kind.sheet(rows(["漢字"], field_of(["漢字"])), field_of(["漢字"]))
    assert len(foreign) > len(kind.sheet(rows(["ab"], field_of(["ab"])), field_of(["ab"])))  # and a line says so
    many = kind.sheet(rows(["a cat"] * 5000, field), field)
    assert max(many.shape[:2]) <= 4000
    named = kind.sheet(rows(TEXTS[:2], field), field, captions=["one", "two"])
    assert (named != kind.sheet(rows(TEXTS[:2], field), field)).any()
    media = kind.media(rows(TEXTS, field), field)[0]
    assert media.mime == "text/plain" and media.data.decode().split("\n")[2] == "Don't / stop"


def test_facts_of_texts() -> None:
    field = field_of(["abc", "ab"], length=4)
    facts = Modality().describe(rows(["abcc", "ab", "z", ""], field), field)
    assert (facts["shortest"], facts["longest"], facts["mean_length"], facts["cropped"]) == (0, 4, 7 / 4, 1)
    assert (facts["symbols"], facts["once"], facts["unknown"]) == (3, 0, 1 / 7)


def test_distances_are_cosines_of_bags() -> None:
    field = field_of(TEXTS)
    far = Modality().distances(rows(["a cat", "a cat", "a dog"], field), rows(["a cat", "? — ?"], field), field)
    assert far.shape == (3, 2) and far[0, 0] == pytest.approx(0, abs=1e-6) and far[0, 0] == far[1, 0] < far[2, 0] < 1
    assert far[2, 0] < far[2, 1]
    bag = ngram_bags(["ab"])[0]  # ^, a, b, $; ^a, ab, b$; ^ab, ab$: nine n-grams, once each
    assert np.count_nonzero(bag) == 9 and bag.max() == pytest.approx(1 / 3)
    assert np.array_equal(ngram_bags(["", "ab"])[1], bag)


@pytest.mark.parametrize(
    ("part", "says"),
    [
        ("text:vocabulary=3", "must be 4 to 100,000"),
        ("text:unit=letters", "unit"),
        ("text:encoding=klingon", "which is none"),
        ("text:pakc=true", "pack"),
    ],
)
def test_wrong_options_are_refused(part: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        MODALITIES.build(Part.parse(part))
