"""Values that are black or white."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import logsigmoid


class Likelihood:
    """One number, the logit of white.

    Example:
        >>> import torch
        >>> Likelihood().log_prob(torch.zeros(2, 1), torch.tensor([0, 1])).exp()
        tensor([0.5000, 0.5000])
    """

    levels, parameters, chances = 2, 1, 1

    def log_prob(self, parameters: Tensor, levels: Tensor) -> Tensor:
        """The logarithm of the sigmoid of the logit, or of minus it."""
        logits = parameters[..., 0]
        return logsigmoid(logits * (2 * levels - 1).to(logits.dtype))

    def pick(self, parameters: Tensor, chance: Tensor, temperature: float = 1.0) -> Tensor:
        """White where the uniform number is below its probability."""
        logits = parameters[..., 0]
        if temperature == 0:
            return (logits > 0).long()
        return (chance[..., 0] < (logits / temperature).sigmoid()).long()
