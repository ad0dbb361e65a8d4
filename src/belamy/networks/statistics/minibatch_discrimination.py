"""How near the other samples of a batch are, in learned measures."""

from __future__ import annotations

import math

from torch import Tensor, nn

from belamy.errors import UsageError


class Statistic(nn.Module):
    r"""Mean nearness of each sample to the others, one number per learned kernel.

    .. math:: o_{ib} = \frac1{N-1}\sum_{j\ne i} e^{-\lVert M_{ib} - M_{jb}\rVert_1},
        \qquad M_i = T x_i \in R^{B\times C}

    *Departs from the paper*, which sums over all j, i included: a mean over the others does not depend on the size of
    the batch. Samples of other processes are not looked at. T starts at N(0, 1/(F C²)), so that nearness is neither 0
    nor 1 for features of unit variance.

    References:
        Salimans et al. 2016, arXiv 1606.03498, section 3.2.

    Args:
        features: Size F of the features.
        kernels: B, the numbers that each sample gets.
        dimensions: C, the size of the vectors whose distances are taken.

    Raises:
        UsageError: A number below 1.
    """

    def __init__(self, features: int, *, kernels: int = 32, dimensions: int = 5) -> None:
        super().__init__()
        if kernels < 1 or dimensions < 1:
            raise UsageError(
                f"minibatch-discrimination has {kernels} kernels of {dimensions} dimensions, but it needs at least one "
                "of each. Type kernels=32,dimensions=5."
            )
        self.count, self.dimensions = kernels, dimensions
        self.projection = nn.Linear(features, kernels * dimensions, bias=False)
        nn.init.normal_(self.projection.weight, std=1 / (math.sqrt(features) * dimensions))

    def forward(self, features: Tensor) -> Tensor:
        """``[N, kernels]`` from features ``[N, F]``; memory grows with N² · kernels · dimensions."""
        projected = self.projection(features).unflatten(1, (self.count, self.dimensions))  # M [N, B, C]
        # Not torch.cdist, which cannot be differentiated twice.
        near = (projected[:, None] - projected[None]).abs().sum(3).neg().exp()  # [N, N, B]
        return (near.sum(1) - 1) / max(len(features) - 1, 1)

    def extra_repr(self) -> str:
        """Sizes, as ``print`` shows them."""
        return f"{self.count} kernels of {self.dimensions}"
