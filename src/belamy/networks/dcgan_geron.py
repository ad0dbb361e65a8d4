"""Géron's DCGAN for 28×28 images."""

from torch import Tensor, nn

from belamy.networks.layers import BatchNorm, Dropout, KerasConv2d, KerasConvTranspose2d, Reshape, ScoringNetwork, dense
from belamy.networks.sizes import check_choice, check_divisible, check_positive

_STRIDE = 4
_ACTIVATIONS = {"relu": nn.ReLU, "selu": nn.SELU}


class Generator(nn.Module):
    """Latents 100 → 7×7×128, normalised → 64, normalised → image; 840,321 trainable parameters at 28×28.

    The two batch normalisations stand where the book has them: on the reshaped dense layer, which has no activation,
    and after the activation of the first transposed convolution.

    References:
        Géron 2019, Hands-On Machine Learning, 2nd edition, chapter 17 (``selu``); its copies use ``relu``.

    Args:
        latent: Size of the latents.
        shape: (channels, height, width) of the images; height and width multiples of 4.
        activation: ``relu`` or ``selu``.

    Raises:
        UsageError: A height or width that is not a multiple of 4, or an unknown activation.

    Example:
        >>> Generator(100, (1, 28, 28), activation="selu")(torch.randn(2, 100)).shape
        torch.Size([2, 1, 28, 28])
    """

    native_shape = (1, 28, 28)
    native_latent = 100
    value_range = (-1.0, 1.0)

    def __init__(self, latent: int, shape: tuple[int, int, int], *, activation: str = "relu") -> None:
        super().__init__()
        check_positive(latent, "The latent size")
        check_divisible(shape, _STRIDE, "dcgan-geron")
        channels, height, width = shape[0], shape[1] // _STRIDE, shape[2] // _STRIDE
        self.layers = nn.Sequential(
            dense(latent, 128 * height * width),
            Reshape(128, height, width),
            BatchNorm(128),
            KerasConvTranspose2d(128, 64, 5, 2),
            _ACTIVATIONS[check_choice(activation, list(_ACTIVATIONS), "activation")](),
            BatchNorm(64),
            KerasConvTranspose2d(64, channels, 5, 2),
            nn.Tanh(),
        )

    def forward(self, latents: Tensor) -> Tensor:
        """Images ``[N, C, H, W]`` in [-1, 1] from latents ``[N, latent]``."""
        return self.layers(latents)


class Discriminator(ScoringNetwork):
    """Image → 64 → 128 by 5×5 kernels of stride 2, dropout 0.4, score; 212,865 parameters at 28×28.

    References:
        Géron 2019, Hands-On Machine Learning, 2nd edition, chapter 17.

    Args:
        shape: (channels, height, width) of the images; height and width multiples of 4.
        dropout: Probability of dropping a value.

    Raises:
        UsageError: A height or width that is not a multiple of 4.
    """

    native_shape = (1, 28, 28)

    def __init__(self, shape: tuple[int, int, int], *, dropout: float = 0.4) -> None:
        super().__init__()
        check_divisible(shape, _STRIDE, "dcgan-geron")
        self.trunk = nn.Sequential(
            KerasConv2d(shape[0], 64, 5, 2),
            nn.LeakyReLU(0.2),
            Dropout(dropout),
            KerasConv2d(64, 128, 5, 2),
            nn.LeakyReLU(0.2),
            Dropout(dropout),
            nn.Flatten(),
        )
        self.head = dense(128 * (shape[1] // _STRIDE) * (shape[2] // _STRIDE), 1)
