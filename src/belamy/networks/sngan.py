"""The residual networks for CIFAR-10 of spectrally normalised GANs."""

import torch
from torch import Tensor, nn

from belamy.networks.layers import BatchNorm, KerasConv2d, ScoringNetwork, dense
from belamy.networks.residual import DownBlock, UpBlock
from belamy.networks.sizes import check_divisible, check_positive

_UP, _DOWN = 8, 4


class Generator(nn.Module):
    """Latents 128 → 4×4×256 → three residual blocks that double the size → image; 4,276,739 parameters at 32×32.

    References:
        Miyato et al. 2018, arXiv 1802.05957, appendix B.4, table 4 (left) and figure 14.

    Args:
        latent: Size of the latents.
        shape: (channels, height, width) of the images; height and width multiples of 8.
        features: Channels of every block.

    Raises:
        UsageError: A height or width that is not a multiple of 8.

    Example:
        >>> Generator(128, (3, 32, 32), features=16)(torch.randn(2, 128)).shape
        torch.Size([2, 3, 32, 32])
    """

    native_shape = (3, 32, 32)
    native_latent = 128
    value_range = (-1.0, 1.0)

    def __init__(self, latent: int, shape: tuple[int, int, int], *, features: int = 256) -> None:
        super().__init__()
        check_positive(latent, "The latent size")
        check_positive(features, "features")
        check_divisible(shape, _UP, "sngan")
        self.start_shape = (shape[1] // _UP, shape[2] // _UP, features)
        self.start = dense(latent, self.start_shape[0] * self.start_shape[1] * features)
        self.blocks = nn.Sequential(*(UpBlock(features, features) for _ in range(3)))
        self.head = nn.Sequential(BatchNorm(features), nn.ReLU(), KerasConv2d(features, shape[0], 3), nn.Tanh())

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images ``[N, C, H, W]`` in [-1, 1] from latents ``[N, latent]``."""
        x = self.start(latents).view(-1, *self.start_shape).permute(0, 3, 1, 2)  # [N, F, H/8, W/8], channels last
        return self.head(self.blocks(x))


class Discriminator(ScoringNetwork):
    """Image → two residual blocks that halve the size → two that keep it → sum over the pixels → score.

    1,053,825 parameters for colour images. Spectral normalisation is not built in: choose it as a penalty or as a
    parametrisation of the weights.

    References:
        Miyato et al. 2018, arXiv 1802.05957, appendix B.4, table 4 (right) and figure 14.

    Args:
        shape: (channels, height, width) of the images; height and width multiples of 4.
        features: Channels of every block.

    Raises:
        UsageError: A height or width that is not a multiple of 4.
    """

    native_shape = (3, 32, 32)

    def __init__(self, shape: tuple[int, int, int], *, features: int = 128) -> None:
        super().__init__()
        check_positive(features, "features")
        check_divisible(shape, _DOWN, "sngan")
        self.blocks = nn.Sequential(
            DownBlock(shape[0], features, first=True),
            DownBlock(features, features),
            DownBlock(features, features, halve=False),
            DownBlock(features, features, halve=False),
            nn.ReLU(),
        )
        self.score = dense(features, 1)

    def scores_and_features(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Scores ``[N]`` (logits) and features ``[N, F]`` of images ``[N, C, H, W]`` in [-1, 1]."""
        x = self.blocks(images.contiguous(memory_format=torch.channels_last)).sum((2, 3))
        return self.score(x).squeeze(1), x
