"""The relativistic standard loss (RSGAN)."""

from torch import Tensor, nn
from torch.nn.functional import softplus


class Adversarial(nn.Module):
    r"""The probability that a real sample is more real than the generated one beside it, by logistic regression.

    .. math:: L_D = -\log\sigma(s_r - s_f), \qquad L_G = -\log\sigma(s_f - s_r)

    The first paper's name; ``relativistic-pairing`` is the same pairwise comparison for any base, and equal to this one
    for its default.

    References:
        Jolicoeur-Martineau 2018, arXiv 1807.00734, equations 3 and 4.
    """

    relativistic = True

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """``[N]`` from scores of real and generated samples, paired in order."""
        return softplus(fake - real)

    def generator(self, fake: Tensor, real: Tensor) -> Tensor:
        """``[N]`` from scores of generated and real samples, paired in order."""
        return softplus(real - fake)
