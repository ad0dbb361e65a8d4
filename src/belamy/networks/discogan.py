"""The networks of DiscoGAN: an encoder and a decoder without shortcuts, and a discriminator of whole pictures."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from belamy.networks.layers import BatchNorm, KerasConv2d, KerasConvTranspose2d, gaussian
from belamy.networks.residual import doublings
from belamy.networks.sizes import check_divisible, check_positive

_SLOPE = 0.2
_LAYERS = 4
_NORMAL = gaussian(0.02)


class Translator(nn.Module):
    """Four 4×4 convolutions of stride 2 (64, 128, 256, 512 maps) and four transposed ones back.

    64×64 pictures are 4×4 in between. Leaky ReLU on the way down, ReLU on the way up, each after a batch normalisation
    but for the first and the last layer. Nothing but the smallest maps leads from one side to the other.

    References:
        Kim, Cha, Kim, Lee & Kim 2017, arXiv 1703.05192, section 3.1 and figure 2; widths and normalisation after DCGAN.

    Args:
        shape: (channels, height, width) of what is given; sides are halved up to four times, while that leaves 4
            pixels.
        outputs: Channels of what is made.
        width: Maps of the first convolution.

    Raises:
        UsageError: Sides that cannot be halved twice.

    Example:
        >>> Translator((1, 64, 64), 3, width=4)(torch.zeros(2, 1, 64, 64)).shape
        torch.Size([2, 3, 64, 64])
    """

    native_shape = (3, 64, 64)

    def __init__(self, shape: tuple[int, int, int], outputs: int, *, width: int = 64) -> None:
        super().__init__()
        check_positive(outputs, "The number of channels that are made")
        maps = _maps(shape, width)
        self.stride = 2 ** len(maps)
        self.encoder = nn.Sequential(*_halvings(shape[0], maps))
        layers: list[nn.Module] = []
        for before, after in pairwise(reversed(maps)):
            layers += [KerasConvTranspose2d(before, after, 4, 2, init=_NORMAL), BatchNorm(after), nn.ReLU()]
        self.decoder = nn.Sequential(*layers, KerasConvTranspose2d(maps[0], outputs, 4, 2, init=_NORMAL))

    def forward(self, images: Tensor, streams: Sequence[torch.Generator] | None = None) -> Tensor:
        """Pictures ``[N, outputs, H, W]`` in [-1, 1] from pictures ``[N, C, H, W]``.

        Args:
            images: What is translated, of sides that can be halved as often as those it was built for.
            streams: Random numbers that it does not need: nothing is dropped.

        Raises:
            UsageError: Sides that cannot.
        """
        check_divisible(tuple(images.shape[1:]), self.stride, "discogan")
        return torch.tanh(self.decoder(self.encoder(images)))


class PatchDiscriminator(nn.Module):
    """The encoder of the translator, and one more 4×4 convolution: one score for a picture of 64×64 pixels.

    Of larger pictures it scores every place where that convolution fits.

    References:
        Kim et al. 2017, arXiv 1703.05192, section 3.1.

    Args:
        shape: (channels, height, width) of a picture.
        width: Maps of the first convolution.

    Raises:
        UsageError: Sides that cannot be halved twice.

    Example:
        >>> PatchDiscriminator((3, 64, 64), width=4)(torch.zeros(2, 3, 64, 64)).shape
        torch.Size([2, 1, 1, 1])
    """

    native_shape = (3, 64, 64)

    def __init__(self, shape: tuple[int, int, int], *, width: int = 64) -> None:
        super().__init__()
        maps = _maps(shape, width)
        self.encoder = nn.Sequential(*_halvings(shape[0], maps))
        self.head = KerasConv2d(maps[-1], 1, 4, padding="valid", init=_NORMAL)

    def forward(self, images: Tensor) -> Tensor:
        """Scores (logits) ``[N, 1, h, w]`` of pictures ``[N, C, H, W]``."""
        return self.head(self.encoder(images))


def _maps(shape: tuple[int, int, int], width: int) -> list[int]:
    """The widths of the halvings.

    Raises:
        UsageError: Sides that cannot be halved twice, or no width.
    """
    check_positive(width, "width")
    check_divisible(shape, 4, "discogan", least=4)
    return [width * 2**level for level in range(min(_LAYERS, doublings(shape)))]


def _halvings(channels: int, maps: Sequence[int]) -> list[nn.Module]:
    layers: list[nn.Module] = [KerasConv2d(channels, maps[0], 4, 2, init=_NORMAL), nn.LeakyReLU(_SLOPE)]
    for before, after in pairwise(maps):
        layers += [KerasConv2d(before, after, 4, 2, init=_NORMAL), BatchNorm(after), nn.LeakyReLU(_SLOPE)]
    return layers
