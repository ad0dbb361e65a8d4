r"""Conditioning augmentation: a text is told by numbers that are drawn around what is made of its vector.

.. math:: \hat c = \mu(t) + \sigma(t) \odot \epsilon, \quad \epsilon \sim N(0, I), \qquad
          KL(N(\mu(t), \mathrm{diag}\, \sigma^2(t)) \| N(0, I))

References:
    Zhang et al. 2017, "StackGAN: text to photo-realistic image synthesis with stacked generative adversarial networks",
    arXiv 1612.03242, section 3.2.
"""

from __future__ import annotations

from torch import Tensor, nn

from belamy.networks.layers import dense
from belamy.networks.stochastic import divergence


class Augmentation(nn.Module):
    """A dense layer tells mean and log-variance of a text's numbers.

    Args:
        text: Numbers of a text's vector.
        size: Numbers that it is told by.

    Example:
        >>> Augmentation(30, 4)(torch.randn(2, 30), torch.randn(2, 4)).shape
        torch.Size([2, 4])
    """

    def __init__(self, text: int, size: int) -> None:
        super().__init__()
        self.moments = dense(text, 2 * size)

    def forward(self, text: Tensor, noise: Tensor) -> Tensor:
        """Numbers around what is made of texts.  # [N, text], standard normal [N, size] to [N, size]"""
        mean, log_variance = self.moments(text).chunk(2, 1)
        drawn: Tensor = mean + (log_variance / 2).exp() * noise
        return drawn

    def divergence(self, text: Tensor) -> Tensor:
        """Nats from these numbers to standard normal ones, summed over them.  # [N, text] to [N]"""
        return divergence(*self.moments(text).chunk(2, 1))


class AugmentedGenerator(nn.Module):
    """A generator of captions that is told them by such numbers; latents are its own, followed by their noise.

    Args:
        network: Takes latents and ``size`` numbers.
        text: Numbers of a text's vector.
        size: Numbers that it is told by.
    """

    def __init__(self, network: nn.Module, text: int, size: int) -> None:
        super().__init__()
        self.network, self.augmentation, self.size = network, Augmentation(text, size), size

    def forward(self, latents: Tensor, text: Tensor) -> Tensor:
        """Pictures.  # [N, latent + size], [N, text] to [N, C, H, W]"""
        made: Tensor = self.network(latents[:, : -self.size], self.augmentation(text, latents[:, -self.size :]))
        return made

    def divergence(self, text: Tensor) -> Tensor:
        """That of the augmentation.  # [N, text] to [N]"""
        return self.augmentation.divergence(text)
