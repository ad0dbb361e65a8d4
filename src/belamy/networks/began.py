"""The boundary-equilibrium GAN: its discriminator is an autoencoder, its generator the same kind of decoder."""

import torch
from torch import Tensor, nn

from belamy.networks.layers import KerasConv2d, Reshape, ScoringNetwork, dense
from belamy.networks.sizes import check_divisible, check_positive

_STRIDE = 4
_SMALLEST = 7  # the coarsest map keeps at least this many pixels a side where the image has them


class Generator(nn.Module):
    """Latents → coarsest map → 3×3 convolutions with ELU in pairs, enlarged twofold between them → image, tanh.

    65,025 parameters at 28×28, and 266,641 of the discriminator.

    *Departs from the paper*, whose images are not squashed by a tanh, and whose variant for 128 pixels feeds the first
    map again into each size; its 64 channels or more are 16 here by default, for a CPU.

    References:
        Berthelot et al. 2017, arXiv 1703.10717, section 3.5 and figure 1.

    Args:
        latent: Size of the latents.
        shape: (channels, height, width) of the images; height and width multiples of 4.
        width: Channels n of every convolution.
        repeats: Convolutions at each size, 2 in the paper.

    Raises:
        UsageError: A height or width that is not a multiple of 4.

    Example:
        >>> Generator(64, (1, 28, 28))(torch.randn(2, 64)).shape
        torch.Size([2, 1, 28, 28])
    """

    native_shape = (1, 28, 28)
    native_latent = 64
    value_range = (-1.0, 1.0)

    def __init__(self, latent: int, shape: tuple[int, int, int], *, width: int = 16, repeats: int = 2) -> None:
        super().__init__()
        for name, value in (("The latent size", latent), ("width", width), ("repeats", repeats)):
            check_positive(value, name)
        check_divisible(shape, _STRIDE, "began")
        self.layers = nn.Sequential(*_decoder(latent, shape, width, repeats), nn.Tanh())
        _channels_last(self)

    def forward(self, latents: Tensor) -> Tensor:
        """Images ``[N, C, H, W]`` in [-1, 1] from latents ``[N, latent]``."""
        return self.layers(latents)


class Discriminator(ScoringNetwork):
    r"""Image → code → image; the score is minus the mean absolute error of the reconstruction.

    .. math:: s(x) = -\tfrac{1}{CHW}\lVert x - \mathrm{Dec}(\mathrm{Enc}(x)) \rVert_1

    The encoder halves the size by convolutions of stride 2, with n, 2n, 3n … channels; the decoder has the generator's
    form. Neither the code nor the reconstruction is squashed.

    References:
        Berthelot et al. 2017, arXiv 1703.10717, section 3.1 (η = 1) and 3.5, figure 1.

    Args:
        shape: (channels, height, width) of the images; height and width multiples of 4.
        width: Channels n of the first convolution and of the decoder.
        code: Size of the code, the paper's N_h.
        repeats: Convolutions at each size, 2 in the paper.

    Raises:
        UsageError: A height or width that is not a multiple of 4.
    """

    native_shape = (1, 28, 28)

    def __init__(self, shape: tuple[int, int, int], *, width: int = 16, code: int = 64, repeats: int = 2) -> None:
        super().__init__()
        for name, value in (("width", width), ("code", code), ("repeats", repeats)):
            check_positive(value, name)
        check_divisible(shape, _STRIDE, "began")
        self.encoder = nn.Sequential(*_encoder(shape, width, code, repeats))
        self.decoder = nn.Sequential(*_decoder(code, shape, width, repeats))
        _channels_last(self)

    def scores_and_features(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Scores ``[N]`` of images ``[N, C, H, W]`` in [-1, 1], minus their errors, and codes ``[N, code]``."""
        codes = self.encoder(images)
        return -(self.decoder(codes) - images).abs().mean((1, 2, 3)), codes


def _halvings(shape: tuple[int, int, int]) -> int:
    """How often the sides are halved: twice, and on while they stay whole and no smaller than the coarsest map."""
    times = 2
    while all(side % 2 ** (times + 1) == 0 and side >> (times + 1) >= _SMALLEST for side in shape[1:]):
        times += 1
    return times


def _encoder(shape: tuple[int, int, int], width: int, code: int, repeats: int) -> list[nn.Module]:
    times = _halvings(shape)
    layers: list[nn.Module] = [KerasConv2d(shape[0], width, 3), nn.ELU()]
    for i in range(1, times + 1):
        layers += _same_size(i * width, repeats - 1)
        layers += [KerasConv2d(i * width, (i + 1) * width, 3, 2), nn.ELU()]
    area = (shape[1] >> times) * (shape[2] >> times)
    last = (times + 1) * width
    return [*layers, *_same_size(last, repeats - 1), nn.Flatten(), dense(last * area, code)]


def _decoder(code: int, shape: tuple[int, int, int], width: int, repeats: int) -> list[nn.Module]:
    times = _halvings(shape)
    height, breadth = shape[1] >> times, shape[2] >> times
    layers: list[nn.Module] = [dense(code, width * height * breadth), Reshape(width, height, breadth)]
    for i in range(times + 1):
        layers += _same_size(width, repeats)
        if i < times:
            layers.append(nn.Upsample(scale_factor=2, mode="nearest"))
    return [*layers, KerasConv2d(width, shape[0], 3)]


def _same_size(width: int, count: int) -> list[nn.Module]:
    return [layer for _ in range(count) for layer in (KerasConv2d(width, width, 3), nn.ELU())]


def _channels_last(network: nn.Module) -> None:
    """Keep kernels, and so the maps they make, channel by channel in memory: on a CPU nearly twice as fast."""
    for layer in network.modules():
        if isinstance(layer, KerasConv2d):
            layer.weight.data = layer.weight.data.contiguous(memory_format=torch.channels_last)
