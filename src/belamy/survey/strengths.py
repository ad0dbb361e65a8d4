"""Strengths of sources from pairwise choices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from belamy.evaluation.intervals import about
from belamy.evaluation.statistics import Interval

if TYPE_CHECKING:
    from torch import Tensor

STEPS, EXACT = 100, 1e-12
PSEUDO = 0.5
"""Choices added to each side of every pair that was shown, where the likelihood has no maximum."""


@dataclass(frozen=True)
class Strengths:
    """What pairwise choices say.

    Args:
        values: Log-odds, with mean 0: i is chosen over j with the chance 1 / (1 + exp(θj - θi)).  # [S] float64
        covariance: Of the values, if all choices are independent.  # [S, S]
        over_participants: The same, if only participants are.  # [S, S]
        helped: Whether half a choice had to be added to each side of every pair.
    """

    values: Tensor
    covariance: Tensor
    over_participants: Tensor
    helped: bool

    def intervals(self, participants: bool) -> list[Interval]:
        """The strengths with intervals over choices, or over participants."""
        errors = (self.over_participants if participants else self.covariance).diagonal().clamp(min=0).sqrt()
        return [about(value, error) for value, error in zip(self.values.tolist(), errors.tolist(), strict=True)]


def bradley_terry(choices: Sequence[tuple[int, int, int]], sources: int) -> Strengths:
    r"""The maximum-likelihood strengths of the Bradley–Terry model, by Newton's method.

    .. math:: \ell(\theta) = \sum_{(w,l)} \log\sigma(\theta_w-\theta_l), \qquad
        \operatorname{cov} \hat\theta = (-\nabla^2 \ell)^+, \qquad
        \operatorname{cov}_{p} \hat\theta = H^+\Bigl(\tfrac{g}{g-1}\sum_p s_p s_p^\top\Bigr)H^+

    where ``s_p`` is the gradient of one participant's choices and ``H`` minus the Hessian. The maximum exists if and
    only if no set of sources won all its comparisons with the others; otherwise half a choice is added to each side of
    every pair that was shown, and ``helped`` says so.

    References:
        Bradley & Terry 1952, "Rank analysis of incomplete block designs I"; when the maximum exists: Ford 1957,
        "Solution of a ranking problem from binary comparisons"; the covariance over participants: Liang & Zeger 1986.

    Args:
        choices: Participant, winner, loser.
        sources: How many sources there are.

    Example:
        >>> bradley_terry([(0, 0, 1)] * 3 + [(0, 1, 0)], 2).values.diff().tolist()[0] + 1.0986122886681098 < 1e-9
        True
    """
    import torch

    wins = torch.zeros(sources, sources, dtype=torch.float64)
    for _, winner, loser in choices:
        wins[winner, loser] += 1
    helped = not _connected(wins)
    if helped:
        wins = wins + PSEUDO * ((wins + wins.T) > 0)
    theta = torch.zeros(sources, dtype=torch.float64)
    for _ in range(STEPS):
        gradient, information = _derivatives(theta, wins)
        step = torch.linalg.pinv(information, hermitian=True) @ gradient
        theta = theta + step / max(1.0, float(step.abs().max()))
        if float(step.abs().max()) < EXACT:
            break
    inverse = torch.linalg.pinv(_derivatives(theta, wins)[1], hermitian=True)
    return Strengths(theta - theta.mean(), inverse, inverse @ _meat(theta, choices) @ inverse, helped)


def _derivatives(theta: Tensor, wins: Tensor) -> tuple[Tensor, Tensor]:
    """The gradient [S] and minus the Hessian [S, S] of the log-likelihood."""
    chance = (theta[:, None] - theta[None, :]).sigmoid()  # of the row over the column
    shown = wins + wins.T
    weights = shown * chance * (1 - chance)
    return (wins - shown * chance).sum(1), weights.sum(1).diag() - weights


def _meat(theta: Tensor, choices: Sequence[tuple[int, int, int]]) -> Tensor:
    """Squares of the participants' gradients, [S, S]."""
    import torch

    who, winner, loser = torch.tensor(choices).T
    people, place = who.unique(return_inverse=True)
    surprise = (theta[loser] - theta[winner]).sigmoid()
    scores = torch.zeros(len(people), len(theta), dtype=theta.dtype)
    scores.index_put_((place, winner), surprise, accumulate=True)
    scores.index_put_((place, loser), -surprise, accumulate=True)
    return scores.T @ scores * (len(people) / max(1, len(people) - 1))


def _connected(wins: Tensor) -> bool:
    """Whether from each source a chain of wins leads to each other one."""
    from scipy.sparse.csgraph import connected_components

    return bool(connected_components(wins.numpy() > 0, connection="strong", return_labels=False) == 1)
