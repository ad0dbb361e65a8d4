"""The 3-D GAN: solids of voxels from latents."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from belamy.errors import UsageError
from belamy.networks.layers import BatchNorm, Reshape, ScoringNetwork, dense, gaussian
from belamy.networks.sizes import check_positive

_KERNEL = 4
_LEAST = 8
_SLOPE = 0.2
_initial = gaussian(0.02)


def halvings(shape: tuple[int, ...]) -> int:
    """How often a solid is halved until its shortest side has 4 to 7 voxels.

    Args:
        shape: (channels, depth, height, width).

    Raises:
        UsageError: A side is shorter than 8 voxels, or cannot be halved so often.

    Example:
        >>> halvings((1, 64, 64, 64)), halvings((1, 24, 24, 48))
        (4, 2)
    """
    sides = shape[1:]
    text = "×".join(map(str, sides))
    if len(sides) != 3:
        raise UsageError(f"gan-3d needs volumes of depth, height and width, but these are {text}.")
    if min(sides) < _LEAST:
        raise UsageError(f"gan-3d needs volumes of at least {_LEAST} voxels a side, but these are {text}.")
    count = int(math.log2(min(sides) / _KERNEL))
    if any(side % 2**count for side in sides):
        raise UsageError(
            f"gan-3d halves the sides {count} times, so they must be multiples of {2**count} voxels, but these are "
            f"{text}. Volumes of 16, 32 or 64 voxels a side will do."
        )
    return count


class Generator(nn.Module):
    """Latents 200 → 4³×512 → 8³×256 → 16³×128 → 32³×64 → 64³ by kernels of 4³; 17,569,665 parameters at 64³.

    Smaller volumes have fewer layers: 16³ begins with 4³×128. Every layer but the last is followed by batch
    normalisation and a rectifier, the last by a sigmoid; only it has an offset.

    *Beside the paper*, which does not say: initial weights are normal with σ = 0.02, as in the DCGAN that it follows.

    References:
        Wu et al. 2016, arXiv 1610.07584, section 3.1 and figure 1.

    Args:
        latent: Size of the latents.
        shape: (1, depth, height, width) of the volumes.
        width: Features of the last layer but one; each layer before has twice as many.

    Raises:
        UsageError: Sides that cannot be halved.

    Example:
        >>> Generator(200, (1, 16, 16, 16))(torch.randn(2, 200)).shape
        torch.Size([2, 1, 16, 16, 16])
    """

    modality = "volume"
    native_shape = (1, 64, 64, 64)
    native_latent = 200
    value_range = (0.0, 1.0)

    def __init__(self, latent: int, shape: tuple[int, ...], *, width: int = 64) -> None:
        super().__init__()
        check_positive(latent, "The latent size")
        check_positive(width, "width")
        count = halvings(shape)
        start = tuple(side >> count for side in shape[1:])
        features = [width << step for step in reversed(range(count))]
        first = nn.ConvTranspose3d(latent, features[0], start, bias=False)  # type: ignore[arg-type]
        layers: list[nn.Module] = [Reshape(latent, 1, 1, 1), _drawn(first)]
        for step, (incoming, outgoing) in enumerate(pairwise([*features, shape[0]]), start=1):
            grow = nn.ConvTranspose3d(incoming, outgoing, bias=step == count, **_HALF)
            layers += [_norm(incoming), nn.ReLU(), _drawn(grow)]
        self.layers = nn.Sequential(*layers, nn.Sigmoid())

    def forward(self, latents: Tensor) -> Tensor:
        """Occupancies ``[N, 1, D, H, W]`` in [0, 1] from latents ``[N, latent]``."""
        return self.layers(latents)


class Discriminator(ScoringNetwork):
    """The generator mirrored, with leaky rectifiers of slope 0.2: 64³ → … → 4³×512 → score; 11,048,833 at 64³.

    Batch normalisation lies between the convolutions. The score is a logit; the paper's sigmoid is part of the loss.

    References:
        Wu et al. 2016, arXiv 1610.07584, section 3.1.

    Args:
        shape: (1, depth, height, width) of the volumes.
        width: Features of the first layer; each further layer has twice as many.

    Raises:
        UsageError: Sides that cannot be halved.
    """

    modality = "volume"
    native_shape = (1, 64, 64, 64)

    def __init__(self, shape: tuple[int, ...], *, width: int = 64) -> None:
        super().__init__()
        check_positive(width, "width")
        count = halvings(shape)
        features = [shape[0], *(width << step for step in range(count))]
        layers: list[nn.Module] = []
        for incoming, outgoing in pairwise(features):
            layers += [_drawn(nn.Conv3d(incoming, outgoing, bias=False, **_HALF)), _norm(outgoing)]
            layers += [nn.LeakyReLU(_SLOPE)]
        self.trunk = nn.Sequential(*layers, nn.Flatten())
        self.head = dense(features[-1] * math.prod(side >> count for side in shape[1:]), 1, init=_initial)


_HALF: dict[str, Any] = {"kernel_size": _KERNEL, "stride": 2, "padding": 1}
"""What halves a volume, or doubles it."""


def _norm(features: int) -> BatchNorm:
    return BatchNorm(features, eps=1e-5, momentum=0.1)


def _drawn(layer: Any) -> nn.Module:
    """The layer with initial weights of the network."""
    with torch.no_grad():
        _initial(layer.weight)
        if layer.bias is not None:
            layer.bias.zero_()
    made: nn.Module = layer
    return made
