"""Verdicts: read back from JSON as they were, set side by side, and shown."""

from __future__ import annotations

import json
from dataclasses import replace
from math import inf, isnan, nan

import numpy as np
import pytest
import torch

from belamy.errors import DataError, UsageError
from belamy.evaluation.card import Card
from belamy.evaluation.contrast import Contrast
from belamy.evaluation.measures import Measure, number
from belamy.evaluation.statistics import Interval
from belamy.evaluation.verdict import Verdict
from belamy.pages.charts import interval_chart

CARD = Card("judge", "abc", 128, "data", "test", 100, 50, 0, "none", metrics={"frechet": "", "kernel": "size=10"})


def verdict(name: str, value: float, reach: float = 1.0, **card: object) -> Verdict:
    """One that found a Fréchet distance with an interval of this half width."""
    interval = Interval(value, value - reach, value + reach)
    measure = Measure("frechet", value, interval, 0.5, Interval(0.5, 0.0, 1.0), "frechet", {"noise": 99.0})
    return Verdict({"name": name}, {"name": "mnist", "split": "test"}, Card(**{**CARD.as_json(), **card}), (measure,))


def test_json_holds_what_there_was() -> None:
    found = verdict("a", 7.25)
    again = Verdict.parse(json.loads(json.dumps(found.as_json(), allow_nan=False)))
    assert again == found and again["frechet"] == 7.25


def test_numbers_that_are_not_finite_survive_strict_json() -> None:
    measures = (Measure("support", inf, Interval(inf, 3.0, inf)), Measure("kl", nan))
    found = Verdict({"name": "a"}, {"name": "b", "split": "test"}, CARD, measures)
    again = Verdict.parse(json.loads(json.dumps(found.as_json(), allow_nan=False)))
    assert again["support"] == inf and isnan(again["kl"]) and again.measures[0].interval == (inf, 3.0, inf)


@pytest.mark.parametrize("missing", ["measures", "subject", "against", "card", "notes"])
def test_what_lacks_a_part_is_no_verdict(missing: str) -> None:
    facts = verdict("a", 1.0).as_json()
    del facts[missing]
    with pytest.raises(DataError, match=f"no result of `belamy evaluate --json` .*'{missing}'"):
        Verdict.parse(facts)


def test_like_real_are_numbers_whose_intervals_meet() -> None:
    assert verdict("a", 1.5).measures[0].like_real and not verdict("a", 7.0).measures[0].like_real
    assert not Measure("frechet", 1.5, None, 0.5, None).like_real
    same = Interval(0.9, 0.8, 1.0)
    assert not Measure("label-fidelity-real", 0.9, same, 0.9, same).like_real


def test_the_table_shows_floor_controls_and_warnings_where_there_are_any() -> None:
    table = verdict("a", 7.0).table()
    assert "real images" in table and "noise" in table and "99" in table and "6 … 8" in table
    plain = Verdict({"name": "a"}, {"name": "b", "split": "test"}, CARD, (Measure("kl", 0.5),), ("Beware.",)).table()
    assert "real images" not in plain and "! Beware." in plain


class TestContrast:
    def test_pairs_whose_intervals_meet_are_named(self) -> None:
        told = Contrast((verdict("a", 1.0), verdict("b", 2.5), verdict("c", 9.0))).same()
        assert told == ["frechet: a and b are not significantly different."]
        apart = Contrast((verdict("a", 1.0), verdict("c", 9.0))).same()
        assert apart == ["All intervals lie apart: every difference is significant."]
        other = replace(verdict("c", 9.0), measures=(Measure("kl", 0.5),))
        assert Contrast((verdict("a", 1.0), other)).same()[0].startswith("No measure is in all of them")

    def test_other_seeds_versions_and_averages_may_stand_in_one_table(self) -> None:
        found = Contrast((verdict("a", 1.0), verdict("a", 9.0, seed=4, averaged=True, versions={"torch": "9"})))
        found.check()
        assert found.names == ["a (1)", "a (2)"] and "different versions of torch" in found.table()

    def test_metrics_that_one_alone_has_do_not_matter(self) -> None:
        Contrast((verdict("a", 1.0), verdict("b", 1.0, metrics={"frechet": ""}))).check()

    def test_what_differs_is_named_with_what_to_type(self) -> None:
        found = Contrast((verdict("a", 1.0), verdict("b", 1.0, n_generated=9, metrics={"kernel": "size=5"})))
        with pytest.raises(UsageError, match=r"n_generated \(50 against 9\); metric kernel \(size=10 against size=5\)"):
            found.check()
        with pytest.raises(UsageError, match="the same --count, --metrics, or type --label"):
            found.check()
        assert not found.as_json()["comparable"] and found.as_json()["same"] == []

    def test_a_difference_between_later_ones_is_seen(self) -> None:
        options: tuple[dict[str, str], ...] = ({}, {"kernel": "size=1"}, {"kernel": "size=2"})
        found = Contrast(tuple(verdict(str(at), 1.0, metrics=each) for at, each in enumerate(options)))
        with pytest.raises(UsageError, match=r"metric kernel \(– against size=1 against size=2\)"):
            found.check()


def test_the_page_shows_pictures_and_escapes_names() -> None:
    plain = verdict("<b>a</b>", 7.0)
    found = Verdict(
        plain.subject, plain.against, plain.card, plain.measures, ("A & B",),
        {"Judged": np.zeros((8, 32, 3), np.uint8)}, {"Pairs": torch.zeros(8, 16, dtype=torch.uint8)},
    )  # fmt: skip
    page = found.page()
    assert page.count("data:image/") == 2 and "<b>a</b>" not in page and "A &amp; B" in page
    assert "99" in page and "<table" in found._repr_html_()


def test_what_is_infinite_is_a_word_and_what_has_no_upper_end_too() -> None:
    table = Verdict(
        {"name": "a"}, {"name": "b", "split": "test"}, CARD, (Measure("support", inf, Interval(inf, 3.0, inf)),)
    ).table()
    assert "infinite" in table and "3 or more" in table and "… inf" not in table


def test_numbers_have_four_digits() -> None:
    assert [number(value) for value in (0.00012345, 999.94, 1234567.0, inf)] == [
        "0.0001234",
        "999.9",
        "1,234,567",
        "infinite",
    ]


def test_the_chart_of_intervals_draws_what_is_finite() -> None:
    drawn = interval_chart({"a": [(1.0, 0.5, 1.5)], "b": [(2.0, 2.0, 2.0)], "c": [(inf, 1.0, inf)]}, "Distance")
    assert drawn.count("<circle") == 2 and drawn.count('class="name"') == 3
    assert interval_chart({"c": [(inf, 1.0, inf)]}, "Distance").count("<circle") == 0
