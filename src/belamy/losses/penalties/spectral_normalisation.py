"""Spectral normalisation of the discriminator."""

from torch import nn
from torch.nn.utils.parametrizations import spectral_norm
from torch.nn.utils.parametrize import is_parametrized

from belamy.errors import UsageError
from belamy.losses.penalties import BasePenalty
from belamy.losses.penalties.layers import matrix_layers
from belamy.losses.penalty_context import PenaltyContext


class Penalty(BasePenalty):
    r"""Every convolution and dense layer is divided by its largest singular value, which makes it 1-Lipschitz.

    .. math:: \bar W = W / \sigma(W), \qquad \sigma(W) \approx u^\top W v

    A step of power iteration in every forward pass follows the singular vectors, which are saved with the weights. A
    weight that is already parametrised in another way is left alone; one that begins at zero has no direction, so it
    is drawn anew.

    References:
        Miyato et al. 2018, arXiv 1802.05957, equation 8 and algorithm 1.

    Args:
        iterations: Steps of power iteration in each forward pass.

    Raises:
        UsageError: ``iterations`` is not positive.
    """

    def __init__(self, *, iterations: int = 1) -> None:
        super().__init__()
        if iterations < 1:
            raise UsageError(f"spectral-normalisation.iterations is {iterations}, but it must be at least 1.")
        self.iterations = iterations

    def forward(self, context: PenaltyContext) -> None:
        """No term."""
        return None

    def prepare(self, discriminator: nn.Module) -> None:
        """Install the normalisation."""
        for layer, axis in matrix_layers(discriminator, "spectral-normalisation").items():
            if not is_parametrized(layer, "weight"):
                if not layer.weight.any():
                    nn.init.normal_(layer.weight)
                spectral_norm(layer, n_power_iterations=self.iterations, dim=axis)
