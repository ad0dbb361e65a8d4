"""Chollet's DCGAN for one class of CIFAR-10 (frogs)."""

from torch import Tensor, nn

from belamy.networks.layers import Dropout, KerasConv2d, KerasConvTranspose2d, Reshape, ScoringNetwork, dense
from belamy.networks.sizes import check_divisible, check_least, check_positive

_SLOPE = 0.3  # Keras' LeakyReLU default


class Generator(nn.Module):
    """Latents 32 → 16×16×128 → six convolutions, one transposed; 6,264,579 parameters at 32×32, no normalisation.

    References:
        Chollet 2017, Deep Learning with Python, section 8.5.

    Args:
        latent: Size of the latents.
        shape: (channels, height, width) of the images; height and width even.

    Raises:
        UsageError: An odd height or width.

    Example:
        >>> Generator(32, (3, 32, 32))(torch.randn(2, 32)).shape
        torch.Size([2, 3, 32, 32])
    """

    native_shape = (3, 32, 32)
    native_latent = 32
    value_range = (-1.0, 1.0)

    def __init__(self, latent: int, shape: tuple[int, int, int]) -> None:
        super().__init__()
        check_positive(latent, "The latent size")
        check_divisible(shape, 2, "dcgan-frog")
        channels, height, width = shape[0], shape[1] // 2, shape[2] // 2
        self.layers = nn.Sequential(
            dense(latent, 128 * height * width),
            nn.LeakyReLU(_SLOPE),
            Reshape(128, height, width),
            KerasConv2d(128, 256, 5),
            nn.LeakyReLU(_SLOPE),
            KerasConvTranspose2d(256, 256, 4, 2),
            nn.LeakyReLU(_SLOPE),
            KerasConv2d(256, 256, 5),
            nn.LeakyReLU(_SLOPE),
            KerasConv2d(256, 256, 5),
            nn.LeakyReLU(_SLOPE),
            KerasConv2d(256, channels, 7),
            nn.Tanh(),
        )

    def forward(self, latents: Tensor) -> Tensor:
        """Images ``[N, C, H, W]`` in [-1, 1] from latents ``[N, latent]``."""
        return self.layers(latents)


class Discriminator(ScoringNetwork):
    """Image → four unpadded convolutions of 128 channels → dropout → score; 790,913 parameters at 32×32.

    References:
        Chollet 2017, Deep Learning with Python, section 8.5.

    Args:
        shape: (channels, height, width) of the images; height and width at least 24.
        dropout: Probability of dropping a feature.

    Raises:
        UsageError: An image too small for the unpadded convolutions.
    """

    native_shape = (3, 32, 32)

    def __init__(self, shape: tuple[int, int, int], *, dropout: float = 0.4) -> None:
        super().__init__()
        check_least(shape, 24, "dcgan-frog")
        self.trunk = nn.Sequential(
            KerasConv2d(shape[0], 128, 3, padding="valid"),
            nn.LeakyReLU(_SLOPE),
            KerasConv2d(128, 128, 4, 2, padding="valid"),
            nn.LeakyReLU(_SLOPE),
            KerasConv2d(128, 128, 4, 2, padding="valid"),
            nn.LeakyReLU(_SLOPE),
            KerasConv2d(128, 128, 4, 2, padding="valid"),
            nn.LeakyReLU(_SLOPE),
            nn.Flatten(),
            Dropout(dropout),
        )
        self.head = dense(128 * _remaining(shape[1]) * _remaining(shape[2]), 1)


def _remaining(size: int) -> int:
    """Pixels of one axis that the four unpadded convolutions leave."""
    size -= 2
    for _ in range(3):
        size = (size - 4) // 2 + 1
    return size
