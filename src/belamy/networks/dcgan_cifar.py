"""The DCGAN for CIFAR-10, close to the paper's."""

from torch import Tensor, nn

from belamy.networks.layers import (
    BatchNorm,
    KerasConv2d,
    KerasConvTranspose2d,
    Reshape,
    ScoringNetwork,
    dense,
    gaussian,
)
from belamy.networks.sizes import check_divisible, check_positive

_STRIDE = 16
_SLOPE = 0.2


class Generator(nn.Module):
    """Latents 100 → 2×2×512 → 256 → 128 → 64 → image, each normalised; 4,514,819 trainable parameters at 32×32.

    *Departs from the paper*: 5×5 kernels from a 2×2 map, leaky rectifiers in place of ReLU, biases.

    References:
        Radford et al. 2015, arXiv 1511.06434; Valle 2019, Hands-On Generative Adversarial Networks with Keras, ch. 3.

    Args:
        latent: Size of the latents.
        shape: (channels, height, width) of the images; height and width multiples of 16.
        features: Channels before the last layer; the first map has eight times as many.
        deviation: Standard deviation of the initial weights.

    Raises:
        UsageError: A height or width that is not a multiple of 16.

    Example:
        >>> Generator(100, (3, 32, 32))(torch.randn(2, 100)).shape
        torch.Size([2, 3, 32, 32])
    """

    native_shape = (3, 32, 32)
    native_latent = 100
    value_range = (-1.0, 1.0)

    def __init__(
        self, latent: int, shape: tuple[int, int, int], *, features: int = 64, deviation: float = 0.02
    ) -> None:
        super().__init__()
        check_positive(latent, "The latent size")
        check_positive(features, "features")
        check_divisible(shape, _STRIDE, "dcgan-cifar")
        channels, height, width = shape[0], shape[1] // _STRIDE, shape[2] // _STRIDE
        init = gaussian(deviation)
        self.layers = nn.Sequential(
            dense(latent, 8 * features * height * width, init=init),
            Reshape(8 * features, height, width),
            BatchNorm(8 * features),
            nn.LeakyReLU(_SLOPE),
            KerasConvTranspose2d(8 * features, 4 * features, 5, 2, init=init),
            BatchNorm(4 * features),
            nn.LeakyReLU(_SLOPE),
            KerasConvTranspose2d(4 * features, 2 * features, 5, 2, init=init),
            BatchNorm(2 * features),
            nn.LeakyReLU(_SLOPE),
            KerasConvTranspose2d(2 * features, features, 5, 2, init=init),
            BatchNorm(features),
            nn.LeakyReLU(_SLOPE),
            KerasConvTranspose2d(features, channels, 5, 2, init=init),
            nn.Tanh(),
        )

    def forward(self, latents: Tensor) -> Tensor:
        """Images ``[N, C, H, W]`` in [-1, 1] from latents ``[N, latent]``."""
        return self.layers(latents)


class Discriminator(ScoringNetwork):
    """Image → 64 → 128 → 256 → 512 by 5×5 kernels of stride 2 → score; 4,310,401 trainable parameters at 32×32.

    References:
        Radford et al. 2015, arXiv 1511.06434; Valle 2019, Hands-On Generative Adversarial Networks with Keras, ch. 3.

    Args:
        shape: (channels, height, width) of the images; height and width multiples of 16.
        features: Channels after the first layer.
        deviation: Standard deviation of the initial weights.
        normalisation: Batch normalisation after all convolutions but the first; switch it off for penalties that
            regard each sample by itself.

    Raises:
        UsageError: A height or width that is not a multiple of 16.
    """

    native_shape = (3, 32, 32)

    def __init__(
        self,
        shape: tuple[int, int, int],
        *,
        features: int = 64,
        deviation: float = 0.02,
        normalisation: bool = True,
    ) -> None:
        super().__init__()
        check_positive(features, "features")
        check_divisible(shape, _STRIDE, "dcgan-cifar")
        init = gaussian(deviation)
        layers: list[nn.Module] = [KerasConv2d(shape[0], features, 5, 2, init=init), nn.LeakyReLU(_SLOPE)]
        for incoming in (features, 2 * features, 4 * features):
            layers.append(KerasConv2d(incoming, 2 * incoming, 5, 2, init=init))
            if normalisation:
                layers.append(BatchNorm(2 * incoming))
            layers.append(nn.LeakyReLU(_SLOPE))
        area = (shape[1] // _STRIDE) * (shape[2] // _STRIDE)
        self.trunk = nn.Sequential(*layers, nn.Flatten())
        self.head = dense(8 * features * area, 1, init=init)
