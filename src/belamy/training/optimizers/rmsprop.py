"""RMSprop."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn


class Optimizer:
    r"""Gradients divided by the root of their squares' running average.

    .. math:: v \leftarrow \rho v + (1-\rho) g^2, \qquad \theta \leftarrow \theta - \alpha \frac{g}{\sqrt v + \epsilon}

    Keras' defaults (ρ = 0.9, ε = 1e-7); its form of 2018 is PyTorch's.

    References:
        Hinton, Srivastava & Swersky 2012, Coursera lecture 6e.

    Args:
        parameters: What to learn.
        lr: Learning rate α.
        rho: Decay of the squared gradient's average.
        eps: ε.
    """

    def __init__(
        self, parameters: Iterable[nn.Parameter], *, lr: float = 1e-3, rho: float = 0.9, eps: float = 1e-7
    ) -> None:
        self.lr = lr
        self.torch = torch.optim.RMSprop(parameters, lr=lr, alpha=rho, eps=eps, foreach=True)

    def step(self, factor: float) -> None:
        """Apply the gradients at ``factor`` times the learning rate."""
        self.torch.param_groups[0]["lr"] = self.lr * factor
        self.torch.step()
