"""Stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn


class Optimizer:
    """Steps against the gradient, with momentum if wanted.

    Args:
        parameters: What to learn.
        lr: Learning rate.
        momentum: Decay of the velocity; 0 for none.
        nesterov: Look ahead along the velocity.
    """

    def __init__(
        self, parameters: Iterable[nn.Parameter], *, lr: float = 1e-2, momentum: float = 0.0, nesterov: bool = False
    ) -> None:
        self.lr = lr
        self.torch = torch.optim.SGD(parameters, lr=lr, momentum=momentum, nesterov=nesterov, fused=True)

    def step(self, factor: float) -> None:
        """Apply the gradients at ``factor`` times the learning rate."""
        self.torch.param_groups[0]["lr"] = self.lr * factor
        self.torch.step()
