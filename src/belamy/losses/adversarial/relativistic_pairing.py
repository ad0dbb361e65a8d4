"""The relativistic pairing loss."""

from torch import Tensor, nn

from belamy.losses.adversarial._comparison import comparison


class Adversarial(nn.Module):
    r"""Each real sample should score higher than the generated sample it is paired with.

    .. math:: L_D = f(s_r - s_f), \qquad L_G = f(s_f - s_r)

    with f(x) = -log σ(x) by default, the loss of R3GAN; see ``relativistic-average`` for the f of the other bases. The
    base ``minimax`` is the zero-sum form, L_G = -L_D.

    References:
        Jolicoeur-Martineau 2018, arXiv 1807.00734, equations 3 and 4; Huang et al. 2024, arXiv 2501.05441, section 2.

    Args:
        base: The loss that is made relativistic: non-saturating, minimax, least-squares, hinge or wasserstein.

    Raises:
        UsageError: An unknown ``base``.
    """

    relativistic = True

    def __init__(self, *, base: str = "non-saturating") -> None:
        super().__init__()
        self.loss, self.zero_sum = comparison(base), base == "minimax"

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """``[N]`` from scores of real and generated samples, paired in order."""
        value: Tensor = self.loss(real - fake)
        return value

    def generator(self, fake: Tensor, real: Tensor) -> Tensor:
        """``[N]`` from scores of generated and real samples, paired in order."""
        return -self.discriminator(real, fake) if self.zero_sum else self.discriminator(fake, real)
