"""The dense energy-based GAN for MNIST digits: its discriminator is an autoencoder."""

from math import prod

from torch import Tensor, nn

from belamy.networks.layers import BatchNorm, Reshape, ScoringNetwork, dense
from belamy.networks.sizes import check_positive

_LEAST = 1e-6  # keeps the slope of the norm finite where a reconstruction is perfect


class Generator(nn.Module):
    """Latents → dense layers with batch normalisation and ReLU → pixels, tanh; 980,752 parameters at 28×28.

    *Departs from the paper*, whose grid search tried 2 to 5 layers of 400 to 3200 units: the defaults are for a CPU.

    References:
        Zhao et al. 2016, arXiv 1609.03126, section 4.1 (the search over dense networks for digits).

    Args:
        latent: Size of the latents.
        shape: (channels, height, width) of the images, any size.
        width: Units of a hidden layer.
        layers: Dense layers, the last one included.

    Example:
        >>> Generator(100, (1, 28, 28))(torch.randn(2, 100)).shape
        torch.Size([2, 1, 28, 28])
    """

    native_shape = (1, 28, 28)
    native_latent = 100
    value_range = (-1.0, 1.0)

    def __init__(self, latent: int, shape: tuple[int, int, int], *, width: int = 512, layers: int = 4) -> None:
        super().__init__()
        for name, value in (("The latent size", latent), ("width", width), ("layers", layers)):
            check_positive(value, name)
        hidden: list[nn.Module] = []
        for incoming in [latent, *[width] * (layers - 2)][: layers - 1]:
            hidden += [dense(incoming, width, bias=False), BatchNorm(width, momentum=0.1), nn.ReLU()]
        last = dense(width if hidden else latent, prod(shape))
        self.layers = nn.Sequential(*hidden, last, nn.Tanh(), Reshape(*shape))

    def forward(self, latents: Tensor) -> Tensor:
        """Images ``[N, C, H, W]`` in [-1, 1] from latents ``[N, latent]``."""
        return self.layers(latents)


class Discriminator(ScoringNetwork):
    r"""Pixels → code → pixels by one dense layer each; the score is minus the reconstruction's distance.

    .. math:: s(x) = -\lVert \mathrm{Dec}(\mathrm{Enc}(x)) - x \rVert_2

    The mean digit is about 14 away from a digit in [-1, 1] at 28×28; hence the margin 10 of the loss ``energy-based``.
    804,112 parameters at 28×28.

    References:
        Zhao et al. 2016, arXiv 1609.03126, section 2.3 and equation 6; hidden units 128 to 1024 in section 4.1.

    Args:
        shape: (channels, height, width) of the images, any size.
        width: Units of the code.
    """

    native_shape = (1, 28, 28)

    def __init__(self, shape: tuple[int, int, int], *, width: int = 512) -> None:
        super().__init__()
        check_positive(width, "width")
        self.encoder = nn.Sequential(nn.Flatten(), dense(prod(shape), width), nn.ReLU())
        self.decoder = nn.Sequential(dense(width, prod(shape)), nn.Tanh())

    def scores_and_features(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Scores ``[N]`` of images ``[N, C, H, W]`` in [-1, 1], minus their energies, and codes ``[N, width]``."""
        codes = self.encoder(images)
        errors = self.decoder(codes) - images.flatten(1)
        return -(errors.square().sum(1) + _LEAST).sqrt(), codes
