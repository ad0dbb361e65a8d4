"""The dense GAN for Fashion-MNIST."""

from math import prod

from torch import Tensor, nn

from belamy.networks.layers import Reshape, ScoringNetwork, dense, glorot_uniform, lecun_normal
from belamy.networks.sizes import check_choice, check_positive

_INITIALIZERS = {"glorot": glorot_uniform, "lecun": lecun_normal}


class Generator(nn.Module):
    """Latents 30 → 100 selu → 150 selu → pixels, sigmoid; 136,634 parameters at 28×28.

    References:
        Géron 2019, Hands-On Machine Learning, 2nd edition, chapter 17.

    Args:
        latent: Size of the latents.
        shape: (channels, height, width) of the images, any size.
        init: ``glorot``, the published default of Keras, or ``lecun``, the one that selu assumes.

    Raises:
        UsageError: An unknown ``init``.

    Example:
        >>> Generator(30, (1, 28, 28))(torch.randn(2, 30)).shape
        torch.Size([2, 1, 28, 28])
    """

    native_shape = (1, 28, 28)
    native_latent = 30
    value_range = (0.0, 1.0)

    def __init__(self, latent: int, shape: tuple[int, int, int], *, init: str = "glorot") -> None:
        super().__init__()
        check_positive(latent, "The latent size")
        start = _INITIALIZERS[check_choice(init, list(_INITIALIZERS), "init")]
        self.layers = nn.Sequential(
            dense(latent, 100, init=start),
            nn.SELU(),
            dense(100, 150, init=start),
            nn.SELU(),
            dense(150, prod(shape), init=start),
            nn.Sigmoid(),
            Reshape(*shape),
        )

    def forward(self, latents: Tensor) -> Tensor:
        """Images ``[N, C, H, W]`` in [0, 1] from latents ``[N, latent]``."""
        return self.layers(latents)


class Discriminator(ScoringNetwork):
    """Pixels → 150 selu → 100 selu → score; 132,951 parameters at 28×28.

    References:
        Géron 2019, Hands-On Machine Learning, 2nd edition, chapter 17.

    Args:
        shape: (channels, height, width) of the images, any size.
        init: ``glorot``, the published default of Keras, or ``lecun``, the one that selu assumes.

    Raises:
        UsageError: An unknown ``init``.
    """

    native_shape = (1, 28, 28)

    def __init__(self, shape: tuple[int, int, int], *, init: str = "glorot") -> None:
        super().__init__()
        start = _INITIALIZERS[check_choice(init, list(_INITIALIZERS), "init")]
        self.trunk = nn.Sequential(
            nn.Flatten(),
            dense(prod(shape), 150, init=start),
            nn.SELU(),
            dense(150, 100, init=start),
            nn.SELU(),
        )
        self.head = dense(100, 1, init=start)
