"""The geometric GAN's loss, which the field calls hinge."""

from torch import Tensor, nn
from torch.nn.functional import relu


class Adversarial(nn.Module):
    r"""A soft-margin support vector machine on the discriminator's features; the generator moves along its normal.

    .. math:: L_D = \max(0, 1-s_r) + \max(0, 1+s_f), \qquad L_G = -s_f

    On scores these are the functions of ``hinge``; the name is kept because the paper's is in use.

    *Departs from the paper*, whose objective also holds the squared norm of the last layer's weights, 1/C times: that
    is a weight decay of the discriminator, not a function of scores.

    References:
        Lim & Ye 2017, arXiv 1705.02894, section 4 (soft-margin update of the hyperplane, generator update).
    """

    relativistic = False

    def on_real(self, real: Tensor) -> Tensor:
        """The discriminator's term ``[N]`` for scores of real samples."""
        return relu(1 - real)

    def on_fake(self, fake: Tensor) -> Tensor:
        """The discriminator's term ``[N]`` for scores of generated samples."""
        return relu(1 + fake)

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """``[N]`` from scores of real and generated samples."""
        return self.on_real(real) + self.on_fake(fake)

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        """``[N]`` from scores of generated samples."""
        return -fake
