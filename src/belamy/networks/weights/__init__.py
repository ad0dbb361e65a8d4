"""How weights are parametrised: each file holds one ``Weights``.

``Weights(*, options).apply(network)`` changes every dense and convolutional layer of a built network so that its
weight is computed from what is learned. Whatever is learned or kept is in the state dict, so checkpoints, averages and
published weights hold it.
"""

from torch import nn

from belamy.networks.layers import KerasConvTranspose2d


def outputs_axis(layer: nn.Module) -> int:
    """The axis of a layer's weight that counts its outputs.

    Example:
        >>> outputs_axis(nn.Linear(2, 3)), outputs_axis(nn.ConvTranspose2d(2, 3, 4))
        (0, 1)
    """
    transposed = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d, KerasConvTranspose2d)
    return 1 if isinstance(layer, transposed) else 0
