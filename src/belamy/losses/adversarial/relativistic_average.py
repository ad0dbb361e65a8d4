"""The relativistic average losses."""

import torch
from torch import Tensor

from belamy.losses.adversarial.relativistic_pairing import Adversarial as Pairing
from belamy.processes import gather


class Adversarial(Pairing):
    r"""Real samples should score higher than the mean generated sample, generated ones lower than the mean real one.

    .. math:: L_D = f(s_r - \bar s_f) + f(\bar s_r - s_f), \qquad L_G = f(s_f - \bar s_r) + f(\bar s_f - s_r)

    with f(x) = -log σ(x) for the base ``non-saturating`` (RaSGAN), (x-1)² for ``least-squares`` (RaLSGAN, whose targets
    are ±1 without ½), max(0, 1-x) for ``hinge`` (RaHingeGAN), -x for ``wasserstein``. The base ``minimax`` is RaSGAN's
    zero-sum form, L_G = -L_D. Means are over the batches of all processes.

    References:
        Jolicoeur-Martineau 2018, arXiv 1807.00734, equations 11 to 14 and appendices (RaLSGAN, RaHingeGAN).

    Args:
        base: The loss that is made relativistic: non-saturating, minimax, least-squares, hinge or wasserstein.

    Raises:
        UsageError: An unknown ``base``.
    """

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """``[N]`` from scores of real and generated samples."""
        mean_real, mean_fake = gather(torch.stack([real.mean(), fake.mean()])).mean(0)
        value: Tensor = self.loss(real - mean_fake) + self.loss(mean_real - fake)
        return value
