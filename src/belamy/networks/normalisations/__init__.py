"""What a network's activations are normalised with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from torch import nn

    from belamy.networks.layers import BatchNorm


class Normalisation(Protocol):
    """What the class ``Normalisation(*, …)`` of a file here must have."""

    def replace(self, norm: BatchNorm) -> nn.Module:
        """The layer that takes the place of a batch normalisation.

        It takes vectors ``[N, F]`` and images ``[N, C, H, W]`` alike and keeps the normalisation's size; gains and
        offsets start with 1 and 0.
        """
        ...
