"""What is seen at the places of pictures and short films, for networks that say it in words."""

from __future__ import annotations

from math import ceil, prod
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from belamy.errors import UsageError
from belamy.networks.frozen import CHANNELS, FrozenFeatures
from belamy.networks.sizes import check_positive

Features = Literal["learned", "efficientnet"]
SMALLEST = 64
"""Pixels of the shorter side of what EfficientNet is shown, at least."""
STAGES, CELL = 3, 8
"""Of EfficientNet, and the pixels of one of its places then."""
_STRIDE = 4
_GROUPS = 8


class Places(nn.Module):
    """Features of the places of films, each with a learned vector added that says where it is.

    Args:
        shape: (channels, height, width) of pictures, or (frames, channels, height, width) of films.
        channels: Numbers that are seen at a place, a multiple of 16.
        features: ``learned``, by three convolutions at a quarter of the size, or ``efficientnet``, frozen, at an eighth
            of at least 64 pixels.

    Raises:
        UsageError: The channels are no multiple of 16.
    """

    def __init__(self, shape: tuple[int, ...], channels: int, features: Features) -> None:
        super().__init__()
        check_positive(channels, "channels")
        if channels % (2 * _GROUPS):
            raise UsageError(f"A captioner has channels={channels}, but it must be a multiple of {2 * _GROUPS}.")
        seen = _Learned(shape, channels) if features == "learned" else _Pretrained(shape, channels)
        self.network, self.grid = seen, seen.grid
        self.where = nn.Parameter(0.1 * torch.randn(prod(self.grid), channels))

    def forward(self, pictures: Tensor) -> Tensor:
        """What is seen, in [-1, 1].  # [N, *shape] to [N, P, channels]"""
        films = pictures[:, None] if pictures.dim() == 4 else pictures
        found: Tensor = self.network(films).flatten(2).transpose(1, 2) + self.where
        return found


def check_sizes(width: int, embedding: int, dropout: float) -> None:
    """Refuse numbers of which no captioner can be built.

    Raises:
        UsageError: A number is out of range.
    """
    check_positive(width, "width")
    check_positive(embedding, "embedding")
    if not 0 <= dropout < 1:
        raise UsageError(f"A captioner has a dropout of {dropout}, but it must be in [0, 1).")


class _Learned(nn.Module):
    """Three convolutions, of films over three frames each, to a quarter of the size and of the frames.

    [N, T, C, H, W] to [N, channels, *grid].
    """

    def __init__(self, shape: tuple[int, ...], channels: int) -> None:
        super().__init__()
        frames, incoming, height, width = shape if len(shape) == 4 else (1, *shape)
        long = 3 if frames > 1 else 1
        self.grid = tuple(ceil(side / _STRIDE) for side in (frames, height, width))
        layers: list[nn.Module] = []
        for outgoing, kernel, stride in ((channels // 2, 5, 2), (channels, 3, 2), (channels, 3, 1)):
            kernels, strides = (long, kernel, kernel), (stride if frames > 1 else 1, stride, stride)
            layers += [nn.Conv3d(incoming, outgoing, kernels, strides, (long // 2, kernel // 2, kernel // 2))]
            layers += [nn.GroupNorm(_GROUPS, outgoing), nn.ReLU()]
            incoming = outgoing
        self.layers = nn.Sequential(*layers)

    def forward(self, films: Tensor) -> Tensor:
        found: Tensor = self.layers(films.transpose(1, 2))
        return found


class _Pretrained(nn.Module):
    """The embedded EfficientNet's features of each frame, and a convolution over them that learns."""

    def __init__(self, shape: tuple[int, ...], channels: int) -> None:
        super().__init__()
        frames, incoming, height, width = shape if len(shape) == 4 else (1, *shape)
        self.scale = max(1, ceil(SMALLEST / min(height, width)))
        self.grid = (frames, *(ceil(side * self.scale / CELL) for side in (height, width)))
        self.network = FrozenFeatures(incoming, STAGES)
        long = 3 if frames > 1 else 1
        self.project = nn.Conv3d(CHANNELS[STAGES - 1], channels, (long, 1, 1), padding=(long // 2, 0, 0))

    def forward(self, films: Tensor) -> Tensor:
        frames = films.flatten(0, 1)
        if self.scale > 1:
            frames = interpolate(frames, scale_factor=self.scale, mode="bilinear", align_corners=False)
        with torch.no_grad():
            found = self.network(frames)[-1]
        projected: Tensor = self.project(found.unflatten(0, films.shape[:2]).transpose(1, 2))
        return projected.relu()
