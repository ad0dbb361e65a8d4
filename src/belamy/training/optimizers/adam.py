"""Adam, fused."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn


class Optimizer:
    r"""Adam with bias correction.

    With ``keras`` the constant ε joins the square root *before* bias correction (the paper's ε̂, as Keras has it):

    .. math:: \theta \leftarrow \theta - \alpha\frac{\sqrt{1-\beta_2^t}}{1-\beta_1^t}\frac{m_t}{\sqrt{v_t}+\hat\epsilon}

    which is PyTorch's form with ε = ε̂ / √(1-β₂ᵗ), set anew on each step.

    References:
        Kingma & Ba 2014, arXiv 1412.6980, algorithm 1 and the remark at the end of section 2.

    Args:
        parameters: What to learn.
        lr: Learning rate α.
        beta1: Decay of the gradient's average.
        beta2: Decay of the squared gradient's average.
        eps: ε, or ε̂ with ``keras``.
        keras: Use Keras' placement of ε.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        *,
        lr: float = 1e-3,
        beta1: float = 0.9,
        beta2: float = 0.999,
        eps: float = 1e-8,
        keras: bool = False,
    ) -> None:
        self.lr, self.beta1, self.beta2, self.eps, self.keras = lr, beta1, beta2, eps, keras
        self.torch = torch.optim.Adam(parameters, lr=lr, betas=(beta1, beta2), eps=eps, fused=True)

    def step(self, factor: float) -> None:
        """Apply the gradients at ``factor`` times the learning rate."""
        group = self.torch.param_groups[0]
        group["lr"], group["betas"] = self.lr * factor, (self.beta1, self.beta2)
        if self.keras:
            first = next(iter(self.torch.state.values()), None)  # a parameter that never learns has no state
            steps = 1 + (int(first["step"]) if first else 0)
            group["eps"] = self.eps / (1 - self.beta2**steps) ** 0.5
        self.torch.step()
