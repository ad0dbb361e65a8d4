"""The mutual information of InfoGAN."""

from math import log, pi

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from belamy.errors import UsageError
from belamy.losses.penalties import BasePenalty
from belamy.losses.scene import Scene

_BOUND = 8.0


class Penalty(BasePenalty):
    r"""The codes in the latent should be told from the image: a network Q guesses them from the features.

    .. math:: -\log Q(c \mid f(G(z, c))) = -\sum_k c_k \log q_k
        + \tfrac12 \sum_j \left( \log 2\pi + \log\sigma_j^2 + \frac{(c_j - \mu_j)^2}{\sigma_j^2} \right)

    which bounds the mutual information of codes and images from below. Q learns in the discriminator's turns. The
    latents end in the one-hot category and the continuous codes, as those of the law ``coded`` do.

    *Departs from the paper*: Q has no batch normalisation, so that a value is its own sample's, and keeps
    :math:`\log\sigma^2` within ±8, since a Gaussian sure of its code has no largest likelihood.

    References:
        Chen et al. 2016, arXiv 1606.03657, equation 5 and section 6.

    Args:
        features: Size of the discriminator's features.
        latent: Size of the latents.
        weight: Factor λ in both players' losses.
        every: Apply it on each ``every``-th step, scaled by ``every``.
        categories: Values of the categorical code, 0 for none.
        continuous: Number of continuous codes.
        hidden: Features within Q.

    Raises:
        UsageError: No codes, or more than the latent holds.
    """

    players = ("discriminator", "generator")

    def __init__(
        self,
        features: int,
        latent: int,
        *,
        weight: float = 1.0,
        every: int = 1,
        categories: int = 10,
        continuous: int = 2,
        hidden: int = 128,
    ) -> None:
        super().__init__(weight, every)
        codes = categories + continuous
        if min(categories, continuous) < 0 or not 0 < codes <= latent or hidden < 1:
            raise UsageError(
                f"mutual-information tells {categories} categories and {continuous} continuous codes with {hidden} "
                f"hidden features from latents of size {latent}. It needs at least one code, no more than fit into the "
                f"latent, and one hidden feature: type --latent {max(codes, 1)} or more."
            )
        self.categories, self.continuous, self.noise = categories, continuous, latent - codes
        self.q = nn.Sequential(
            nn.Linear(features, hidden), nn.LeakyReLU(0.1), nn.Linear(hidden, categories + 2 * continuous)
        )

    def forward(self, scene: Scene) -> Tensor:
        """``[N]``."""
        sizes = [self.categories, self.continuous, self.continuous]
        logits, means, raw = self.q(scene.fake_features).split(sizes, 1)
        category, codes = scene.latents.narrow(1, self.noise, sum(sizes[:2])).split(sizes[:2], 1)
        log_variances = _BOUND * torch.tanh(raw / _BOUND)
        gaussian = (log(2 * pi) + log_variances + (codes - means).square() * (-log_variances).exp()).sum(1) / 2
        return gaussian + cross_entropy(logits, category, reduction="none") if self.categories else gaussian
