"""The loss of energy-based GANs (EBGAN)."""

from torch import Tensor
from torch.nn.functional import relu

from belamy.errors import UsageError
from belamy.losses.adversarial import BaseAdversarial


class Adversarial(BaseAdversarial):
    r"""Real samples get low energy, generated ones an energy of at least the margin; the energy is minus the score.

    .. math:: L_D = E_r + \max(0, m-E_f), \qquad L_G = E_f, \qquad E = -s

    For a discriminator whose score is minus a reconstruction error, such as ``ebgan-mnist``. The margin is in the units
    of that error: near the error of an image that is not reconstructed at all, the generator always learns.

    References:
        Zhao et al. 2016, arXiv 1609.03126, equations 1 and 2; the margin 10 for digits is in its appendix.

    Args:
        margin: m, the energy beyond which generated samples are left alone.

    Raises:
        UsageError: A margin that is not positive.
    """

    energies = True

    def __init__(self, *, margin: float = 10.0) -> None:
        super().__init__()
        if margin <= 0:
            raise UsageError(
                f"energy-based.margin is {margin}, but it must be greater than 0. Type energy-based:margin=10."
            )
        self.margin = margin

    def on_real(self, real: Tensor) -> Tensor:
        """The discriminator's term ``[N]`` for scores of real samples."""
        return -real

    def on_fake(self, fake: Tensor) -> Tensor:
        """The discriminator's term ``[N]`` for scores of generated samples."""
        return relu(self.margin + fake)
