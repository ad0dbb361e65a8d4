"""How weights are parametrised."""

from __future__ import annotations

from typing import Protocol

from torch import nn

from belamy.networks.layers import KerasConvTranspose2d


class Weights(Protocol):
    """What the class ``Weights(*, …)`` of a file here must have."""

    def apply(self, network: nn.Module) -> None:
        """Change every dense and convolutional layer so that its weight is computed from what is learned.

        Whatever is learned or kept is in the state dict, so checkpoints, averages and published weights hold it.
        """


def outputs_axis(layer: nn.Module) -> int:
    """The axis of a layer's weight that counts its outputs.

    Example:
        >>> outputs_axis(nn.Linear(2, 3)), outputs_axis(nn.ConvTranspose2d(2, 3, 4))
        (0, 1)
    """
    transposed = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d, KerasConvTranspose2d)
    return 1 if isinstance(layer, transposed) else 0
