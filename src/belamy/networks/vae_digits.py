"""The networks of ``vae-digits``: our own small variational autoencoder for two CPU cores."""

from math import prod

from torch import Tensor, nn
from torch.nn import functional as F

from belamy.networks.layers import KerasConv2d, Reshape, dense
from belamy.networks.sizes import check_divisible, check_positive

_STRIDE = 4
_GREY = 0.5


class Encoder(nn.Module):
    """Image → patches of 8 × 8 pixels with stride 4 → 256 features → mean and log-variance.

    The image is first unshuffled to half its size, so that the patches are one well-filled 4 × 4 convolution.

    Args:
        shape: (channels, height, width) of the images; height and width multiples of 4.
        latent: Size of the code.
        width: Channels; the convolution has four times as many.
        hidden: Features.
        direct: Add a linear map of the pixels to the mean.

    Raises:
        UsageError: A height or width that is not a multiple of 4.

    Example:
        >>> mean, log_variance = Encoder((1, 28, 28), 20)(torch.rand(5, 1, 28, 28))
        >>> mean.shape, log_variance.shape
        (torch.Size([5, 20]), torch.Size([5, 20]))
    """

    native_shape = (1, 28, 28)
    native_latent = 20
    value_range = (0.0, 1.0)

    def __init__(
        self, shape: tuple[int, int, int], latent: int, *, width: int = 16, hidden: int = 256, direct: bool = False
    ) -> None:
        super().__init__()
        for name, value in {"The latent size": latent, "width": width, "hidden": hidden}.items():
            check_positive(value, name)
        check_divisible(shape, _STRIDE, "vae-digits")
        self.patches = KerasConv2d(4 * shape[0], 4 * width, 4, 2)
        self.hidden = dense(4 * width * (shape[1] // _STRIDE) * (shape[2] // _STRIDE), hidden)
        self.mean = dense(hidden, latent)
        self.log_variance = dense(hidden, latent)
        self.direct = dense(prod(shape), latent) if direct else None

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance, each ``[N, latent]``, of the code of images ``[N, C, H, W]`` in [0, 1]."""
        patches = F.relu(self.patches(F.pixel_unshuffle(images, 2)))  # [N, 4w, H/4, W/4]
        hidden = F.relu(self.hidden(patches.flatten(1)))
        mean = self.mean(hidden)
        if self.direct is not None:
            mean = mean + self.direct((images - _GREY).flatten(1))
        return mean, self.log_variance(hidden)


class Decoder(nn.Module):
    """Code → 256 → quarter size → half size → image, each step by pixel shuffle; sigmoid.

    Where parts always lie in the same places, most of an image is linear in few numbers, and ``direct`` lets both
    networks begin with that: details of a few pixels are then drawn after seconds.

    References:
        Pixel shuffle: Shi et al. 2016, arXiv 1609.05158, equation 4.

    Args:
        latent: Size of the code.
        shape: (channels, height, width) of the images; height and width multiples of 4.
        width: Channels; the first block has four times, the second twice as many.
        hidden: Features between the code and the first block.
        direct: Add a linear map of the code to the pixels, before the sigmoid.

    Raises:
        UsageError: A height or width that is not a multiple of 4.
    """

    native_shape = (1, 28, 28)
    native_latent = 20
    value_range = (0.0, 1.0)

    def __init__(
        self, latent: int, shape: tuple[int, int, int], *, width: int = 16, hidden: int = 256, direct: bool = False
    ) -> None:
        super().__init__()
        for name, value in {"The latent size": latent, "width": width, "hidden": hidden}.items():
            check_positive(value, name)
        check_divisible(shape, _STRIDE, "vae-digits")
        height, across = shape[1] // _STRIDE, shape[2] // _STRIDE
        self.layers = nn.Sequential(
            dense(latent, hidden),
            nn.ReLU(),
            dense(hidden, 4 * width * height * across),
            nn.ReLU(),
            Reshape(4 * width, height, across),
            KerasConv2d(4 * width, 8 * width, 1),
            nn.PixelShuffle(2),
            nn.ReLU(),
            KerasConv2d(2 * width, 4 * shape[0], 3),
            nn.PixelShuffle(2),
        )
        self.direct = nn.Sequential(dense(latent, prod(shape)), Reshape(*shape)) if direct else None

    def forward(self, codes: Tensor) -> Tensor:
        """Images ``[N, C, H, W]`` in [0, 1] from codes ``[N, latent]``."""
        logits: Tensor = self.layers(codes)
        return (logits if self.direct is None else logits + self.direct(codes)).sigmoid()
