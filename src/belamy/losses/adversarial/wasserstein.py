"""The Wasserstein loss."""

from torch import Tensor

from belamy.losses.adversarial import BaseAdversarial


class Adversarial(BaseAdversarial):
    r"""Difference of mean scores; the critic must be kept Lipschitz, e.g. by ``gradient-penalty``.

    .. math:: L_D = s_f - s_r, \qquad L_G = -s_f

    References:
        Arjovsky et al. 2017, arXiv 1701.07875, equation 2 and algorithm 1.
    """

    def on_real(self, real: Tensor) -> Tensor:
        """The discriminator's term ``[N]`` for scores of real samples."""
        return -real

    def on_fake(self, fake: Tensor) -> Tensor:
        """The discriminator's term ``[N]`` for scores of generated samples."""
        return fake
