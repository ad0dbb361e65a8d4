"""RealNVP: couplings over checkerboards and channels at several resolutions."""

from __future__ import annotations

from torch import Tensor, nn

from belamy.networks.flow_levels import FlowLevels, check_flow, told_by
from belamy.networks.invertible import (
    Coupling,
    InvertibleBatchNorm,
    Squeeze,
    Standardisation,
    checkerboard,
    half_the_channels,
)


class Flow(FlowLevels):
    """Each level: three couplings over checkerboards, a squeeze, three over channels; the last: four checkerboards.

    With additive couplings it keeps volumes but for its normalisation and its last layer, as NICE does.

    *Departs from the paper*: convolutions have no weight normalisation, squeezed channels are ordered as they come, and
    a learned mean and spread of each channel end the last level.

    References:
        Dinh, Sohl-Dickstein & Bengio 2017, arXiv 1605.08803, sections 3.4 to 3.7 and 4.1; NICE: arXiv 1410.8516.

    Args:
        shape: Of a picture; 2 for each level but the last must divide both sides.
        classes: Of which the last level's mean and spread are told; 0 for none.
        levels: Resolutions.
        width: Channels of the couplings' networks.
        blocks: Their residual blocks.
        affine: Couplings scale; false for additive ones.
        batch_norm: Normalise after each coupling.

    Raises:
        UsageError: The sides cannot be halved so often, or a number is out of range.

    Example:
        >>> import torch
        >>> latents, told = Flow((1, 4, 4), width=4, blocks=1).eval()(torch.zeros(2, 1, 4, 4))
        >>> latents.shape, told.shape
        (torch.Size([2, 16]), torch.Size([2]))
    """

    native_shape = (1, 28, 28)

    def __init__(
        self,
        shape: tuple[int, int, int],
        classes: int = 0,
        *,
        levels: int = 2,
        width: int = 32,
        blocks: int = 2,
        affine: bool = True,
        batch_norm: bool = True,
    ) -> None:
        check_flow(shape, levels - 1, levels=levels, width=width, blocks=blocks)
        size, built = shape, []
        for number in range(levels):
            last = number == levels - 1
            masks = [checkerboard(size, odd=bool(turn % 2)) for turn in range(4 if last else 3)]
            layers = _couplings(size, masks, width, blocks, affine, batch_norm)
            if not last:
                size = (4 * size[0], size[1] // 2, size[2] // 2)
                masks = [half_the_channels(size, odd=bool(turn % 2)) for turn in range(3)]
                layers += [Squeeze(), *_couplings(size, masks, width, blocks, affine, batch_norm)]
                size = (size[0] // 2, *size[1:])
            built.append(layers)
        super().__init__(shape, built, [None] * (levels - 1), Standardisation(size, classes=classes))


def _couplings(
    size: tuple[int, int, int], masks: list[Tensor], width: int, blocks: int, affine: bool, batch_norm: bool
) -> list[nn.Module]:
    """A coupling for each mask, and its normalisation."""
    found: list[nn.Module] = []
    for mask in masks:
        found.append(Coupling(mask, told_by(size[0], (1 + affine) * size[0], width, blocks), affine))
        if batch_norm:
            found.append(InvertibleBatchNorm(size[0]))
    return found
