"""Batch normalisation, where the network has it."""

from torch import nn

from belamy.networks.layers import BatchNorm


class Normalisation:
    """Leaves each batch normalisation as it is.

    References:
        Ioffe & Szegedy 2015, arXiv 1502.03167, algorithm 1.
    """

    def replace(self, norm: BatchNorm) -> nn.Module:
        """The same layer."""
        return norm
