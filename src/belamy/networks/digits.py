"""The networks of ``digits``: our own small GAN for two CPU cores."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from belamy.networks.layers import BatchNorm, ScoringNetwork
from belamy.networks.sizes import check_divisible, check_positive

_STRIDE = 4
_SLOPE = 0.2


class Generator(nn.Module):
    """Latent → 128 → quarter size → half size → image, the last step by pixel shuffle.

    Every convolution works at half the size of the image or less, with enough channels to keep a CPU's arithmetic
    units busy.

    References:
        Pixel shuffle: Shi et al. 2016, arXiv 1609.05158, equation 4. Initial weights: He et al. 2015,
        arXiv 1502.01852, equation 14.

    Args:
        latent: Size of the latents.
        shape: (channels, height, width) of the images; height and width multiples of 4.
        width: Channels; the first block has four times, the second twice as many.
        hidden: Features between the latents and the first block.

    Raises:
        UsageError: A height or width that is not a multiple of 4.

    Example:
        >>> Generator(64, (1, 28, 28))(torch.randn(2, 64)).shape
        torch.Size([2, 1, 28, 28])
    """

    native_shape = (1, 28, 28)
    native_latent = 64
    value_range = (-1.0, 1.0)

    def __init__(self, latent: int, shape: tuple[int, int, int], *, width: int = 16, hidden: int = 128) -> None:
        super().__init__()
        for name, value in {"The latent size": latent, "width": width, "hidden": hidden}.items():
            check_positive(value, name)
        check_divisible(shape, _STRIDE, "digits")
        channels, height, width_4 = shape[0], shape[1] // _STRIDE, shape[2] // _STRIDE
        self.start_shape = (height, width_4, 4 * width)
        image = nn.Conv2d(2 * width, 4 * channels, 3, padding=1)
        self.start = nn.Sequential(
            nn.Linear(latent, hidden), nn.LeakyReLU(_SLOPE), nn.Linear(hidden, 4 * width * height * width_4)
        )
        self.layers = nn.Sequential(
            BatchNorm(4 * width, momentum=0.1),
            nn.LeakyReLU(_SLOPE),
            nn.ConvTranspose2d(4 * width, 2 * width, 4, 2, 1),
            BatchNorm(2 * width, momentum=0.1),
            nn.LeakyReLU(_SLOPE),
            image,
            nn.PixelShuffle(2),
            nn.Tanh(),
        )
        _initialise(self)
        with torch.no_grad():
            image.weight.mul_(0.5)

    def forward(self, latents: Tensor) -> Tensor:
        """Images ``[N, C, H, W]`` in [-1, 1] from latents ``[N, latent]``."""
        x = self.start(latents).view(-1, *self.start_shape)
        return self.layers(x.permute(0, 3, 1, 2))  # [N, 4w, H/4, W/4], channels last in memory


class Discriminator(ScoringNetwork):
    """Patches of 8 × 8 pixels with stride 4 → 128 features → score.

    The image is first unshuffled to half its size, so that the patches are one well-filled 4 × 4 convolution.

    Args:
        shape: (channels, height, width) of the images; height and width multiples of 4.
        width: Channels; the convolution has four times as many.
        hidden: Features.

    Raises:
        UsageError: A height or width that is not a multiple of 4.
    """

    native_shape = (1, 28, 28)

    def __init__(self, shape: tuple[int, int, int], *, width: int = 16, hidden: int = 128) -> None:
        super().__init__()
        for value, name in ((width, "width"), (hidden, "hidden")):
            check_positive(value, name)
        check_divisible(shape, _STRIDE, "digits")
        channels, height, width_4 = shape[0], shape[1] // _STRIDE, shape[2] // _STRIDE
        self.patches = nn.Conv2d(4 * channels, 4 * width, 4, 2, 1)
        self.hidden = nn.Linear(4 * width * height * width_4, hidden)
        self.head = nn.Linear(hidden, 1)
        _initialise(self)
        with torch.no_grad():
            self.head.weight.mul_(0.5)

    def scores_and_features(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Scores ``[N]`` (logits) of images ``[N, C, H, W]`` in [-1, 1], and the features ``[N, F]`` behind them."""
        x = F.pixel_unshuffle(images, 2).contiguous(memory_format=torch.channels_last)
        x = F.leaky_relu(self.patches(x), _SLOPE)  # [N, 4w, H/4, W/4]
        features = F.leaky_relu(self.hidden(x.permute(0, 2, 3, 1).flatten(1)), _SLOPE)  # [N, hidden]
        return self.head(features).squeeze(1), features


def _initialise(network: nn.Module) -> None:
    for layer in network.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            transposed = isinstance(layer, nn.ConvTranspose2d)
            nn.init.kaiming_normal_(layer.weight, _SLOPE, mode="fan_out" if transposed else "fan_in")
            if transposed:
                with torch.no_grad():  # with stride 2 each output sums a quarter of the kernel's taps
                    layer.weight.mul_(2)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
            if not isinstance(layer, nn.Linear):
                layer.weight.data = layer.weight.data.contiguous(memory_format=torch.channels_last)
