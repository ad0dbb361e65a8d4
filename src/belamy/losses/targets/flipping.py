"""Label flipping."""

import torch
from torch import Tensor, nn

from belamy.errors import UsageError
from belamy.seeds import Draws


class Targets(nn.Module):
    r"""Each label is exchanged, :math:`t \to 1-t`, with a probability that falls linearly to 0.

    .. math:: p = p_0\,\max(0, 1 - \text{progress}/\text{until})

    References:
        Chintala et al. 2016, How to Train a GAN, "noisy labels".

    Args:
        rate: p₀, in [0, 1].
        until: Share of the run after which no label is flipped; 0 keeps the rate throughout.

    Raises:
        UsageError: A rate or share outside [0, 1].
    """

    def __init__(self, *, rate: float = 0.05, until: float = 0.5) -> None:
        super().__init__()
        for name, value in (("rate", rate), ("until", until)):
            if not 0 <= value <= 1:
                raise UsageError(f"flipping.{name} is {value}, but it must be in [0, 1].")
        self.rate, self.until = rate, until

    def rate_at(self, progress: float) -> float:
        """The probability of flipping at this share of the run."""
        return self.rate * max(0.0, 1 - progress / self.until) if self.until else self.rate

    def forward(self, targets: Tensor, real: bool, draw: Draws, progress: float) -> Tensor:
        """``[N]`` from labels ``[N]``."""
        rate = self.rate_at(progress)
        if not rate:
            return targets
        return torch.where(draw.uniform("targets-flipping", len(targets)) < rate, 1 - targets, targets)
