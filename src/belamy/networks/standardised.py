"""Instance normalisation whose statistics can be held, so that a large picture can pass in parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

EPSILON = 1e-5
"""Added to variances."""


class Standardised(nn.Module):
    r"""Each channel of each picture less its mean, over its deviation; then, where it learns, a gain and an offset.

    .. math:: y_c = \gamma_c \frac{x_c - \mu_c}{\sqrt{\sigma_c^2 + \epsilon}} + \beta_c

    Within :func:`statistics_held` the mean and the variance are those of another picture.

    References:
        Ulyanov, Vedaldi & Lempitsky 2016, arXiv 1607.08022, equation 3.

    Args:
        features: Channels that have a gain and an offset; 0 for neither.
    """

    held: tuple[Tensor, Tensor] | None = None
    """Mean and variance to use instead of the picture's own.  # [C] both"""

    def __init__(self, features: int = 0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(features)) if features else None
        self.bias = nn.Parameter(torch.zeros(features)) if features else None

    def forward(self, x: Tensor) -> Tensor:
        """Of the same shape.  # [N, C, H, W]"""
        if self.held is None:
            return F.group_norm(x, x.shape[1], self.weight, self.bias, EPSILON)
        return F.batch_norm(x, *self.held, self.weight, self.bias, eps=EPSILON)


@contextmanager
def statistics_held(network: nn.Module, look: Callable[[], object]) -> Iterator[None]:
    """While this lasts, pictures are standardised by what the network saw when it looked.

    Args:
        network: Its layers that are :class:`Standardised` are meant.
        scores_and_features: Passes a batch through it, whose pictures count as one.

    Example:
        >>> norm = Standardised()
        >>> with statistics_held(norm, lambda: norm(torch.tensor([[[[1.0]]], [[[3.0]]]]))):
        ...     norm(torch.full((1, 1, 1, 1), 4.0)).round(decimals=3).tolist()
        [[[[2.0]]]]
    """
    layers = [layer for layer in network.modules() if isinstance(layer, Standardised)]
    hooks = [layer.register_forward_pre_hook(_hold) for layer in layers]
    try:
        try:
            look()
        finally:
            for hook in hooks:
                hook.remove()
        yield
    finally:
        for layer in layers:
            layer.held = None


def _hold(layer: Any, inputs: tuple[Tensor]) -> None:
    variance, mean = torch.var_mean(inputs[0].detach(), (0, 2, 3), correction=0)
    layer.held = mean, variance
