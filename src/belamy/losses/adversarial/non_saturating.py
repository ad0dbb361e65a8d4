"""The non-saturating loss of the original GAN, computed on logits."""

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus


class Adversarial(nn.Module):
    r"""Binary cross-entropy for the discriminator; the generator maximises log D of its samples.

    .. math:: L_D = -\log\sigma(s_r) - \log(1-\sigma(s_f)), \qquad L_G = -\log\sigma(s_f)

    Written with softplus, so scores of any size give finite values. ``noise`` moves the targets of the discriminator
    by noise·U[0, 1) away from 1 (real) and from 0 (fake), as in F. Chollet's frog GAN, where they leave [0, 1].

    References:
        Goodfellow et al. 2014, arXiv 1406.2661, section 3 (equation 1 and the remark below it).

    Args:
        half: Use the mean of the discriminator's two terms instead of their sum.
        noise: Largest shift of the discriminator's targets, 0 for none.
    """

    relativistic = False

    def __init__(self, *, half: bool = False, noise: float = 0.0) -> None:
        super().__init__()
        self.scale, self.noise = (0.5 if half else 1.0), noise

    def on_real(self, real: Tensor) -> Tensor:
        """The discriminator's term ``[N]`` for scores of real samples."""
        # cross-entropy is linear in its target t: softplus(s) - t s
        loss = softplus(-real)
        return self.scale * (loss + self.noise * torch.rand_like(real) * real if self.noise else loss)

    def on_fake(self, fake: Tensor) -> Tensor:
        """The discriminator's term ``[N]`` for scores of generated samples."""
        loss = softplus(fake)
        return self.scale * (loss + self.noise * torch.rand_like(fake) * fake if self.noise else loss)

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """``[N]`` from scores of real and generated samples."""
        return self.on_real(real) + self.on_fake(fake)

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        """``[N]`` from scores of generated samples."""
        return softplus(-fake)
