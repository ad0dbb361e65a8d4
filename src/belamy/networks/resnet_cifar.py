"""The residual GAN for CIFAR-10 of the book's companion code."""

from functools import partial

from torch import Tensor, nn
from torch.nn import functional as F

from belamy.networks.layers import (
    BatchNorm,
    GlobalAveragePool,
    KerasConv2d,
    KerasConvTranspose2d,
    MeanPooledConv2d,
    Reshape,
    ScoringNetwork,
    dense,
    gaussian,
)
from belamy.networks.sizes import check_divisible, check_positive

_SLOPE = 0.2
_BLOCKS = 3
_IN_BLOCK = gaussian(0.05)


class Generator(nn.Module):
    """Latents 128 → 4×4×F → three residual blocks that double the size → image; 1,204,099 trainable parameters.

    That count holds for 32×32, F = 128 and 128 latents.

    *Departs from the original*, whose shortcut is never reassigned in the loop over the blocks, so that block i adds a
    chain of 1×1 convolutions of the stem, not of its own input. Here it adds its own input; ``printed_skip`` gives the
    original's form, with the same number of parameters.

    References:
        Valle 2019, Hands-On Generative Adversarial Networks with Keras, chapter 5, resnet.py; Gulrajani et al. 2017,
        arXiv 1704.00028, appendix F.

    Args:
        latent: Size of the latents.
        shape: (channels, height, width) of the images; height and width multiples of 8.
        features: F, the channels of every block.
        printed_skip: Chain the shortcuts from the stem, as the original does.

    Raises:
        UsageError: A height or width that is not a multiple of 8.

    Example:
        >>> Generator(128, (3, 32, 32))(torch.randn(2, 128)).shape
        torch.Size([2, 3, 32, 32])
    """

    native_shape = (3, 32, 32)
    native_latent = 128
    value_range = (-1.0, 1.0)

    def __init__(
        self, latent: int, shape: tuple[int, int, int], *, features: int = 128, printed_skip: bool = False
    ) -> None:
        super().__init__()
        check_positive(latent, "The latent size")
        check_positive(features, "features")
        stride = 2**_BLOCKS
        check_divisible(shape, stride, "resnet-cifar")
        height, width = shape[1] // stride, shape[2] // stride
        self.printed_skip = printed_skip
        self.stem = nn.Sequential(dense(latent, features * height * width), Reshape(features, height, width))
        self.blocks = nn.ModuleList(_UpBlock(features) for _ in range(_BLOCKS))
        self.head = nn.Sequential(
            BatchNorm(features), nn.LeakyReLU(_SLOPE), KerasConv2d(features, shape[0], 3), nn.Tanh()
        )

    def forward(self, latents: Tensor) -> Tensor:
        """Images ``[N, C, H, W]`` in [-1, 1] from latents ``[N, latent]``."""
        return self.head(_through(self.blocks, self.stem(latents), self.printed_skip))


class Discriminator(ScoringNetwork):
    """Image → four residual blocks that halve the size → mean over the pixels → score.

    1,088,001 trainable parameters at F = 128, 1,086,465 without normalisation.

    *Departs from the original* in the shortcuts, as the generator does.

    References:
        Valle 2019, Hands-On Generative Adversarial Networks with Keras, chapter 5, resnet.py; Gulrajani et al. 2017,
        arXiv 1704.00028, appendix F.

    Args:
        shape: (channels, height, width) of the images; height and width multiples of 16.
        features: F, the channels of every block.
        normalisation: Batch normalisation in the last three blocks, as published; switch it off for penalties that
            regard each sample by itself (WGAN-GP).
        printed_skip: Chain the shortcuts from the stem, as the original does.

    Raises:
        UsageError: A height or width that is not a multiple of 16.
    """

    native_shape = (3, 32, 32)

    def __init__(
        self,
        shape: tuple[int, int, int],
        *,
        features: int = 128,
        normalisation: bool = True,
        printed_skip: bool = False,
    ) -> None:
        super().__init__()
        check_positive(features, "features")
        check_divisible(shape, 2 ** (_BLOCKS + 1), "resnet-cifar")
        self.printed_skip = printed_skip
        self.stem = _Stem(shape[0], features)
        self.blocks = nn.ModuleList(_DownBlock(features, normalisation) for _ in range(_BLOCKS))
        self.pool = nn.Sequential(nn.LeakyReLU(_SLOPE), GlobalAveragePool())
        self.head = dense(features, 1)

    def scores_and_features(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Scores ``[N]`` (logits) of images ``[N, C, H, W]`` in [-1, 1], and the features ``[N, F]`` behind them."""
        features = self.pool(_through(self.blocks, self.stem(images), self.printed_skip))
        return self.head(features).squeeze(1), features


class _UpBlock(nn.Module):
    """Twice the size: two normalised convolutions plus the enlarged input.

    The 1×1 convolution comes before the nearest-neighbour enlargement: they commute, and it costs a quarter there.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.main = nn.Sequential(
            BatchNorm(features),
            nn.ReLU(),
            KerasConvTranspose2d(features, features, 3, 2, init=_IN_BLOCK),
            BatchNorm(features),
            nn.ReLU(),
            KerasConv2d(features, features, 3, init=_IN_BLOCK),
        )
        self.mix = KerasConv2d(features, features, 1, bias=False, init=_IN_BLOCK)

    def forward(self, x: Tensor, skip: Tensor) -> tuple[Tensor, Tensor]:
        """The block's output and what the shortcut adds to it, ``[N, F, 2H, 2W]``."""
        x = self.main(x)
        skip = F.interpolate(self.mix(skip), scale_factor=2.0, mode="nearest")
        return x + skip, skip


class _Stem(nn.Module):
    """Half the size, before any normalisation."""

    def __init__(self, channels: int, features: int) -> None:
        super().__init__()
        self.main = nn.Sequential(
            KerasConv2d(channels, features, 3), nn.LeakyReLU(_SLOPE), MeanPooledConv2d(features, features)
        )
        self.mix = KerasConv2d(channels, features, 1)

    def forward(self, images: Tensor) -> Tensor:
        """``[N, F, H/2, W/2]``."""
        return self.main(images) + self.mix(F.avg_pool2d(images, 2))


class _DownBlock(nn.Module):
    """Half the size: two convolutions plus the 2×2 means of the input (which commute with the 1×1 convolution)."""

    def __init__(self, features: int, normalisation: bool) -> None:
        super().__init__()
        normalise = partial(BatchNorm, features) if normalisation else nn.Identity
        self.main = nn.Sequential(
            normalise(),
            nn.LeakyReLU(_SLOPE),
            KerasConv2d(features, features, 3, bias=False, init=_IN_BLOCK),
            normalise(),
            nn.LeakyReLU(_SLOPE),
            MeanPooledConv2d(features, features, init=_IN_BLOCK),
        )
        self.mix = KerasConv2d(features, features, 1, init=_IN_BLOCK)

    def forward(self, x: Tensor, skip: Tensor) -> tuple[Tensor, Tensor]:
        """The block's output and what the shortcut adds to it, ``[N, F, H/2, W/2]``."""
        x = self.main(x)
        skip = self.mix(F.avg_pool2d(skip, 2))
        return x + skip, skip


def _through(blocks: nn.ModuleList, stem: Tensor, printed_skip: bool) -> Tensor:
    x = skip = stem
    for block in blocks:
        x, skip = block(x, skip if printed_skip else x)
    return x
