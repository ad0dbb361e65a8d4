"""The DCGAN for 64×64 colour images of the PyTorch tutorial."""

from itertools import pairwise

import torch
from torch import Tensor, nn

from belamy.networks.layers import BatchNorm, ScoringNetwork
from belamy.networks.residual import doublings
from belamy.networks.sizes import check_divisible, check_positive

_SLOPE = 0.2
_MOMENTUM = 0.1
_WIDEST = 8  # times the width


class Generator(nn.Module):
    """Latents 100 → 4×4×512 → 256 → 128 → 64 → image, by transposed 4×4 convolutions; 3,576,704 weights at 64×64.

    Images of other sizes have as many doublings as lead down to about 4×4; the channels double towards the smallest
    map, up to eight times the width.

    References:
        Radford et al. 2015, arXiv 1511.06434, section 3 and figure 1, with half the channels as in the DCGAN tutorial
        of PyTorch; initial weights: section 4.

    Args:
        latent: Size of the latents.
        shape: (channels, height, width) of the images; height and width multiples of 4, at least 8.
        width: Channels at half the size.

    Raises:
        UsageError: A height or width that is not a multiple of 4 or below 8.

    Example:
        >>> Generator(100, (3, 64, 64), width=4)(torch.randn(2, 100)).shape
        torch.Size([2, 3, 64, 64])
    """

    native_shape = (3, 64, 64)
    native_latent = 100
    value_range = (-1.0, 1.0)

    def __init__(self, latent: int, shape: tuple[int, int, int], *, width: int = 64) -> None:
        super().__init__()
        check_positive(latent, "The latent size")
        widths, smallest = _plan(shape, width)
        widths = widths[::-1]
        layers: list[nn.Module] = [nn.ConvTranspose2d(latent, widths[0], smallest, bias=False)]
        for before, after in pairwise(widths):
            layers += [BatchNorm(before, momentum=_MOMENTUM), nn.ReLU()]
            layers += [nn.ConvTranspose2d(before, after, 4, 2, 1, bias=False)]
        layers += [BatchNorm(widths[-1], momentum=_MOMENTUM), nn.ReLU()]
        layers += [nn.ConvTranspose2d(widths[-1], shape[0], 4, 2, 1, bias=False), nn.Tanh()]
        self.layers = nn.Sequential(*layers)
        _initialise(self)

    def forward(self, latents: Tensor) -> Tensor:
        """Images ``[N, C, H, W]`` in [-1, 1] from latents ``[N, latent]``."""
        return self.layers(latents[:, :, None, None].contiguous(memory_format=torch.channels_last))


class Discriminator(ScoringNetwork):
    """The mirror image: 64 → 128 → 256 → 512 by 4×4 convolutions of stride 2 → score; 2,765,568 weights at 64×64.

    References:
        As the generator's.

    Args:
        shape: (channels, height, width) of the images; height and width multiples of 4, at least 8.
        width: Channels at half the size.

    Raises:
        UsageError: A height or width that is not a multiple of 4 or below 8.
    """

    native_shape = (3, 64, 64)

    def __init__(self, shape: tuple[int, int, int], *, width: int = 64) -> None:
        super().__init__()
        widths, smallest = _plan(shape, width)
        layers: list[nn.Module] = [nn.Conv2d(shape[0], widths[0], 4, 2, 1, bias=False), nn.LeakyReLU(_SLOPE)]
        for before, after in pairwise(widths):
            layers += [nn.Conv2d(before, after, 4, 2, 1, bias=False)]
            layers += [BatchNorm(after, momentum=_MOMENTUM), nn.LeakyReLU(_SLOPE)]
        self.trunk = nn.Sequential(*layers, nn.Flatten())
        self.head = nn.Linear(widths[-1] * smallest[0] * smallest[1], 1, bias=False)  # a convolution of the whole map
        _initialise(self)

    def scores_and_features(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Scores ``[N]`` (logits) of images ``[N, C, H, W]`` in [-1, 1], and the features ``[N, F]`` behind them."""
        return super().scores_and_features(images.contiguous(memory_format=torch.channels_last))


def _plan(shape: tuple[int, int, int], width: int) -> tuple[list[int], tuple[int, int]]:
    """Channels at half size, at a quarter and so on, and the smallest size."""
    check_positive(width, "width")
    check_divisible(shape, 4, "dcgan-64", least=2)
    times = doublings(shape)
    return [width * min(2**level, _WIDEST) for level in range(times)], (shape[1] // 2**times, shape[2] // 2**times)


def _initialise(network: nn.Module) -> None:
    """Normal weights of deviation 0.02, those of normalisations around 1."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.normal_(layer.weight, 0.0, 0.02)
            if layer.weight.dim() == 4:
                layer.weight.data = layer.weight.data.contiguous(memory_format=torch.channels_last)
        elif isinstance(layer, BatchNorm):
            nn.init.normal_(layer.weight, 1.0, 0.02)
            nn.init.zeros_(layer.bias)
