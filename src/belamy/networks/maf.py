"""MAF: masked dense networks on top of each other; densities in one pass, samples value by value."""

from __future__ import annotations

import math

from torch import nn

from belamy.networks.invertible import InvertibleBatchNorm
from belamy.networks.splines import AffineMap
from belamy.networks.vector_flow import AutoregressiveLayer, Reversal, VectorFlow, check_vector_flow


class Flow(VectorFlow):
    """Layers each of which scales and shifts a value as those before it tell, in reversed orders by turns.

    *Departs from the paper*: batch normalisation keeps no gain and offset of its own, and a learned mean and spread of
    each value end the flow.

    References:
        Papamakarios, Pavlakou & Murray 2017, "Masked autoregressive flow for density estimation", arXiv 1705.07057,
        sections 3.1 to 3.4.

    Args:
        shape: Of a sample; its numbers are taken in a row.
        classes: Of which it is told; 0 for none.
        layers: How many, in 1..64.
        hidden: Units of each hidden layer of a network.
        batch_norm: Normalise after each layer.

    Raises:
        UsageError: A number is out of range.

    Example:
        >>> import torch
        >>> latents, told = Flow((2,), layers=2, hidden=(8,)).eval()(torch.zeros(3, 2))
        >>> latents.shape, told.shape
        (torch.Size([3, 2]), torch.Size([3]))
    """

    native_shape = (2,)
    modality = "vector/image"
    drawing = False

    def __init__(
        self,
        shape: tuple[int, ...],
        classes: int = 0,
        *,
        layers: int = 5,
        hidden: tuple[int, ...] = (64, 64),
        batch_norm: bool = True,
    ) -> None:
        check_vector_flow(shape, layers, hidden)
        size, made = math.prod(shape), list[nn.Module]()
        for number in range(layers):
            if number:
                made.append(Reversal())
            made.append(AutoregressiveLayer(size, hidden, AffineMap(), classes, self.drawing))
            if batch_norm:
                made.append(InvertibleBatchNorm(size))
        super().__init__(shape, made, classes)
