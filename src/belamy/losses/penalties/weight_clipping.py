"""The weight clipping of the original Wasserstein GAN."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from belamy.errors import UsageError
from belamy.losses.penalties import BasePenalty
from belamy.losses.penalty_context import PenaltyContext


class Penalty(BasePenalty):
    r"""After each update the discriminator's trainable weights are clipped, which bounds its Lipschitz constant.

    .. math:: w \leftarrow \min(\max(w, -c), c)

    Moving statistics of normalisation are no weights and stay as they are.

    References:
        Arjovsky et al. 2017, arXiv 1701.07875, algorithm 1.

    Args:
        limit: Largest magnitude c of a weight.
        normalisation: Clip the gains and offsets of normalisation layers too, as the paper's algorithm does.

    Raises:
        UsageError: ``limit`` is not positive.
    """

    def __init__(self, *, limit: float = 0.01, normalisation: bool = True) -> None:
        super().__init__()
        if limit <= 0:
            raise UsageError(f"weight-clipping.limit is {limit:g}, but it must be above 0. The paper's is 0.01.")
        self.limit, self.normalisation = limit, normalisation

    def forward(self, context: PenaltyContext) -> None:
        """No term."""
        return None

    @torch.no_grad()
    def constrain(self, discriminator: nn.Module) -> None:
        """Clip the weights."""
        weights: list[Tensor] = list(self.weights(discriminator))
        torch._foreach_clamp_min_(weights, -self.limit)
        torch._foreach_clamp_max_(weights, self.limit)

    def weights(self, module: nn.Module) -> Iterator[nn.Parameter]:
        """What is clipped; a penalty's own network is no part of the discriminator."""
        spared = not self.normalisation and "Norm" in type(module).__name__
        if spared or isinstance(module, BasePenalty):
            return
        yield from (weight for weight in module.parameters(recurse=False) if weight.requires_grad)
        for child in module.children():
            yield from self.weights(child)
