"""Plain networks of dense layers for rows of numbers: tables and vectors."""

from itertools import pairwise

from torch import Tensor, nn

from belamy.errors import UsageError
from belamy.networks.layers import ScoringNetwork, dense
from belamy.networks.sizes import check_positive

SLOPE = 0.2


class Generator(nn.Module):
    """Latents → two layers of leaky rectifiers → numbers, tanh; 76,810 parameters at 10 numbers from 32 latents.

    A baseline of no paper: what a table is to be compared with.

    Args:
        latent: Size of the latents.
        shape: (n,) of the rows.
        width: Of the hidden layers.
        depth: How many hidden layers.

    Raises:
        UsageError: Samples that are no rows of numbers, or a size below 1.

    Example:
        >>> Generator(32, (10,))(torch.randn(2, 32)).shape
        torch.Size([2, 10])
    """

    modality = ("table", "vector")
    native_shape = (10,)
    native_latent = 32
    value_range = (-1.0, 1.0)

    def __init__(self, latent: int, shape: tuple[int, ...], *, width: int = 256, depth: int = 2) -> None:
        super().__init__()
        check_positive(latent, "The latent size")
        self.layers = nn.Sequential(hidden(latent, width, depth), dense(width, _numbers(shape)), nn.Tanh())

    def forward(self, latents: Tensor) -> Tensor:
        """Rows ``[N, n]`` in [-1, 1] from latents ``[N, latent]``."""
        return self.layers(latents)


class Discriminator(ScoringNetwork):
    """Numbers → two layers of leaky rectifiers → score.

    Args:
        shape: (n,) of the rows.
        width: Of the hidden layers.
        depth: How many hidden layers.

    Raises:
        UsageError: Samples that are no rows of numbers, or a size below 1.
    """

    modality = ("table", "vector")
    native_shape = (10,)

    def __init__(self, shape: tuple[int, ...], *, width: int = 256, depth: int = 2) -> None:
        super().__init__()
        self.trunk = hidden(_numbers(shape), width, depth)
        self.head = dense(width, 1)


def hidden(incoming: int, width: int, depth: int) -> nn.Sequential:
    """Dense layers, each with a leaky rectifier."""
    check_positive(width, "dense.width")
    check_positive(depth, "dense.depth")
    sizes = [incoming, *[width] * depth]
    pairs = pairwise(sizes)
    return nn.Sequential(*[layer for pair in pairs for layer in (dense(*pair), nn.LeakyReLU(SLOPE))])


def _numbers(shape: tuple[int, ...]) -> int:
    if len(shape) != 1:
        sides = "x".join(map(str, shape))
        raise UsageError(f"The network 'dense' is for rows of numbers, tables and vectors, but samples are {sides}.")
    return shape[0]
