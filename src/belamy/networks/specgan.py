"""SpecGAN: pictures of sound by convolutions of 5×5 taps and stride 2, WaveGAN's in two dimensions."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from belamy.networks.layers import KerasConv2d, KerasConvTranspose2d, Reshape, ScoringNetwork, dense
from belamy.networks.residual import doublings
from belamy.networks.sizes import check_divisible, check_positive

_SLOPE = 0.2


class Generator(nn.Module):
    """Latents 100 → 4×4×1024 → 512 → 256 → 128 → 64 → 128×128; 19,065,345 parameters, as many as WaveGAN's.

    The smallest map's shorter side is 4 or a little more; each factor of two in size is a layer more or less.

    References:
        Donahue et al. 2019, arXiv 1802.04208, table 5.

    Args:
        latent: Size of the latents.
        shape: (channels, height, width) of a picture; height and width multiples of 4, at least 8.
        width: Features of the last layer but one, 64 in the paper; they double towards the latents.

    Raises:
        UsageError: A height or width that is not a multiple of 4 or below 8.

    Example:
        >>> Generator(100, (1, 128, 64), width=2)(torch.randn(2, 100)).shape
        torch.Size([2, 1, 128, 64])
    """

    native_shape = (1, 128, 128)
    native_latent = 100
    value_range = (-1.0, 1.0)

    def __init__(self, latent: int, shape: tuple[int, int, int], *, width: int = 64) -> None:
        super().__init__()
        check_positive(latent, "The latent size")
        features, height, width = features_of(shape, width)
        features.reverse()
        steps: list[nn.Module] = [
            dense(latent, features[0] * height * width), Reshape(features[0], height, width), nn.ReLU(),
        ]  # fmt: skip
        for incoming, outgoing in pairwise(features):
            steps += [KerasConvTranspose2d(incoming, outgoing, 5, 2), nn.ReLU()]
        self.layers = nn.Sequential(*steps, KerasConvTranspose2d(features[-1], shape[0], 5, 2), nn.Tanh())

    def forward(self, latents: Tensor) -> Tensor:
        """Pictures ``[N, C, H, W]`` in [-1, 1] from latents ``[N, latent]``."""
        return self.layers(latents)


class Discriminator(ScoringNetwork):
    """128×128 → 64 → 128 → 256 → 512 → 4×4×1024 → score, without normalisation; 17,427,969 parameters.

    References:
        Donahue et al. 2019, arXiv 1802.04208, table 6.

    Args:
        shape: (channels, height, width) of a picture; height and width multiples of 4, at least 8.
        width: Features of the first layer, 64 in the paper; they double from layer to layer.

    Raises:
        UsageError: A height or width that is not a multiple of 4 or below 8.
    """

    native_shape = (1, 128, 128)

    def __init__(self, shape: tuple[int, int, int], *, width: int = 64) -> None:
        super().__init__()
        features, height, width = features_of(shape, width)
        steps: list[nn.Module] = []
        for incoming, outgoing in pairwise([shape[0], *features]):
            steps += [KerasConv2d(incoming, outgoing, 5, 2), nn.LeakyReLU(_SLOPE)]
        self.trunk = nn.Sequential(*steps, nn.Flatten())
        self.head = dense(features[-1] * height * width, 1)


def features_of(shape: tuple[int, int, int], width: int) -> tuple[list[int], int, int]:
    """Features of each layer from the picture on, and the sides of the smallest map.

    Args:
        shape: (channels, height, width) of a picture.
        width: Features of the first layer.

    Example:
        >>> features_of((1, 128, 64), 8)
        ([8, 16, 32, 64], 8, 4)
    """
    check_positive(width, "specgan.width")
    check_divisible(shape, 4, "specgan", least=2)
    count = doublings(shape)
    return [width * 2**number for number in range(count)], shape[1] >> count, shape[2] >> count
