"""The relativistic pairing loss."""

from torch import Tensor, nn
from torch.nn.functional import softplus


class Adversarial(nn.Module):
    r"""Each real sample should score higher than the generated sample it is paired with.

    .. math:: L_D = -\log\sigma(s_r - s_f), \qquad L_G = -\log\sigma(s_f - s_r)

    References:
        Jolicoeur-Martineau 2018, arXiv 1807.00734, equations 3 and 4; Huang et al. 2024, arXiv 2501.05441, section 2.
    """

    relativistic = True

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """``[N]`` from scores of real and generated samples, paired in order."""
        return softplus(fake - real)

    def generator(self, fake: Tensor, real: Tensor) -> Tensor:
        """``[N]`` from scores of generated and real samples, paired in order."""
        return softplus(real - fake)
