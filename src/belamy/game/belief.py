"""What a discriminator's score says: a probability that a point is of the data, if the loss gives it that meaning."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.func import grad, vmap

REACH = 30.0
STEPS = 4001
PROPER = 0.6
"""A loss states beliefs if these change by more than this over all scores; a critic's, as Wasserstein's, do not."""


@dataclass(frozen=True)
class Belief:
    r"""From scores to probabilities, read off the loss itself.

    If a share r of the points with one score s are data, the best s has
    :math:`r\,\ell_1'(s) + (1-r)\,\ell_0'(s) = 0`, with the discriminator's losses of real and of generated samples; so

    .. math:: r(s) = \frac{\ell_0'(s)}{\ell_0'(s) - \ell_1'(s)},

    the logistic function for the cross-entropy, s itself for least squares in 0-1 coding, a step for hinge. A loss that
    compares two scores is read with one of them 0; then scores mean something up to a constant only.

    References:
        Reid & Williamson 2010, arXiv 0912.3301, section 6 (inverse link of a composite loss).

    Args:
        scores: Where the function is tabulated, rising.
        beliefs: In 0..1 at these scores.
        relative: Whether scores are known up to a constant only.
    """

    scores: np.ndarray
    beliefs: np.ndarray
    relative: bool

    def __call__(self, scores: np.ndarray, origin: float = 0.0) -> np.ndarray:
        """The probabilities that scores state."""
        return np.interp(scores - origin, self.scores, self.beliefs)

    def origin(self, real: np.ndarray, fake: np.ndarray) -> float:
        """The constant in the scores: half of all points are data, so beliefs over all are ½ on average."""
        if not self.relative:
            return 0.0
        every = np.concatenate([real, fake])
        low, high = float(every.min()) - REACH, float(every.max()) + REACH
        for _ in range(50):
            middle = (low + high) / 2
            low, high = (middle, high) if self(every, middle).mean() > 0.5 else (low, middle)
        return (low + high) / 2


def belief(loss: Callable[[Tensor, Tensor], Tensor], relative: bool) -> Belief | None:
    """How a discriminator's loss of (real, fake) scores is to be read; None where scores are no probabilities.

    Example:
        >>> hinge = lambda real, fake: (1 - real).relu() + (1 + fake).relu()
        >>> belief(hinge, relative=False)(np.array([-2.0, 0.0, 2.0]))
        array([0. , 0.5, 1. ])
    """
    zero = torch.zeros(1, dtype=torch.float64)
    scores = torch.linspace(-REACH, REACH, STEPS, dtype=torch.float64)
    of_real = vmap(grad(lambda score: loss(score[None], zero)[0]))(scores)
    of_fake = vmap(grad(lambda score: loss(zero, score[None])[0]))(scores)
    total = of_fake - of_real
    share = torch.where(total.abs() > 1e-12, of_fake / total, 0.5).clamp(0, 1)
    if not bool(share[-1] - share[0] > PROPER):
        return None
    return Belief(scores.numpy(), share.numpy(), relative)
