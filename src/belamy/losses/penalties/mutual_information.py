"""The mutual information of InfoGAN."""

from math import log, pi
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from belamy.errors import UsageError
from belamy.losses.penalties import BasePenalty
from belamy.losses.penalty_context import PenaltyContext

_BOUND = 8.0


class Penalty(BasePenalty):
    r"""The codes in the latent should be told from the image: a network Q guesses them from the features.

    .. math:: -\log Q(c \mid f(G(z, c))) = -\sum_k c_k \log q_k
        + \tfrac12 \sum_j \left( \log 2\pi + \log\sigma_j^2 + \frac{(c_j - \mu_j)^2}{\sigma_j^2} \right)

    which bounds the mutual information of codes and images from below. Q learns in the discriminator's turns.

    *Departs from the paper*: Q has no batch normalisation, so that a value is its own sample's, and keeps
    :math:`\log\sigma^2` within ±8, since a Gaussian sure of its code has no largest likelihood.

    References:
        Chen et al. 2016, arXiv 1606.03657, equation 5 and section 6.

    Args:
        features: Size of the discriminator's features.
        prior: That of the latents, with a category and continuous codes (``coded``).
        weight: Factor λ in both players' losses.
        every: Apply it on each ``every``-th step, scaled by ``every``.
        hidden: Features within Q.

    Raises:
        UsageError: The latents hold no codes, or there is no hidden feature.
    """

    players = ("discriminator", "generator")

    def __init__(
        self, features: int, prior: Any = None, *, weight: float = 1.0, every: int = 1, hidden: int = 128
    ) -> None:
        super().__init__(weight, every)
        self.categories: int = getattr(prior, "categories", 0)
        self.continuous: int = getattr(prior, "continuous", 0)
        if not self.categories + self.continuous:
            raise UsageError("mutual-information needs codes in the latents to tell. Type --prior coded.")
        if hidden < 1:
            raise UsageError(f"mutual-information.hidden is {hidden}, but it must be at least 1.")
        self.noise: int = prior.latent - self.categories - self.continuous
        self.q = nn.Sequential(
            nn.Linear(features, hidden), nn.LeakyReLU(0.1), nn.Linear(hidden, self.categories + 2 * self.continuous)
        )

    def forward(self, context: PenaltyContext) -> Tensor:
        """``[N]``."""
        sizes = [self.categories, self.continuous, self.continuous]
        logits, means, raw = self.q(context.fake_features).split(sizes, 1)
        category, codes = context.latents.narrow(1, self.noise, sum(sizes[:2])).split(sizes[:2], 1)
        log_variances = _BOUND * torch.tanh(raw / _BOUND)
        gaussian = (log(2 * pi) + log_variances + (codes - means).square() * (-log_variances).exp()).sum(1) / 2
        return gaussian + cross_entropy(logits, category, reduction="none") if self.categories else gaussian
