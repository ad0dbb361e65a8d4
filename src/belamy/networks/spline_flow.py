"""Neural spline flow: values are mapped by splines that other values tell."""

from __future__ import annotations

import math

from torch import nn

from belamy.errors import UsageError
from belamy.networks.invertible import ActNorm, InvertibleConvolution
from belamy.networks.splines import SplineMap
from belamy.networks.vector_flow import (
    AutoregressiveLayer,
    DenseCoupling,
    Reversal,
    ToldLayer,
    VectorFlow,
    check_vector_flow,
)


class Flow(VectorFlow):
    """Layers of rational-quadratic splines, each after a scaling and a mixture of all values.

    *Departs from the paper*: the networks are plain dense ones, without residual blocks, dropout and batch
    normalisation; a scaling and shift of each value, begun by data, precede each mixture; a learned mean and spread
    end the flow.

    References:
        Durkan, Bekasov, Murray & Papamakarios 2019, "Neural spline flows", arXiv 1906.04032, section 3.

    Args:
        shape: Of a sample; its numbers are taken in a row.
        classes: Of which it is told; 0 for none.
        layers: How many, in 1..64.
        hidden: Units of each hidden layer of a network.
        coupling: The first half of the values tells the other: there and back in one pass. Else those before tell each
            value: more is learned, and samples come value by value.
        bins: Pieces of a spline.
        reach: Splines act on [-reach, reach]; beyond, values pass.
        mix: Mix all values by a learned matrix before each layer; else only reverse their order.

    Raises:
        UsageError: A number is out of range, or a coupling is to split a single value.

    Example:
        >>> import torch
        >>> Flow((2,), layers=2, hidden=(8,)).inverse(torch.zeros(3, 2)).shape
        torch.Size([3, 2])
    """

    native_shape = (2,)
    modality = "vector/image"

    def __init__(
        self,
        shape: tuple[int, ...],
        classes: int = 0,
        *,
        layers: int = 5,
        hidden: tuple[int, ...] = (64, 64),
        coupling: bool = True,
        bins: int = 8,
        reach: float = 5.0,
        mix: bool = True,
    ) -> None:
        check_vector_flow(shape, layers, hidden)
        size = math.prod(shape)
        if coupling and size < 2:
            raise UsageError("A coupling needs two values at least, and a sample has one. Type coupling=false.")
        kind, made = SplineMap(bins, reach), list[nn.Module]()
        for number in range(layers):
            made.append(ActNorm(size))
            if mix:
                made.append(InvertibleConvolution(size))
            elif number:
                made.append(Reversal())
            layer: ToldLayer = (
                DenseCoupling(size, hidden, kind, classes)
                if coupling else AutoregressiveLayer(size, hidden, kind, classes, drawing=False)
            )  # fmt: skip
            made.append(layer)
        super().__init__(shape, made, classes)
