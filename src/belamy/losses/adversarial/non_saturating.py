"""The non-saturating loss of the original GAN, computed on logits."""

from torch import Tensor
from torch.nn.functional import softplus

from belamy.losses.adversarial import BaseAdversarial


class Adversarial(BaseAdversarial):
    r"""Binary cross-entropy for the discriminator; the generator maximises log D of its samples.

    .. math:: L_D = -\log\sigma(s_r) - \log(1-\sigma(s_f)), \qquad L_G = -\log\sigma(s_f)

    Written with softplus, so scores of any size give finite values.

    References:
        Goodfellow et al. 2014, arXiv 1406.2661, section 3 (equation 1 and the remark below it).

    Args:
        half: Use the mean of the discriminator's two terms instead of their sum.
    """

    def __init__(self, *, half: bool = False) -> None:
        super().__init__()
        self.scale = 0.5 if half else 1.0

    def on_real(self, real: Tensor) -> Tensor:
        """The discriminator's term ``[N]`` for scores of real samples."""
        return self.scale * softplus(-real)

    def on_fake(self, fake: Tensor) -> Tensor:
        """The discriminator's term ``[N]`` for scores of generated samples."""
        return self.scale * softplus(fake)

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        """``[N]`` from scores of generated samples."""
        return softplus(-fake)
