"""Distributions of a value: they sum to 1, are what the papers write, and are drawn from as they say."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from belamy.errors import UsageError
from belamy.methods.levels import LIKELIHOODS
from belamy.registry import Part

PARTS = [
    "bernoulli", "categorical:levels=2", "categorical:levels=7", "categorical",
    "logistic-mixture:components=1,levels=2", "logistic-mixture:components=3,levels=16", "logistic-mixture",
]  # fmt: skip


def law(part: str) -> Any:
    return LIKELIHOODS.build(Part.parse(part))


def numbers(found: Any, count: int = 5, spread: float = 2.0) -> Tensor:
    torch.manual_seed(1)
    return spread * torch.randn(count, found.parameters, dtype=torch.float64)


def test_every_likelihood_is_tested() -> None:
    assert {Part.parse(part).name for part in PARTS} == set(LIKELIHOODS.names())


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("spread", [0.1, 2.0, 30.0])
def test_probabilities_sum_to_one(part: str, spread: float) -> None:
    found = law(part)
    parameters = numbers(found, spread=spread)
    every = torch.arange(found.levels).expand(5, -1)
    told = found.log_prob(parameters[:, None].expand(-1, found.levels, -1), every)
    assert torch.isfinite(told).all()
    torch.testing.assert_close(told.exp().sum(1), torch.ones(5).double(), rtol=0, atol=1e-12)


@pytest.mark.parametrize("part", PARTS)
def test_draws_have_the_probabilities(part: str) -> None:
    """Of evenly spaced uniform numbers, each level gets its share."""
    found = law(part)
    parameters = numbers(found, 1).expand(40_000, -1)
    chance = torch.rand(40_000, found.chances, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    chance[:, -1] = torch.arange(40_000).double().add(0.5) / 40_000
    share = torch.bincount(found.pick(parameters, chance), minlength=found.levels) / 40_000
    wanted = found.log_prob(parameters[: found.levels], torch.arange(found.levels)).exp()
    assert float((share - wanted).abs().max()) < (1e-4 if found.chances == 1 else 0.02)


@pytest.mark.parametrize("part", PARTS)
def test_no_temperature_is_the_likeliest(part: str) -> None:
    found = law(part)
    parameters, chance = numbers(found, 200), torch.rand(200, found.chances, dtype=torch.float64)
    cold = found.pick(parameters, chance, 0)
    assert torch.equal(cold, found.pick(parameters, torch.rand_like(chance), 0))
    if found.chances == 1:
        every = torch.arange(found.levels).expand(200, -1)
        told = found.log_prob(parameters[:, None].expand(-1, found.levels, -1), every)
        assert torch.equal(cold, told.argmax(1))


def test_the_mixture_is_the_papers() -> None:
    """Differences of sigmoids, with open ends, written out."""
    found = law("logistic-mixture:components=2,levels=256")
    logits, means, scales = [0.3, -0.5], [-0.2, 0.6], [0.05, 0.4]
    parameters = torch.tensor([*logits, *means, *(math.log(4 * scale) for scale in scales)], dtype=torch.float64)
    shares = [math.exp(each) / sum(map(math.exp, logits)) for each in logits]

    def passed(place: float) -> float:
        both = zip(shares, means, scales, strict=True)
        return sum(share / (1 + math.exp(-(place - mean) / scale)) for share, mean, scale in both)

    for level in (0, 1, 100, 254, 255):
        value = level / 127.5 - 1
        low = 0.0 if level == 0 else passed(value - 1 / 255)
        high = 1.0 if level == 255 else passed(value + 1 / 255)
        told = found.log_prob(parameters, torch.tensor(level))
        assert float(told) == pytest.approx(math.log(high - low), abs=1e-10)


def test_a_uniform_softmax_has_eight_bits() -> None:
    told = law("categorical").log_prob(torch.zeros(3, 256, dtype=torch.float64), torch.tensor([0, 17, 255]))
    assert (-told / math.log(2)).tolist() == pytest.approx([8.0] * 3, abs=1e-12)


@pytest.mark.parametrize(
    ("part", "says"),
    [
        ("categorical:levels=1", "2 to 256 levels"),
        ("logistic-mixture:levels=257", "2 to 256 levels"),
        ("logistic-mixture:components=0", "it must be 1 to 1000"),
        ("bernouli", "Did you mean 'bernoulli'"),
    ],
)
def test_wrong_options(part: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        law(part)
