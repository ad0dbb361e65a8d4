"""The hourglass of Deep Image Prior: a network that makes one picture from noise."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from belamy.networks.layers import BatchNorm
from belamy.networks.sizes import check_positive

DEPTH = 32
"""Channels of the noise that the picture is made from."""
_SLOPE = 0.2
_LEAST = 2  # pixels of a side of the smallest map
_EPSILON, _MOMENTUM = 1e-5, 0.1


class Hourglass(nn.Module):
    """Noise to a picture through maps of ever smaller size and back, with a few channels past each size.

    At each of five sizes a 3×3 convolution of stride 2 and one of stride 1 lead down, and after the smaller sizes a 3×3
    and a 1×1 convolution lead back from what bilinear interpolation enlarges beside 4 channels by 1×1 of what came in;
    each is normalised by the batch and rectified with a slope of 0.2, borders are mirrored. 2,217,831 parameters for 3
    channels. Smaller pictures have fewer sizes, so that the smallest map keeps 2 pixels.

    References:
        Ulyanov, Vedaldi & Lempitsky 2018, arXiv 1711.10925, figure 21 and the settings of its section on denoising.

    Args:
        channels: Of the picture.
        height: Of the picture, at least 4.
        width: The same.
        maps: Channels at each size.
        passing: Channels past each size.
        sizes: How many, at most.

    Example:
        >>> network = Hourglass(3, 33, 50, maps=8)
        >>> network(torch.rand(1, 32, 33, 50)).shape
        torch.Size([1, 3, 33, 50])
    """

    def __init__(
        self, channels: int, height: int, width: int, *, maps: int = 128, passing: int = 4, sizes: int = 5
    ) -> None:
        super().__init__()
        for value, what in ((channels, "channels"), (maps, "maps"), (passing, "passing"), (sizes, "sizes")):
            check_positive(value, what)
        side, possible = min(height, width), 0
        while possible < sizes and -(-side // 2) >= _LEAST:
            side, possible = -(-side // 2), possible + 1
        self.down, self.past, self.up = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        for level in range(possible):
            incoming = maps if level else DEPTH
            deeper = maps
            self.past.append(_layer(incoming, passing, 1))
            self.down.append(nn.Sequential(_layer(incoming, maps, 3, 2), _layer(maps, maps, 3)))
            joined = passing + deeper
            self.up.append(nn.Sequential(_norm(joined), _layer(joined, maps, 3), _layer(maps, maps, 1)))
        self.last = nn.Conv2d(maps if possible else DEPTH, channels, 1)

    def forward(self, noise: Tensor) -> Tensor:
        """A picture ``[1, channels, H, W]`` in [0, 1] from noise ``[1, 32, H, W]``."""
        return torch.sigmoid(self.last(self._from(noise, 0)))

    def _from(self, x: Tensor, level: int) -> Tensor:
        if level == len(self.down):
            return x
        deeper = self._from(self.down[level](x), level + 1)
        enlarged = F.interpolate(deeper, x.shape[2:], mode="bilinear")
        found: Tensor = self.up[level](torch.cat([self.past[level](x), enlarged], 1))
        return found


def _layer(incoming: int, outgoing: int, kernel: int, stride: int = 1) -> nn.Module:
    convolution = nn.Conv2d(incoming, outgoing, kernel, stride, kernel // 2, padding_mode="reflect")
    return nn.Sequential(convolution, _norm(outgoing), nn.LeakyReLU(_SLOPE))


def _norm(features: int) -> BatchNorm:
    return BatchNorm(features, eps=_EPSILON, momentum=_MOMENTUM)
