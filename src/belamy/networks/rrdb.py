"""The generator of ESRGAN and Real-ESRGAN: residual-in-residual dense blocks at the small size."""

from __future__ import annotations

from itertools import accumulate

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from belamy.networks.bicubic import enlarged
from belamy.networks.sizes import check_choice, check_positive
from belamy.networks.srresnet import BASES, STEPS

SLOPE = 0.2
SHARE = 0.2
"""Of a block that is added to what it was given."""
_INITIAL = 0.1
DENSE, LAYERS = 3, 5
"""Dense blocks in one of the residual ones, and convolutions in each."""


class Upscaler(nn.Module):
    r"""Dense blocks within residual blocks, then enlargement: the network of ESRGAN.

    A convolution, residual-in-residual dense blocks, a convolution, nearest-neighbour enlargement by 2 and a
    convolution for each, and two convolutions; all 3×3, LeakyReLU of slope 0.2, no normalisation.

    A dense block has 5 convolutions, each of which sees all before it and adds ``growth`` channels; it is added to its
    input times 0.2, and so are three of them together. 16,697,987 parameters for ×4 of colour images at 64 channels,
    growth 32 and 23 blocks, as published. Weights within blocks begin at a tenth of Kaiming's normal ones. The last
    layer is linear, so outputs may leave [-1, 1].

    *Departs from Real-ESRGAN* for ×2, where it folds 2×2 pixels into channels and enlarges twice; here ×2 and ×3
    enlarge once.

    References:
        Wang et al. 2018, arXiv 1809.00219, section 3.1; the published network: Wang et al. 2021, arXiv 2107.10833.

    Args:
        shape: (channels, height, width) of the small images.
        scale: 2, 3, 4 or 8.
        width: Channels.
        growth: Channels that each convolution of a dense block adds.
        blocks: Residual blocks, of three dense ones each; the published networks have 23, or 6.
        base: What the network adds to: ``none`` or ``bicubic``; the last layer then begins at zero.

    Raises:
        UsageError: An option out of range.

    Example:
        >>> Upscaler((3, 24, 24), 3, width=8, growth=4, blocks=1)(torch.zeros(1, 3, 10, 17)).shape
        torch.Size([1, 3, 30, 51])
    """

    native_shape = (3, 24, 24)

    def __init__(
        self,
        shape: tuple[int, int, int],
        scale: int,
        *,
        width: int = 64,
        growth: int = 32,
        blocks: int = 6,
        base: str = "none",
    ) -> None:
        super().__init__()
        for value, what in ((width, "width"), (growth, "growth"), (blocks, "blocks")):
            check_positive(value, what)
        self.scale, self.base = scale, check_choice(base, BASES, "base")
        self.steps = STEPS[scale]
        self.first = _convolution(shape[0], width)
        self.blocks = nn.Sequential(*(_Residual(width, growth) for _ in range(blocks)))
        self.joined = _convolution(width, width)
        self.enlarging = nn.ModuleList(_convolution(width, width) for _ in self.steps)
        self.finishing = _convolution(width, width)
        self.last = _convolution(width, shape[0])
        if base == "bicubic":
            nn.init.zeros_(self.last.weight)
            nn.init.zeros_(self.last.bias)  # type: ignore[arg-type]

    def forward(self, images: Tensor) -> Tensor:
        """Large images from small ones in [-1, 1] of any size.  # [N, C, H, W] to [N, C, scale H, scale W]"""
        start = self.first(images)
        x = start + self.joined(self.blocks(start))
        for step, convolution in zip(self.steps, self.enlarging, strict=True):
            x = F.leaky_relu(convolution(F.interpolate(x, scale_factor=float(step), mode="nearest")), SLOPE)
        made: Tensor = self.last(F.leaky_relu(self.finishing(x), SLOPE))
        return made + enlarged(images, self.scale) if self.base == "bicubic" else made


def _convolution(incoming: int, outgoing: int) -> nn.Conv2d:
    return nn.Conv2d(incoming, outgoing, 3, padding=1)


class _Dense(nn.Module):
    def __init__(self, width: int, growth: int) -> None:
        super().__init__()
        seen = accumulate([width] + [growth] * (LAYERS - 1))
        layers = [
            _convolution(incoming, growth if number < LAYERS else width) for number, incoming in enumerate(seen, 1)
        ]
        for layer in layers:
            nn.init.kaiming_normal_(layer.weight)
            layer.weight.data.mul_(_INITIAL)
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
        self.layers = nn.ModuleList(layers)

    def forward(self, x: Tensor) -> Tensor:
        maps = [x]
        for layer in self.layers[:-1]:
            maps.append(F.leaky_relu(layer(torch.cat(maps, 1)), SLOPE))
        return x + SHARE * self.layers[-1](torch.cat(maps, 1))


class _Residual(nn.Module):
    def __init__(self, width: int, growth: int) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*(_Dense(width, growth) for _ in range(DENSE)))

    def forward(self, x: Tensor) -> Tensor:
        return x + SHARE * self.blocks(x)
