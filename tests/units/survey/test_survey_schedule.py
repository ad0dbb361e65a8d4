"""Who sees what: nothing twice, everything equally often, sides, truth and exposures in balance."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Any

import pytest

from belamy.errors import UsageError
from belamy.survey.design import (
    CATCH,
    EASIER,
    FAST,
    HARDER,
    LONGEST,
    MAIN,
    PARTNER,
    PRACTICE,
    SHORTEST,
    Design,
    climbed,
)
from belamy.survey.schedule import SurveyTrial, schedule


def plan(kind: str, **changes: Any) -> Design:
    given: dict[str, Any] = {
        "kind": kind, "medium": "image", "sources": ("real", "one", "two"), "real": 0, "trials": 24, "practice": 4,
        "catch": 3, **changes,
    }  # fmt: skip
    return Design(**given)


def pool_of(design: Design, count: int = 40) -> dict[tuple[int, str], list[int]]:
    """Numbers: the source times 1000, and the roles after each other."""
    pool: dict[tuple[int, str], list[int]] = {}
    for source in range(len(design.sources)):
        number = 1000 * source
        for role, wanted in {**design.reserve(source), MAIN: count}.items():
            pool[source, role] = list(range(number, number + wanted))
            number += wanted
    pool[design.partner, CATCH] = list(range(9000, 9000 + design.catch))
    return pool


def main_trials(design: Design, pool: dict[tuple[int, str], list[int]], participant: int) -> list[SurveyTrial]:
    return [trial for trial in schedule(design, pool, participant) if trial.role == MAIN]


PLANS = {
    "categorise": plan("categorise", exposures=(100, 250, 500)),
    "categorise-one": plan("categorise", sources=("real", "one")),
    "choose": plan("choose", exposures=(100, 1000)),
    "rank": plan("rank"),
    "rank-four": plan("rank", sources=("a", "b", "c", "d"), real=None, trials=25),
    "mos": plan("mos", trials=25),
}


@pytest.mark.parametrize("design", PLANS.values(), ids=PLANS.keys())
def test_nobody_sees_anything_twice_and_all_is_there(design: Design) -> None:
    pool = pool_of(design)
    for participant in range(6):
        trials = schedule(design, pool, participant)
        assert trials == schedule(design, pool, participant)
        seen = [stimulus for trial in trials for stimulus in trial.stimuli]
        assert len(seen) == len(set(seen))
        assert Counter(trial.role for trial in trials) == {
            PRACTICE: design.practice, CATCH: design.catch, MAIN: design.trials,
        }  # fmt: skip
        assert [trial.role for trial in trials[: design.practice]] == [PRACTICE] * design.practice
        for trial in trials:
            roles = {role for (_, role), held in pool.items() if set(held) & set(trial.stimuli)}
            assert roles <= ({CATCH, PARTNER} if trial.role == CATCH else {trial.role})


@pytest.mark.parametrize("design", PLANS.values(), ids=PLANS.keys())
def test_each_stimulus_is_shown_equally_often(design: Design) -> None:
    """Up to one, over any number of participants."""
    pool = pool_of(design)
    shown: Counter[int] = Counter()
    for participant in range(7):
        shown.update(stimulus for trial in main_trials(design, pool, participant) for stimulus in trial.stimuli)
        for source in range(len(design.sources)):
            counts = [shown[stimulus] for stimulus in pool[source, MAIN]]
            assert max(counts) - min(counts) <= 1


def test_real_fake_models_and_exposures_are_balanced_within_a_participant() -> None:
    design = PLANS["categorise"]
    for participant in range(4):
        trials = main_trials(design, pool_of(design), participant)
        assert Counter(trial.stimuli[0] // 1000 for trial in trials) == {0: 12, 1: 6, 2: 6}
        cells = Counter((trial.stimuli[0] // 1000, trial.exposure) for trial in trials)
        assert {cells[0, exposure] for exposure in design.exposures} <= {3, 4, 5}
        assert {cells[source, exposure] for source in (1, 2) for exposure in design.exposures} <= {1, 2, 3}


def test_each_stimulus_meets_every_exposure() -> None:
    """With as many stimuli as a participant judges, the wheel turns by one from round to round."""
    design = plan("categorise", sources=("real", "one"), exposures=(100, 250, 500))
    pool = pool_of(design, count=12)
    cells = Counter((trial.stimuli[0], trial.exposure) for who in range(6) for trial in main_trials(design, pool, who))
    assert len(cells) == 24 * 3 and set(cells.values()) == {2}


@pytest.mark.parametrize("name", ["choose", "rank", "rank-four"])
def test_sides_and_pairs_are_balanced(name: str) -> None:
    design = PLANS[name]
    pool = pool_of(design)
    sides: Counter[tuple[int, ...]] = Counter()
    for participant in range(12):
        own = Counter(tuple(sorted(s // 1000 for s in t.stimuli)) for t in main_trials(design, pool, participant))
        assert max(own.values()) - min(own.values()) <= 1
        assert all(len(set(pair)) == 2 for pair in own)
        sides.update(tuple(s // 1000 for s in t.stimuli) for t in main_trials(design, pool, participant))
    for left, right in sides:
        assert abs(sides[left, right] - sides[right, left]) <= 4, sides


def test_orders_differ_between_participants_and_seeds() -> None:
    design, pool = PLANS["categorise"], pool_of(PLANS["categorise"])
    first, second = (schedule(design, pool, who) for who in (0, 40))  # 40 rounds on, the same stimuli come again
    other = schedule(plan("categorise", exposures=(100, 250, 500), seed=1), pool, 0)
    assert first != second and first != other
    truths = [trial.stimuli[0] >= 1000 for trial in first if trial.role == MAIN]
    assert 4 < sum(one != other for one, other in pairwise(truths)) < 23  # neither blocks nor turns


def test_catch_trials_are_spread_over_the_session() -> None:
    design = PLANS["categorise"]
    for participant in range(5):
        trials = schedule(design, pool_of(design), participant)[design.practice :]
        places = [place for place, trial in enumerate(trials) if trial.role == CATCH]
        thirds = [place * 3 // len(trials) for place in places]
        assert len(places) == 3 and thirds[0] == 0 and thirds[-1] == 2


def test_a_staircase_settles_where_three_of_four_are_right() -> None:
    """Deterministic: right in exactly three of four answers, the exposure goes nowhere."""
    assert climbed([False, *[True, True, True, False] * 50]) == LONGEST // 2 + EASIER
    assert climbed([True] * 1000) == SHORTEST and climbed([False] * 1000) == LONGEST
    assert climbed([True]) == LONGEST // 2 - FAST * HARDER and climbed([False, True]) == LONGEST // 2 + EASIER - HARDER


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"kind": "rate"}, "There is no kind of survey 'rate'."),
        ({"trials": 0}, "--trials is 0"),
        ({"trials": 7}, "half of them are real"),
        ({"exposures": (20,)}, "50..1000 ms"),
        ({"sources": ("one",), "real": None}, "--against DATA"),
        ({"kind": "rank", "sources": ("one",), "real": None}, "two or more"),
        ({"kind": "mos", "staircase": True}, "--kind categorise"),
        ({"kind": "mos", "exposures": (100,)}, "categorise and choose"),
        ({"medium": "sound", "exposures": (100,)}, "heard whole"),
    ],
)
def test_plans_that_cannot_be(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says.replace(".", r"\.")):
        plan(**{"kind": "categorise", **changes})


def test_a_plan_survives_its_json() -> None:
    design = plan("choose", exposures=(100, 1000), protocol={"sources": {"real": {"count": 3}}})
    assert Design.from_json(design.as_json()) == design
