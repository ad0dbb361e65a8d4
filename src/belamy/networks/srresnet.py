"""SRResNet, the generator of SRGAN: residual blocks at the small size and sub-pixel convolutions."""

from __future__ import annotations

from torch import Tensor, nn

from belamy.networks.bicubic import enlarged
from belamy.networks.layers import BatchNorm
from belamy.networks.sizes import check_choice, check_positive

BASES = ("none", "bicubic")
STEPS = {2: (2,), 3: (3,), 4: (2, 2), 8: (2, 2, 2)}
"""How a scale is reached."""
_EPS, _MOMENTUM = 1e-5, 0.1


class Upscaler(nn.Module):
    r"""Residual blocks at the small size, then sub-pixel convolutions: the network of SRGAN.

    A 9×9 convolution, 16 residual blocks (3×3, batch normalisation, PReLU, 3×3, batch normalisation), a 3×3
    convolution whose sum with the first layer's output is enlarged by sub-pixel convolutions, and a 9×9 convolution.

    At 64 channels ×4 has 1,550,659 trainable parameters, ×2 1,402,883, for colour images. Every normalisation is left
    out with ``normalised=False``, as later networks have it, and the picture is added to its bicubic enlargement with
    ``base=bicubic``; the last layer then begins at zero. The last layer is linear, so outputs may leave [-1, 1].

    *Departs from the paper* in what it does not say: PReLU has a slope for each channel, convolutions begin as
    PyTorch's do, ×3 is one sub-pixel convolution of 3.

    References:
        Ledig et al. 2016, arXiv 1609.04802, section 2.1.1 and figure 4; sub-pixel convolution: Shi et al. 2016, arXiv
        1609.05158; without normalisation: Lim et al. 2017, arXiv 1707.02921; added to the enlargement: Kim et al. 2015,
        arXiv 1511.04587.

    Args:
        shape: (channels, height, width) of the small images.
        scale: 2, 3, 4 or 8.
        width: Channels.
        blocks: Residual blocks.
        normalised: Whether there are batch normalisations.
        base: What the network adds to: ``none`` or ``bicubic``.

    Raises:
        UsageError: An option out of range.

    Example:
        >>> import torch
        >>> Upscaler((3, 24, 24), 4, width=8, blocks=1)(torch.zeros(1, 3, 10, 17)).shape
        torch.Size([1, 3, 40, 68])
    """

    native_shape = (3, 24, 24)

    def __init__(
        self,
        shape: tuple[int, int, int],
        scale: int,
        *,
        width: int = 64,
        blocks: int = 16,
        normalised: bool = True,
        base: str = "none",
    ) -> None:
        super().__init__()
        check_positive(width, "width")
        check_positive(blocks, "blocks")
        self.scale, self.base = scale, check_choice(base, BASES, "base")
        channels = shape[0]
        self.first = nn.Sequential(nn.Conv2d(channels, width, 9, padding=4), nn.PReLU(width))
        self.blocks = nn.Sequential(*(_Block(width, normalised) for _ in range(blocks)))
        self.joined = nn.Sequential(nn.Conv2d(width, width, 3, padding=1), _norm(width, normalised))
        steps: list[nn.Module] = []
        for step in STEPS[scale]:
            steps += [nn.Conv2d(width, width * step**2, 3, padding=1), nn.PixelShuffle(step), nn.PReLU(width)]
        self.enlarging = nn.Sequential(*steps)
        self.last = nn.Conv2d(width, channels, 9, padding=4)
        if base == "bicubic":
            nn.init.zeros_(self.last.weight)
            nn.init.zeros_(self.last.bias)  # type: ignore[arg-type]

    def forward(self, images: Tensor) -> Tensor:
        """Large images from small ones in [-1, 1] of any size.  # [N, C, H, W] to [N, C, scale H, scale W]"""
        start = self.first(images)
        made: Tensor = self.last(self.enlarging(start + self.joined(self.blocks(start))))
        return made + enlarged(images, self.scale) if self.base == "bicubic" else made


def _norm(width: int, normalised: bool) -> nn.Module:
    return BatchNorm(width, eps=_EPS, momentum=_MOMENTUM) if normalised else nn.Identity()


class _Block(nn.Module):
    def __init__(self, width: int, normalised: bool) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1), _norm(width, normalised), nn.PReLU(width),
            nn.Conv2d(width, width, 3, padding=1), _norm(width, normalised),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)
