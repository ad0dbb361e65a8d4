"""The least-squares GAN loss."""

from torch import Tensor

from belamy.losses.adversarial import BaseAdversarial


class Adversarial(BaseAdversarial):
    r"""Squared distances of the scores from targets.

    .. math:: L_D = \tfrac12 (s_r-b)^2 + \tfrac12 (s_f-a)^2, \qquad L_G = \tfrac12 (s_f-c)^2

    The defaults are the 0-1 coding (a=0, b=c=1); a=-1, b=1, c=0 minimises the Pearson chi-squared divergence.

    References:
        Mao et al. 2017, arXiv 1611.04076, equations 2 and 9.

    Args:
        a: Target of generated samples.
        b: Target of real samples.
        c: Target that the generator wants for its samples.
        half: Keep the factors ½.
    """

    def __init__(self, *, a: float = 0.0, b: float = 1.0, c: float = 1.0, half: bool = True) -> None:
        super().__init__()
        self.a, self.b, self.c, self.scale = a, b, c, (0.5 if half else 1.0)

    def on_real(self, real: Tensor) -> Tensor:
        """The discriminator's term ``[N]`` for scores of real samples."""
        return self.scale * (real - self.b).square()

    def on_fake(self, fake: Tensor) -> Tensor:
        """The discriminator's term ``[N]`` for scores of generated samples."""
        return self.scale * (fake - self.a).square()

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        """``[N]`` from scores of generated samples."""
        return self.scale * (fake - self.c).square()
