"""The DCGAN for 32×32 colour images of the R/Keras handout."""

from torch import Tensor, nn

from belamy.networks.layers import Dropout, KerasConv2d, KerasConvTranspose2d, Reshape, ScoringNetwork, dense
from belamy.networks.sizes import check_divisible, check_positive

_STRIDE = 4
_SLOPE = 0.2


class Generator(nn.Module):
    """Latents 100 → 8×8×128 → 128 → 256 → image by a 7×7 convolution; 1,651,843 parameters at 32×32, no normalisation.

    Args:
        latent: Size of the latents.
        shape: (channels, height, width) of the images; height and width multiples of 4.

    Raises:
        UsageError: A height or width that is not a multiple of 4.

    Example:
        >>> Generator(100, (3, 32, 32))(torch.randn(2, 100)).shape
        torch.Size([2, 3, 32, 32])
    """

    native_shape = (3, 32, 32)
    native_latent = 100
    value_range = (-1.0, 1.0)

    def __init__(self, latent: int, shape: tuple[int, int, int]) -> None:
        super().__init__()
        check_positive(latent, "The latent size")
        check_divisible(shape, _STRIDE, "dcgan-32")
        channels, height, width = shape[0], shape[1] // _STRIDE, shape[2] // _STRIDE
        self.layers = nn.Sequential(
            dense(latent, 128 * height * width),
            nn.LeakyReLU(_SLOPE),
            Reshape(128, height, width),
            KerasConvTranspose2d(128, 128, 4, 2),
            nn.LeakyReLU(_SLOPE),
            KerasConvTranspose2d(128, 256, 4, 2),
            nn.LeakyReLU(_SLOPE),
            KerasConv2d(256, channels, 7),
            nn.Tanh(),
        )

    def forward(self, latents: Tensor) -> Tensor:
        """Images ``[N, C, H, W]`` in [-1, 1] from latents ``[N, latent]``."""
        return self.layers(latents)


class Discriminator(ScoringNetwork):
    """Image → 64 → 64 by 3×3 kernels of stride 2, dropout 0.4 → score; 42,817 parameters at 32×32.

    Args:
        shape: (channels, height, width) of the images; height and width multiples of 4.
        dropout: Probability of dropping a value.

    Raises:
        UsageError: A height or width that is not a multiple of 4.
    """

    native_shape = (3, 32, 32)

    def __init__(self, shape: tuple[int, int, int], *, dropout: float = 0.4) -> None:
        super().__init__()
        check_divisible(shape, _STRIDE, "dcgan-32")
        self.trunk = nn.Sequential(
            KerasConv2d(shape[0], 64, 3, 2),
            nn.LeakyReLU(_SLOPE),
            Dropout(dropout),
            KerasConv2d(64, 64, 3, 2),
            nn.LeakyReLU(_SLOPE),
            Dropout(dropout),
            nn.Flatten(),
        )
        self.head = dense(64 * (shape[1] // _STRIDE) * (shape[2] // _STRIDE), 1)
