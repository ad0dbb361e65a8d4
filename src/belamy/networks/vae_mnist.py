"""Chollet's variational autoencoder for MNIST."""

from torch import Tensor, nn

from belamy.networks.layers import KerasConv2d, KerasConvTranspose2d, Reshape, dense
from belamy.networks.sizes import check_divisible, check_positive


class Encoder(nn.Module):
    """Image → four convolutions → 32 → mean and log-variance; 494,244 parameters at 28×28 and 2 latents.

    References:
        Chollet 2017, Deep Learning with Python, listing 8.23; Kingma & Welling 2013, arXiv 1312.6114.

    Args:
        shape: (channels, height, width) of the images; height and width even.
        latent: Size of the code.

    Raises:
        UsageError: An odd height or width.

    Example:
        >>> mean, log_variance = Encoder((1, 28, 28), 2)(torch.rand(5, 1, 28, 28))
        >>> mean.shape, log_variance.shape
        (torch.Size([5, 2]), torch.Size([5, 2]))
    """

    native_shape = (1, 28, 28)
    native_latent = 2
    value_range = (0.0, 1.0)

    def __init__(self, shape: tuple[int, int, int], latent: int) -> None:
        super().__init__()
        check_positive(latent, "The latent size")
        check_divisible(shape, 2, "vae-mnist")
        self.layers = nn.Sequential(
            KerasConv2d(shape[0], 32, 3),
            nn.ReLU(),
            KerasConv2d(32, 64, 3, 2),
            nn.ReLU(),
            KerasConv2d(64, 64, 3),
            nn.ReLU(),
            KerasConv2d(64, 64, 3),
            nn.ReLU(),
            nn.Flatten(),
            dense(64 * (shape[1] // 2) * (shape[2] // 2), 32),
            nn.ReLU(),
        )
        self.mean = dense(32, latent)
        self.log_variance = dense(32, latent)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance, each ``[N, latent]``, of the code of images ``[N, C, H, W]`` in [0, 1]."""
        hidden = self.layers(images)
        return self.mean(hidden), self.log_variance(hidden)


class Decoder(nn.Module):
    """Code → 14×14×64 → 32 → image, sigmoid; 56,385 parameters at 28×28 and 2 latents.

    References:
        Chollet 2017, Deep Learning with Python, listing 8.25.

    Args:
        latent: Size of the code.
        shape: (channels, height, width) of the images; height and width even.

    Raises:
        UsageError: An odd height or width.
    """

    native_shape = (1, 28, 28)
    native_latent = 2
    value_range = (0.0, 1.0)

    def __init__(self, latent: int, shape: tuple[int, int, int]) -> None:
        super().__init__()
        check_positive(latent, "The latent size")
        check_divisible(shape, 2, "vae-mnist")
        height, width = shape[1] // 2, shape[2] // 2
        self.layers = nn.Sequential(
            dense(latent, 64 * height * width),
            nn.ReLU(),
            Reshape(64, height, width),
            KerasConvTranspose2d(64, 32, 3, 2),
            nn.ReLU(),
            KerasConv2d(32, shape[0], 3),
            nn.Sigmoid(),
        )

    def forward(self, codes: Tensor) -> Tensor:
        """Images ``[N, C, H, W]`` in [0, 1] from codes ``[N, latent]``."""
        return self.layers(codes)
