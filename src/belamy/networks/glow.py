"""Glow: actnorm, a mixture of the channels and a coupling, again and again."""

from __future__ import annotations

from torch import nn

from belamy.networks.flow_levels import FlowLevels, check_flow, told_by
from belamy.networks.invertible import (
    ActNorm,
    Coupling,
    InvertibleConvolution,
    Squeeze,
    Standardisation,
    half_the_channels,
)


class Flow(FlowLevels):
    """Each level: a squeeze and some steps; the half that is done after it is told by the other half.

    *Departs from the paper*: couplings scale by a tanh with a learned factor, not by a sigmoid; their networks have no
    actnorm, and the last layer's outputs no factor of their own.

    References:
        Kingma & Dhariwal 2018, arXiv 1807.03039, section 3 and figure 2.

    Args:
        shape: Of a picture; 2 for each level must divide both sides.
        classes: Of which the last level's mean and spread are told; 0 for none.
        levels: Resolutions L.
        steps: Steps K of each.
        width: Channels of the couplings' networks.
        affine: Couplings scale; false for additive ones.

    Raises:
        UsageError: The sides cannot be halved so often, or a number is out of range.

    Example:
        >>> import torch
        >>> Flow((1, 4, 4), steps=1, width=4).inverse(torch.zeros(2, 16)).shape
        torch.Size([2, 1, 4, 4])
    """

    native_shape = (1, 28, 28)

    def __init__(
        self,
        shape: tuple[int, int, int],
        classes: int = 0,
        *,
        levels: int = 2,
        steps: int = 8,
        width: int = 64,
        affine: bool = True,
    ) -> None:
        check_flow(shape, levels, levels=levels, steps=steps, width=width)
        size, built = shape, []
        splits: list[Standardisation | None] = []
        for number in range(levels):
            size = (4 * size[0], size[1] // 2, size[2] // 2)
            layers: list[nn.Module] = [Squeeze()]
            for _ in range(steps):
                network = told_by(size[0], (1 + affine) * size[0], width, 0)
                coupling = Coupling(half_the_channels(size, odd=False), network, affine)
                layers += [ActNorm(size[0]), InvertibleConvolution(size[0]), coupling]
            if number < levels - 1:
                size = (size[0] // 2, *size[1:])
                network = nn.Conv2d(size[0], 2 * size[0], 3, padding=1)
                nn.init.zeros_(network.weight)
                nn.init.zeros_(network.bias)  # type: ignore[arg-type]
                splits.append(Standardisation(size, network))
            built.append(layers)
        super().__init__(shape, built, splits, Standardisation(size, classes=classes))
