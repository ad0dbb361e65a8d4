"""Learning-rate schedules against their formulas."""

from math import cos, pi

import pytest

from belamy.errors import UsageError
from belamy.methods.recipe import SCHEDULES
from belamy.registry import Part

TOTAL = 1000


def factor(part: str, samples: int, step: int = 0) -> float:
    return SCHEDULES.build(Part.parse(part), total=TOTAL)(samples, step)


def test_constant() -> None:
    assert {factor("constant", samples, samples) for samples in (0, 1, 999, 5000)} == {1.0}


@pytest.mark.parametrize("samples", [0, 1, 250, 500, 999, 1000])
def test_cosine(samples: int) -> None:
    assert factor("cosine", samples) == pytest.approx((1 + cos(pi * samples / TOTAL)) / 2)
    assert factor("cosine:end=0.1", samples) == pytest.approx(0.1 + 0.9 * (1 + cos(pi * samples / TOTAL)) / 2)


def test_cosine_warms_up_to_the_full_rate() -> None:
    assert [factor("cosine:warmup=0.2", samples) for samples in (0, 50, 100, 200)] == pytest.approx([0, 0.25, 0.5, 1])
    assert factor("cosine:warmup=0.2", 600) == pytest.approx(0.5)
    assert factor("cosine:warmup=0.2", 1000) == pytest.approx(0)


def test_linear() -> None:
    assert [factor("linear", samples) for samples in (0, 250, 1000)] == pytest.approx([1, 0.75, 0])
    late = [factor("linear:start=0.5,end=0.2", samples) for samples in (0, 500, 750, 1000)]
    assert late == pytest.approx([1, 1, 0.6, 0.2])
    assert [factor("linear:start=0.5,warmup=0.1", s) for s in (0, 50, 100, 500)] == pytest.approx([0, 0.5, 1, 1])


def test_inverse_time_is_keras_decay() -> None:
    for step in (0, 1, 10, 100_000):
        assert factor("inverse-time:decay=1e-4", 0, step) == pytest.approx(1 / (1 + 1e-4 * step))


@pytest.mark.parametrize("name", SCHEDULES.names())
def test_a_run_longer_than_planned_ends_at_the_last_rate(name: str) -> None:
    """A last batch may go beyond the total."""
    assert 0 <= factor(name, TOTAL + 64, 0) <= 1
    assert factor(name, TOTAL + 64, 0) == pytest.approx(factor(name, TOTAL, 0))


def test_stepped() -> None:
    assert [factor("stepped:at=0.6,factor=0.25", samples) for samples in (0, 599, 600, 1000)] == [1, 1, 0.25, 0.25]


@pytest.mark.parametrize(("part", "said"), [("stepped:at=1.5", "stepped.at is 1.5"), ("stepped:factor=-1", "negative")])
def test_a_step_that_cannot_be(part: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        factor(part, 0)
