"""The bounds of options, the text that is printed, and the classes that labels name."""

from __future__ import annotations

from typing import Annotated

import pytest

from belamy.cli.options import VerbOptions, Within, options
from belamy.errors import UsageError, plain
from belamy.registry import Part
from belamy.sampling.draw import class_number


@pytest.mark.parametrize(
    ("bound", "value", "says"),
    [
        (Within(1, 64), 0, "--x is 0, but it must be in 1..64."),
        (Within(1, 10_000), 10_001, "--x is 10,001, but it must be in 1..10,000."),
        (Within(0), -1, "--x is -1, but it must be at least 0."),
        (Within(0, above=True), 0.0, "--x is 0, but it must be above 0."),
        (Within(0, 1, above=True), 0.0, "--x is 0, but it must be above 0 and at most 1."),
    ],
)
def test_bounds(bound: Within, value: float, says: str) -> None:
    with pytest.raises(UsageError) as refused:
        bound.check("--x", value)
    assert str(refused.value) == says
    bound.check("--x", 1)


@options
class Asked(VerbOptions):
    """Some numbers."""

    seeds: tuple[Annotated[int, Within(0)], ...] = ()
    """Whole numbers."""
    share: float | None = None
    """Any number."""


def test_bounds_hold_inside_of_tuples_and_numbers_are_finite() -> None:
    Asked(seeds=(0, 3), share=1.5).refuse()
    with pytest.raises(UsageError, match="--share is nan, but it must be a finite number"):
        Asked(share=float("nan")).refuse()
    with pytest.raises(UsageError, match="--seeds is -1, but it must be at least 0"):
        Asked(seeds=(4, -1)).refuse()


def test_text_that_a_terminal_would_obey() -> None:
    assert plain("a\x1b[31m\x00\x9b\u202eb\tc\nd é") == "a\\u001b[31m\\u0000\\u009b\\u202eb\tc\nd é"


def test_a_parts_option_is_given_once() -> None:
    with pytest.raises(UsageError, match="gives weight twice"):
        Part.parse("r1:weight=1,every=2,weight=1")


def test_names_go_before_numbers() -> None:
    classes = ("1", "2", "cat")
    assert [class_number(label, classes) for label in ("1", "2", "cat", "0")] == [0, 1, 2, 0]
    for label in ("3", "-1", "dog", ""):
        with pytest.raises(UsageError, match="no class"):
            class_number(label, classes)
