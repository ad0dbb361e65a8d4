"""Path length regularisation: a generator whose Jacobian is known, the paper's weight, gradients, typical lengths."""

from dataclasses import replace
from math import log
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck

from belamy.errors import UsageError
from belamy.losses.penalties.path_length import Penalty
from belamy.losses.penalty_context import PenaltyContext
from belamy.seeds import Draws

LAYERS, WIDTH, SHAPE = 3, 2, (2, 4, 4)
EXACT = {"rtol": 1e-10, "atol": 1e-12}


def context(matrix: Tensor, latents: Tensor, step: int = 0) -> PenaltyContext:
    """Styles are the latents at half and full strength and squared; images a linear function of all of them."""
    nothing: Any = None

    def styles(z: Tensor) -> Tensor:
        return torch.stack([z / 2, z, z.square()], 1)

    return PenaltyContext(
        nothing, nothing, nothing, nothing, nothing, nothing, nothing, nothing, nothing, latents, styles,
        lambda w: (w.flatten(1) @ matrix).view(-1, *SHAPE), Draws(0, step, dtype=torch.float64), 0.0,
    )  # fmt: skip


def numbers(count: int = 5) -> tuple[Tensor, Tensor]:
    return torch.randn(LAYERS * WIDTH, 32, dtype=torch.float64), torch.randn(count, WIDTH, dtype=torch.float64)


def test_lengths_are_those_of_the_transposed_jacobian() -> None:
    (matrix, latents), penalty, typical = numbers(), Penalty().double(), 0.0
    for step in range(3):
        term = penalty(context(matrix, latents, step))
        y = Draws(0, step, dtype=torch.float64).normal("path-length", 5, *SHAPE).flatten(1)
        lengths = (y @ matrix.T).norm(dim=1)
        torch.testing.assert_close(term, (lengths - typical) ** 2 * 2 / (LAYERS * 16), **EXACT)
        typical = 0.99 * typical + 0.01 * float(lengths.mean())
        assert float(penalty.length) == pytest.approx(typical)


@pytest.mark.parametrize("halvings", [1, 3, 8])
def test_the_factor_is_the_papers(halvings: int) -> None:
    """Networks from 4 to r pixels have 2 log2(r) - 2 styles."""
    r = 4 * 2**halvings
    layers = 2 * (halvings + 1)
    assert 2 / (layers * r * r) == pytest.approx(log(2) / (r**2 * (log(r) - log(2))))


def test_a_share_of_the_batch_is_enough() -> None:
    matrix, latents = numbers()
    some = Penalty(shrink=2).double()(context(matrix, latents))
    assert len(some) == 3
    torch.testing.assert_close(some, Penalty().double()(context(matrix, latents[:3])), **EXACT)


def test_the_gradient_goes_through_the_jacobian() -> None:
    matrix, latents = numbers()

    def term(a: Tensor) -> Tensor:
        penalty = Penalty().double()
        penalty.length.fill_(2.0)
        return penalty(context(a, latents))

    assert gradcheck(term, matrix.requires_grad_())


def test_latents_of_generators_without_styles_are_left_as_they_are() -> None:
    matrix, latents = numbers()
    plain = replace(
        context(matrix, latents), styles=lambda z: z[:, None],
        synthesize=lambda w: (w[:, 0] @ matrix[:WIDTH]).view(-1, *SHAPE),
    )  # fmt: skip
    term = Penalty().double()(plain)
    y = Draws(0, 0, dtype=torch.float64).normal("path-length", 5, *SHAPE).flatten(1)
    lengths = (y @ matrix[:WIDTH].T).norm(dim=1)
    torch.testing.assert_close(term, lengths**2 * 2 / 16, **EXACT)
    assert not latents.requires_grad


@pytest.mark.parametrize(
    ("options", "message"),
    [({"decay": 0.0}, "decay is 0.*decay=0.01"), ({"decay": 1.5}, "decay is 1.5"), ({"shrink": 0}, "shrink is 0")],
)
def test_wrong_options_are_explained(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Penalty(**options)
