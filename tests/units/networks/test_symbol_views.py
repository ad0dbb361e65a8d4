"""Gradients through symbols against the exact gradient of every text of two places and three symbols, in float64."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from itertools import product

import pytest
import torch
from torch import Tensor

from belamy.errors import UsageError
from belamy.methods.gan import VIEWS
from belamy.registry import Part
from belamy.seeds import Draws

NAMES = ["gumbel-softmax", "gumbel-softmax:temperature=0.2", "gumbel-softmax:hard=true", "straight-through"]
SHAPE = (2, 3)
SCORES = torch.tensor([[0.4, -0.3, 0.1], [-0.2, 0.5, 0.0]], dtype=torch.float64)
VALUES = torch.tensor([[1.0, -0.5, 0.3], [0.2, 0.8, -1.0]], dtype=torch.float64)


def view(name: str) -> torch.nn.Module:
    return VIEWS.build(Part.parse(name), shape=SHAPE, value_range=(0.0, 1.0))


def draw(step: int = 0) -> Draws:
    return Draws(0, step, dtype=torch.float64)


def linear(rows: Tensor) -> Tensor:
    """A score that is linear in each row.  # [n, 2, 3] to [n]"""
    return (rows * VALUES).sum((1, 2))


def curved(rows: Tensor) -> Tensor:
    """One that is not.  # [n, 2, 3] to [n]"""
    first, second = (rows * VALUES).sum(2).unbind(1)
    return torch.tanh(2 * first) + first.square() * second - second.exp() / 2


def exact(score: Callable[[Tensor], Tensor]) -> Tensor:
    """The gradient of the mean score of texts by the scores of symbols: the sum over all nine texts."""
    scores = SCORES.clone().requires_grad_()
    chances, total = scores.softmax(1), torch.zeros((), dtype=torch.float64)
    for text in product(range(3), repeat=2):
        rows = torch.nn.functional.one_hot(torch.tensor([text]), 3).double()
        total = total + chances[0, text[0]] * chances[1, text[1]] * score(rows)[0]
    (found,) = torch.autograd.grad(total, scores)
    return found


def estimated(name: str, score: Callable[[Tensor], Tensor], count: int = 100_000) -> Tensor:
    """The mean of a view's gradients."""
    scores = SCORES.clone().requires_grad_()
    seen = view(name)(scores.softmax(1).expand(count, *SHAPE), draw(), 0.0)
    (found,) = torch.autograd.grad(score(seen).mean(), scores)
    return found


def test_straight_through_is_unbiased_where_the_score_is_linear() -> None:
    torch.testing.assert_close(estimated("straight-through", linear), exact(linear), rtol=0, atol=1e-12)
    assert (estimated("straight-through", curved) - exact(curved)).abs().max() > 0.05


def test_the_gumbel_softmax_comes_near_the_exact_gradient_as_it_cools() -> None:
    wanted = exact(curved)
    errors = [float((estimated(f"gumbel-softmax:temperature={t}", curved) - wanted).abs().max()) for t in (2, 0.5, 0.1)]
    assert errors[0] > 2 * errors[1] and errors[1] > errors[2] and errors[2] < 0.02, errors
    assert wanted.abs().max() > 0.15


@pytest.mark.parametrize("name", NAMES)
def test_symbols_have_the_probabilities_of_the_generator(name: str) -> None:
    count, chances = 40_000, SCORES.softmax(1)
    drawn = view(name)(chances.expand(count, *SHAPE), draw(), 0.0).argmax(2)
    share = torch.stack([torch.bincount(place, minlength=3) for place in drawn.T]).double() / count
    assert ((share - chances).abs() < 5 * (chances * (1 - chances) / count).sqrt()).all()
    both = torch.bincount(drawn[:, 0] * 3 + drawn[:, 1], minlength=9).double().view(3, 3) / count
    assert (both - chances[0][:, None] * chances[1]).abs().max() < 0.01  # the places are independent


@pytest.mark.parametrize("name", NAMES)
def test_what_is_certain_stays_and_what_is_impossible_is_never_drawn(name: str) -> None:
    rows = torch.eye(3, dtype=torch.float64)[torch.tensor([[0, 2], [1, 1]])].requires_grad_()
    seen = view(name)(rows, draw(), 0.0)
    assert torch.equal(seen, rows)
    (gradient,) = torch.autograd.grad(seen.square().sum(), rows)
    assert gradient.isfinite().all()
    half = torch.tensor([0.5, 0.0, 0.5]).expand(500, 2, 3)
    assert not view(name)(half, Draws(0, 0), 0.0)[..., 1].any()


def test_the_gumbel_softmax_is_its_formula() -> None:
    chances = SCORES.softmax(1)[None]
    noise = -(-draw().uniform("gumbel-softmax", 1, *SHAPE).log()).log()
    wanted = ((chances.log() + noise) / 0.7).exp()
    found = view("gumbel-softmax:temperature=0.7")(chances, draw(), 0.0)
    torch.testing.assert_close(found, wanted / wanted.sum(2, keepdim=True))


@pytest.mark.parametrize("name", NAMES)
def test_draws_alone_decide_for_texts(name: str) -> None:
    made, rows = view(name), torch.rand(8, *SHAPE).softmax(2)
    whole, numbers = made(rows, Draws(0, 0), 0.0), Draws(0, 0)
    assert torch.equal(made(rows, numbers, 0.0), whole)
    assert not torch.equal(made(rows, numbers, 0.0), whole)
    halves = [made(rows[4 * rank :][:4], Draws(0, 0, rank, 2), 0.0) for rank in (0, 1)]
    assert torch.equal(torch.cat(halves), whole)
    assert made.observe(torch.zeros(3)) is None and not made.state_dict()


@pytest.mark.parametrize("name", ["gumbel-softmax", "straight-through"])
def test_pictures_are_refused_and_options_are_told(name: str) -> None:
    with pytest.raises(UsageError, match="draws symbols of texts"):
        VIEWS.build(Part(name=name), shape=(3, 8, 8), value_range=(-1.0, 1.0))
    text = inspect.getdoc(VIEWS.load(name)) or ""
    assert "References:" in text and all(f"{option}:" in text for option in VIEWS.options(name))
