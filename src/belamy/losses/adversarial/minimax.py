"""The minimax (saturating) loss of the original GAN."""

from torch import Tensor
from torch.nn.functional import softplus

from belamy.losses.adversarial import BaseAdversarial


class Adversarial(BaseAdversarial):
    r"""The zero-sum game: the generator minimises what the discriminator maximises.

    .. math:: L_D = -\log\sigma(s_r) - \log(1-\sigma(s_f)), \qquad L_G = \log(1-\sigma(s_f))

    The generator's gradient vanishes where the discriminator is sure (it saturates); for study, not for use.

    References:
        Goodfellow et al. 2014, arXiv 1406.2661, equation 1.
    """

    def on_real(self, real: Tensor) -> Tensor:
        """The discriminator's term ``[N]`` for scores of real samples."""
        return softplus(-real)

    def on_fake(self, fake: Tensor) -> Tensor:
        """The discriminator's term ``[N]`` for scores of generated samples."""
        return softplus(fake)

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        """``[N]`` from scores of generated samples."""
        return -softplus(fake)
