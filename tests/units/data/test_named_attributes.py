"""Captions of faces read back: the attributes that were put into words."""

from __future__ import annotations

import pytest
import torch

from belamy.data import open_data
from belamy.data.attribute_captions import HAIR, SKIN, WORN, attribute_captions, named_attributes
from belamy.data.dataset import Attribute


def test_what_is_put_into_words_is_read_back() -> None:
    """Of all drawn faces, in each of two tellings; the first is that of the data."""
    known = open_data("avatars-16", offline=True).attributes
    columns = {name: [each.values[code] for code in each.codes.tolist()] for name, each in known.items()}
    first, second = attribute_captions(known), attribute_captions(known, 1)
    assert sum(one == other for one, other in zip(first, second, strict=True)) < len(first) / 10
    for texts in (first, second):
        for face, text in enumerate(texts[:400]):
            read = named_attributes(text)
            assert read["hair colour"] == HAIR[columns["hair_color"][face]]
            assert read["hair length"] == ("long" if columns["long_hair"][face] == "yes" else "short")
            assert read["skin"] == SKIN[columns["skin"][face]]
            for name in ("mouth", "eyes"):
                assert name not in columns or read[name] == columns[name][face]
            for name in ("bun", *WORN):
                assert name not in columns or (read.get(name, "no") == columns[name][face])


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("", {}),
        ("a face with short hair", {"hair length": "short"}),
        ("dark skin and fair skin", {"skin": "dark and fair"}),
        ("a person with long red hair and a bun and a winking eye",
         {"hair length": "long", "hair colour": "red", "bun": "yes", "eyes": "wink"}),
        ("a smiling mouth, a smile", {"mouth": "smile"}),
        ("a capital with smilers", {}),
    ],
)  # fmt: skip
def test_reading(text: str, read: dict[str, str]) -> None:
    assert named_attributes(text) == read


def test_the_telling_does_not_change_that_of_the_data() -> None:
    codes = torch.tensor([1, 0])
    known = {"smile": Attribute(("no", "yes"), codes), "hat": Attribute(("no", "yes"), codes)}
    as_ever = ["a face with a cap and a smiling mouth", "a person with a frown"]
    assert attribute_captions(known) == attribute_captions(known, 0) == as_ever
