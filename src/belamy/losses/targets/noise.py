"""Noisy labels."""

from torch import Tensor, nn

from belamy.errors import UsageError
from belamy.seeds import Draws


class Targets(nn.Module):
    r"""Labels moved by up to ``amount``, each by a random number of its own.

    .. math:: t \to t - a\,U, \qquad U \sim \text{uniform on } [0, 1)

    These are the labels of F. Chollet's frog GAN, where generated is 1, real is 0 and both are *raised* by 0.05 U; so
    those of generated samples leave [0, 1]. With ``inward`` they are raised here, to a U, and both stay inside.

    References:
        Chollet 2018, Deep Learning with Python, section 8.5.2; inward: Chintala et al. 2016, How to Train a GAN,
        "use soft and noisy labels".

    Args:
        amount: a, the largest shift, in [0, 1].
        inward: Move both labels towards each other.

    Raises:
        UsageError: An amount outside [0, 1].
    """

    def __init__(self, *, amount: float = 0.05, inward: bool = False) -> None:
        super().__init__()
        if not 0 <= amount <= 1:
            raise UsageError(f"noise.amount is {amount}, but it must be in [0, 1].")
        self.amount, self.inward = amount, inward

    def forward(self, targets: Tensor, real: bool, draw: Draws, progress: float) -> Tensor:
        """``[N]`` from labels ``[N]``."""
        shift = self.amount * draw.uniform("targets-noise", len(targets))
        return targets - shift if real or not self.inward else targets + shift
