"""RMSprop."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn


class Optimizer:
    r"""Gradients divided by the root of their squares' running average.

    .. math:: v \leftarrow \rho v + (1-\rho) g^2, \qquad \theta \leftarrow \theta - \alpha \frac{g}{\sqrt v + \epsilon}

    This is Keras' form of 2018 and PyTorch's. With ``inside_root`` it is that of Keras since version 2.11, in which ε
    keeps the first steps small where gradients are small: :math:`\alpha\, g / \sqrt{v + \epsilon}`. The defaults ρ and
    ε are Keras' in both.

    References:
        Hinton, Srivastava & Swersky 2012, Coursera lecture 6e.

    Args:
        parameters: What to learn.
        lr: Learning rate α.
        rho: Decay of the squared gradient's average.
        eps: ε.
        inside_root: Add ε to the average instead of to its root.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        *,
        lr: float = 1e-3,
        rho: float = 0.9,
        eps: float = 1e-7,
        inside_root: bool = False,
    ) -> None:
        self.lr = lr
        form = _InsideRoot if inside_root else torch.optim.RMSprop
        self.torch = form(parameters, lr=lr, alpha=rho, eps=eps, foreach=True)

    def step(self, factor: float) -> None:
        """Apply the gradients at ``factor`` times the learning rate."""
        self.torch.param_groups[0]["lr"] = self.lr * factor
        self.torch.step()


class _InsideRoot(torch.optim.RMSprop):
    """RMSprop with ε inside the root; PyTorch has no option for it."""

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Apply the gradients."""
        group = self.param_groups[0]
        learned = [parameter for parameter in group["params"] if parameter.grad is not None]
        gradients: list[Tensor] = [parameter.grad for parameter in learned]
        for parameter in learned:
            state = self.state[parameter]
            state["step"] = state.get("step", torch.tensor(0.0)) + 1  # read by PyTorch when a state is loaded
            state.setdefault("square_avg", torch.zeros_like(parameter))
        averages = [self.state[parameter]["square_avg"] for parameter in learned]
        torch._foreach_mul_(averages, group["alpha"])
        torch._foreach_addcmul_(averages, gradients, gradients, 1 - group["alpha"])
        roots = torch._foreach_sqrt(torch._foreach_add(averages, group["eps"]))
        torch._foreach_addcdiv_(learned, gradients, roots, -group["lr"])
