"""Expressions: how they are read, what they are worth, and where they are wrong."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from belamy.editing.expressions import LONGEST, Group, Label, Leaf, Malformed, PictureFile, Seed, Word, parse
from belamy.errors import UsageError

VECTORS = {
    "mean(a)": torch.tensor([1.0, 2.0], dtype=torch.float64),
    "mean(b)": torch.tensor([10.0, -3.0], dtype=torch.float64),
    "seed(3)": torch.tensor([0.5, 0.25], dtype=torch.float64),
}


def find(leaf: Leaf) -> Tensor:
    return VECTORS[str(leaf)]


A, B, S = VECTORS.values()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a - a + b", B),
        ("mean(a) - mean(a) + mean(b)", B),
        ("a + b - a - b", torch.zeros(2, dtype=torch.float64)),
        ("2 * (a + b) / 2", A + B),
        ("a - b - seed(3)", A - B - S),
        ("a - (b - seed(3))", A - B + S),
        ("-a + 2*b", 2 * B - A),
        ("a + b * 3", A + 3 * B),
        ("- -a", A),
        ("6 / 2 / 3 * a", A),
        ("(1 - 0.25) * a + .25 * b", 0.75 * A + 0.25 * B),
        ("1.5e1*a", 15 * A),
        ("mean(a, b)", (A + B) / 2),
        ("mean(a, b, seed(3))", (A + B + S) / 3),
        ("mean(2*a)", 2 * A),
    ],
)
def test_values(text: str, expected: Tensor) -> None:
    assert torch.allclose(parse(text).value(find), expected, rtol=1e-15, atol=1e-15)


@pytest.mark.parametrize(
    ("text", "leaves"),
    [
        ("mean(glasses) - mean(plain)", [Group((Word("glasses"),)), Group((Word("plain"),))]),
        ("mean(thick 7)", [Group((Word("thick"), Word("7")))]),
        ("thick 7 * 2", [Group((Word("thick"), Word("7")))]),
        ("mean(7)", [Group((Word("7"),))]),
        ("mean(7, 1)", [Group((Word("7"),)), Group((Word("1"),))]),
        ("mean(not beard hair=red)", [Group((Word("beard", wanted=False), Word("hair", "red")))]),
        ("mean(high(thickness) 1)", [Group((Word("high", measure="thickness"), Word("1")))]),
        ('mean("T-shirt/top")', [Group((Word("T-shirt/top"),))]),
        ("seed(3, 5)", [Seed(3, 5)]),
        ("image('my photo.png') + label(7)", [PictureFile("my photo.png"), Label("7")]),
        ("mean(smile) + smile", [Group((Word("smile"),))]),
        ("seed + 1 * mean", [Group((Word("seed"),)), Group((Word("mean"),))]),
    ],
)
def test_leaves(text: str, leaves: list[Leaf]) -> None:
    assert parse(text).leaves() == leaves


@pytest.mark.parametrize("text", ["mean(thick 7)", "mean(not beard hair=red)", "seed(3, 5)", "mean(high(width))"])
def test_what_is_written_is_what_is_read(text: str) -> None:
    (leaf,) = parse(text).leaves()
    assert str(leaf) == text and parse(str(leaf)).leaves() == [leaf]


@pytest.mark.parametrize(
    ("text", "at", "says"),
    [
        ("", 1, "is empty"),
        ("   ", 4, "is empty"),
        ("mean(glasses", 13, "mean( is not closed"),
        ("mean()", 6, "not expected here"),
        ("a +", 4, "missing here"),
        ("a * / b", 5, "'/' is not expected"),
        ("(a + b", 7, "bracket at character 1 is not closed"),
        ("a + b)", 6, "closes nothing"),
        ("7 7", 3, "'7' is not expected"),
        ("a; b", 2, "';' has no meaning"),
        ("a.real", 2, "'.' has no meaning"),
        ("a ** b", 4, "'*' is not expected"),
        ("'abc", 1, "quotes are not closed"),
        ("seed(x)", 6, "whole numbers"),
        ("seed(-1)", 6, "whole numbers"),
        ("seed(1.5)", 6, "whole numbers"),
        ("image(photo)", 7, "a file in quotes"),
        ("men(a)", 1, "no function 'men'. Did you mean 'mean'"),
        ("__import__('os')", 1, "no function '__import__'"),
        ("high()", 6, "needs a measure"),
        ("hair=", 6, "needs a value"),
        ("not", 4, "needs a word"),
        ("mean(a,)", 8, "not expected"),
        ("(" * 60, 51, "within each other"),
        ("-" * 60 + "a", 51, "within each other"),
    ],
)
def test_malformed(text: str, at: int, says: str) -> None:
    with pytest.raises(Malformed) as caught:
        parse(text)
    assert says in str(caught.value) and f"At character {at} of" in str(caught.value) and "→" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "at", "says"),
    [
        ("a * b", 3, "no product"),
        ("a + 1", 3, "do not add up"),
        ("1 / a", 3, "Only a number can divide"),
        ("a / (1 - 1)", 3, "divides by 0"),
        ("7 - 1", 3, "is a number, 6"),
        ("mean(a, 2 * 3)", 1, "not of numbers"),
    ],
)
def test_meaningless(text: str, at: int, says: str) -> None:
    with pytest.raises(Malformed) as caught:
        parse(text).value(find)
    assert says in str(caught.value) and f"At character {at} of" in str(caught.value)


def test_long_expressions_are_read_and_longer_ones_refused() -> None:
    terms = "+".join("a" * 400)
    assert torch.equal(parse(terms).value(find), 400 * A)
    with pytest.raises(UsageError, match="at most 1,000"):
        parse("a" * (LONGEST + 1))


def test_a_leaf_is_asked_for_once() -> None:
    asked = []

    def counting(leaf: Leaf) -> Tensor:
        asked.append(str(leaf))
        return find(leaf)

    parse("a - a + b * 2 - b").value(counting)
    assert asked == ["mean(a)", "mean(b)"]
