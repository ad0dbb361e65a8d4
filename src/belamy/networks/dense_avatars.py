"""The dense generator of ``gan-avatars``."""

from math import prod

import torch
from torch import Tensor, nn

from belamy.networks.layers import BatchNorm, Reshape
from belamy.networks.sizes import check_positive

_SLOPE = 0.2


class Generator(nn.Module):
    """Latents → 512 → 512 → pixels, with batch normalisation between: every pixel has weights of its own.

    For small images whose parts always lie in the same places; there it learns a detail of three pixels sooner than
    convolutions do, and its steps cost less.

    References:
        Initial weights: He et al. 2015, arXiv 1502.01852, equation 14.

    Args:
        latent: Size of the latents.
        shape: (channels, height, width) of the images, any size.
        hidden: Features of both layers.

    Raises:
        UsageError: A size that is not positive.

    Example:
        >>> Generator(64, (3, 16, 16))(torch.randn(2, 64)).shape
        torch.Size([2, 3, 16, 16])
    """

    native_shape = (3, 16, 16)
    native_latent = 64
    value_range = (-1.0, 1.0)

    def __init__(self, latent: int, shape: tuple[int, int, int], *, hidden: int = 512) -> None:
        super().__init__()
        check_positive(latent, "The latent size")
        check_positive(hidden, "hidden")
        pixels = nn.Linear(hidden, prod(shape))
        self.layers = nn.Sequential(
            nn.Linear(latent, hidden),
            BatchNorm(hidden, momentum=0.1),
            nn.LeakyReLU(_SLOPE),
            nn.Linear(hidden, hidden),
            BatchNorm(hidden, momentum=0.1),
            nn.LeakyReLU(_SLOPE),
            pixels,
            nn.Tanh(),
            Reshape(*shape),
        )
        for layer in self.layers:
            if isinstance(layer, nn.Linear):
                nn.init.kaiming_normal_(layer.weight, _SLOPE)
                nn.init.zeros_(layer.bias)
        with torch.no_grad():
            pixels.weight.mul_(0.5)

    def forward(self, latents: Tensor) -> Tensor:
        """Images ``[N, C, H, W]`` in [-1, 1] from latents ``[N, latent]``."""
        return self.layers(latents)
