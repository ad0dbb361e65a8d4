"""Self-attention GANs for images of 32×32, 64×64 and more."""

from itertools import pairwise

import torch
from torch import Tensor, nn

from belamy.networks.attention import SelfAttention
from belamy.networks.layers import BatchNorm, KerasConv2d, ScoringNetwork, dense
from belamy.networks.residual import DownBlock, UpBlock, doublings
from belamy.networks.sizes import check_divisible, check_positive

_LARGEST = 16


class Generator(nn.Module):
    """Latents 128 → smallest map → residual blocks that double the size → image, attention before the last block.

    The channels are ``features`` at full size and twice as many at each halving, up to 16 times; the smallest map has
    as many as the one after it. At 32×32 and 64 features: 4×4×256 → 256 → 128, attention → 64; 2,381,060 parameters.

    *Departs from the paper* in the size: there 128×128, where attention works on maps of 32×32; here it works at half
    the size of the image. Class-conditional batch normalisation and spectral normalisation are parts of their own.

    References:
        Zhang et al. 2018, arXiv 1805.08318, section 3; the blocks: Miyato & Koyama 2018, arXiv 1802.05637, figure 13.

    Args:
        latent: Size of the latents.
        shape: (channels, height, width) of the images; height and width multiples of 4, at least 8.
        features: Channels of the last block.

    Raises:
        UsageError: A height or width that is not a multiple of 4, or below 8.

    Example:
        >>> Generator(128, (3, 64, 64), features=4)(torch.randn(2, 128)).shape
        torch.Size([2, 3, 64, 64])
    """

    native_shape = (3, 32, 32)
    native_latent = 128
    value_range = (-1.0, 1.0)

    def __init__(self, latent: int, shape: tuple[int, int, int], *, features: int = 64) -> None:
        super().__init__()
        check_positive(latent, "The latent size")
        check_positive(features, "features")
        check_divisible(shape, 4, "sagan", least=2)
        times = doublings(shape)
        channels = _channels(features, times)[::-1]  # of the blocks' outputs
        height, width = (side // 2**times for side in shape[1:])
        self.start_shape = (height, width, channels[0])
        self.start = dense(latent, height * width * channels[0])
        *blocks, last = [UpBlock(before, after) for before, after in pairwise([channels[0], *channels])]
        self.blocks = nn.Sequential(*blocks, SelfAttention(last.mix.in_channels), last)
        self.head = nn.Sequential(BatchNorm(features), nn.ReLU(), KerasConv2d(features, shape[0], 3), nn.Tanh())

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images ``[N, C, H, W]`` in [-1, 1] from latents ``[N, latent]``."""
        x = self.start(latents).view(-1, *self.start_shape).permute(0, 3, 1, 2)  # channels last in memory
        return self.head(self.blocks(x))


class Discriminator(ScoringNetwork):
    """Image → residual blocks that halve the size, attention after the first → one that keeps it → sum → score.

    Channels as in the generator; 2,369,474 parameters at 32×32 and 64 features.

    References:
        Zhang et al. 2018, arXiv 1805.08318, section 3; the blocks: Miyato & Koyama 2018, arXiv 1802.05637, figure 14.

    Args:
        shape: (channels, height, width) of the images; height and width multiples of 4, at least 8.
        features: Channels of the first block.

    Raises:
        UsageError: A height or width that is not a multiple of 4, or below 8.
    """

    native_shape = (3, 32, 32)

    def __init__(self, shape: tuple[int, int, int], *, features: int = 64) -> None:
        super().__init__()
        check_positive(features, "features")
        check_divisible(shape, 4, "sagan", least=2)
        channels = _channels(features, doublings(shape))
        self.blocks = nn.Sequential(
            DownBlock(shape[0], features, first=True),
            SelfAttention(features),
            *(DownBlock(before, after) for before, after in pairwise(channels)),
            DownBlock(channels[-1], channels[-1], halve=False),
            nn.ReLU(),
        )
        self.score = dense(channels[-1], 1)

    def scores_and_features(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Scores ``[N]`` (logits) and features ``[N, F]`` of images ``[N, C, H, W]`` in [-1, 1]."""
        x = self.blocks(images.contiguous(memory_format=torch.channels_last)).sum((2, 3))
        return self.score(x).squeeze(1), x


def _channels(features: int, times: int) -> list[int]:
    """Channels at full size, at half of it, and so on."""
    return [features * min(2**halvings, _LARGEST) for halvings in range(times)]
