"""The networks of ``pictures``: our own GAN for a user's pictures of 32 to 256 pixels, on a CPU."""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from belamy.networks.layers import BatchNorm, ScoringNetwork
from belamy.networks.residual import doublings
from belamy.networks.sizes import check_divisible, check_positive

_SLOPE = 0.2
_WIDEST = 8  # times the width


class Generator(nn.Module):
    """Latent → 4×4 → doubled again and again, a residual block at each size → image, the last step by pixel shuffle.

    Args:
        latent: Size of the latents.
        shape: (channels, height, width) of the images; height and width multiples of 4, at least 8.
        width: Channels at half the size over two; each halving doubles them, up to eight times the width.
        blocks: Residual blocks at each size.

    Raises:
        UsageError: A height or width that is not a multiple of 4 or below 8.
    """

    native_shape = (3, 64, 64)
    native_latent = 64
    value_range = (-1.0, 1.0)

    def __init__(self, latent: int, shape: tuple[int, int, int], *, width: int = 16, blocks: int = 0) -> None:
        super().__init__()
        check_positive(latent, "The latent size")
        widths, smallest = _plan(shape, width)
        widths = widths[::-1]
        self.start_shape = (*smallest, widths[0])
        self.start = nn.Linear(latent, widths[0] * smallest[0] * smallest[1])
        layers: list[nn.Module] = [_Block(widths[0], True) for _ in range(blocks)]
        for before, after in pairwise(widths):
            layers += [
                BatchNorm(before, momentum=0.1),
                nn.LeakyReLU(_SLOPE),
                nn.ConvTranspose2d(before, after, 4, 2, 1),
            ]
            layers += [_Block(after, True) for _ in range(blocks)]
        image = nn.Conv2d(widths[-1], 4 * shape[0], 3, padding=1)
        layers += [BatchNorm(widths[-1], momentum=0.1), nn.LeakyReLU(_SLOPE), image, nn.PixelShuffle(2), nn.Tanh()]
        self.layers = nn.Sequential(*layers)
        _initialise(self)
        with torch.no_grad():
            image.weight.mul_(0.5)

    def forward(self, latents: Tensor) -> Tensor:
        """Images ``[N, C, H, W]`` in [-1, 1] from latents ``[N, latent]``."""
        x = self.start(latents).view(-1, *self.start_shape)
        return self.layers(x.permute(0, 3, 1, 2))  # channels last in memory


class Discriminator(ScoringNetwork):
    """Image, unshuffled to half its size → halved again and again, a residual block at each size → features → score."""

    native_shape = (3, 64, 64)

    def __init__(self, shape: tuple[int, int, int], *, width: int = 16, hidden: int = 128, blocks: int = 0) -> None:
        super().__init__()
        widths, smallest = _plan(shape, width)
        layers: list[nn.Module] = [nn.Conv2d(4 * shape[0], widths[0], 3, padding=1), nn.LeakyReLU(_SLOPE)]
        for before, after in pairwise(widths):
            layers += [nn.Conv2d(before, after, 4, 2, 1), nn.LeakyReLU(_SLOPE)]
            layers += [_Block(after, False) for _ in range(blocks)]
        self.layers = nn.Sequential(*layers)
        self.hidden = nn.Linear(widths[-1] * smallest[0] * smallest[1], hidden)
        self.head = nn.Linear(hidden, 1)
        _initialise(self)
        with torch.no_grad():
            self.head.weight.mul_(0.5)

    def scores_and_features(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Scores ``[N]`` (logits) of images ``[N, C, H, W]`` in [-1, 1], and the features ``[N, F]`` behind them."""
        x = F.pixel_unshuffle(images, 2).contiguous(memory_format=torch.channels_last)
        x = self.layers(x)
        features = F.leaky_relu(self.hidden(x.permute(0, 2, 3, 1).flatten(1)), _SLOPE)  # [N, hidden]
        return self.head(features).squeeze(1), features


class _Block(nn.Module):
    def __init__(self, channels: int, normalised: bool) -> None:
        super().__init__()
        norm = [BatchNorm(channels, momentum=0.1)] if normalised else []
        self.convolution = nn.Conv2d(channels, channels, 3, padding=1)
        self.before = nn.Sequential(*norm, nn.LeakyReLU(_SLOPE))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.convolution(self.before(x))


def _plan(shape: tuple[int, int, int], width: int) -> tuple[list[int], tuple[int, int]]:
    """Channels at half size, at a quarter and so on down to about 4×4, and that smallest size."""
    check_positive(width, "width")
    check_divisible(shape, 4, "pictures", least=2)
    times = doublings(shape)
    widths = [width * min(2 ** (halvings + 1), _WIDEST) for halvings in range(times)]
    return widths, (shape[1] // 2**times, shape[2] // 2**times)


def _initialise(network: nn.Module) -> None:
    for layer in network.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            transposed = isinstance(layer, nn.ConvTranspose2d)
            nn.init.kaiming_normal_(layer.weight, _SLOPE, mode="fan_out" if transposed else "fan_in")
            with torch.no_grad():
                if transposed:  # with stride 2 each output sums a quarter of the kernel's taps
                    layer.weight.mul_(2)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
            if not isinstance(layer, nn.Linear):
                layer.weight.data = layer.weight.data.contiguous(memory_format=torch.channels_last)
        if isinstance(layer, _Block):
            nn.init.zeros_(layer.convolution.weight)
