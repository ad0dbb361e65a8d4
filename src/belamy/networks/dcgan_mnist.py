"""The DCGAN of the TensorFlow tutorial for MNIST."""

from torch import Tensor, nn

from belamy.networks.layers import BatchNorm, Dropout, KerasConv2d, KerasConvTranspose2d, Reshape, ScoringNetwork, dense
from belamy.networks.sizes import check_divisible, check_positive

_STRIDE = 4
_SLOPE = 0.3  # Keras' LeakyReLU default


class Generator(nn.Module):
    """Latents 100 → 7×7×256 → 128 → 64 → image, 5×5 kernels without biases; 2,305,472 trainable parameters at 28×28.

    *Departs from Radford et al.*: leaky rectifiers in place of ReLU, and the first batch normalisation works on each of
    the 12,544 features, not on the 256 channels.

    References:
        TensorFlow tutorial "Deep Convolutional Generative Adversarial Network"; Radford et al. 2015, arXiv 1511.06434.

    Args:
        latent: Size of the latents.
        shape: (channels, height, width) of the images; height and width multiples of 4.

    Raises:
        UsageError: A height or width that is not a multiple of 4.

    Example:
        >>> Generator(100, (1, 28, 28))(torch.randn(2, 100)).shape
        torch.Size([2, 1, 28, 28])
    """

    native_shape = (1, 28, 28)
    native_latent = 100
    value_range = (-1.0, 1.0)

    def __init__(self, latent: int, shape: tuple[int, int, int]) -> None:
        super().__init__()
        check_positive(latent, "The latent size")
        check_divisible(shape, _STRIDE, "dcgan-mnist")
        channels, height, width = shape[0], shape[1] // _STRIDE, shape[2] // _STRIDE
        features = 256 * height * width
        self.layers = nn.Sequential(
            dense(latent, features, bias=False),
            BatchNorm(features),
            nn.LeakyReLU(_SLOPE),
            Reshape(256, height, width),
            KerasConvTranspose2d(256, 128, 5, 1, bias=False),
            BatchNorm(128),
            nn.LeakyReLU(_SLOPE),
            KerasConvTranspose2d(128, 64, 5, 2, bias=False),
            BatchNorm(64),
            nn.LeakyReLU(_SLOPE),
            KerasConvTranspose2d(64, channels, 5, 2, bias=False),
            nn.Tanh(),
        )

    def forward(self, latents: Tensor) -> Tensor:
        """Images ``[N, C, H, W]`` in [-1, 1] from latents ``[N, latent]``."""
        return self.layers(latents)


class Discriminator(ScoringNetwork):
    """Image → 64 → 128 by 5×5 kernels of stride 2, dropout, score; 212,865 parameters at 28×28.

    References:
        TensorFlow tutorial "Deep Convolutional Generative Adversarial Network".

    Args:
        shape: (channels, height, width) of the images; height and width multiples of 4.
        dropout: Probability of dropping a value.

    Raises:
        UsageError: A height or width that is not a multiple of 4.
    """

    native_shape = (1, 28, 28)

    def __init__(self, shape: tuple[int, int, int], *, dropout: float = 0.3) -> None:
        super().__init__()
        check_divisible(shape, _STRIDE, "dcgan-mnist")
        self.trunk = nn.Sequential(
            KerasConv2d(shape[0], 64, 5, 2),
            nn.LeakyReLU(_SLOPE),
            Dropout(dropout),
            KerasConv2d(64, 128, 5, 2),
            nn.LeakyReLU(_SLOPE),
            Dropout(dropout),
            nn.Flatten(),
        )
        self.head = dense(128 * (shape[1] // _STRIDE) * (shape[2] // _STRIDE), 1)
