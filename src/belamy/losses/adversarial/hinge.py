"""The hinge loss."""

from torch import Tensor
from torch.nn.functional import relu

from belamy.losses.adversarial import BaseAdversarial


class Adversarial(BaseAdversarial):
    r"""Scores are pushed beyond ±1 and no further.

    .. math:: L_D = \max(0, 1-s_r) + \max(0, 1+s_f), \qquad L_G = -s_f

    The geometric GAN's loss is the same on scores, and in the registry as ``geometric``.

    References:
        Lim & Ye 2017, arXiv 1705.02894; Miyato et al. 2018, arXiv 1802.05957, equations 16 and 17.
    """

    def on_real(self, real: Tensor) -> Tensor:
        """The discriminator's term ``[N]`` for scores of real samples."""
        return relu(1 - real)

    def on_fake(self, fake: Tensor) -> Tensor:
        """The discriminator's term ``[N]`` for scores of generated samples."""
        return relu(1 + fake)
