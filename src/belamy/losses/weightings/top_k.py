"""Top-k training of the generator."""

from math import ceil

import torch
from torch import Tensor, nn

from belamy.errors import UsageError
from belamy.processes import gather, rank


class Weighting(nn.Module):
    r"""The generator learns from the k samples of each batch that the discriminator scores best.

    .. math:: k = \lceil N \phi^{\min(1,\,\text{progress}/\text{until})} \rceil

    From all N at first down to the share φ. The kept ones weigh N/k, the others 0.

    *Departs from the paper*, which lowers k by a factor per epoch until its floor: here the share of the run at which
    the floor is reached is given, so the schedule does not depend on the size of the data.

    References:
        Sinha et al. 2020, arXiv 2002.06224, algorithm 1 and section 3 (annealing from the batch size to half of it).

    Args:
        floor: φ, the share that is kept in the end, in (0, 1].
        until: Share of the run at which the floor is reached, in [0, 1].

    Raises:
        UsageError: A share outside these.
    """

    def __init__(self, *, floor: float = 0.5, until: float = 0.5) -> None:
        super().__init__()
        if not 0 < floor <= 1:
            raise UsageError(f"top-k.floor is {floor}, but it must be above 0 and at most 1.")
        if not 0 <= until <= 1:
            raise UsageError(f"top-k.until is {until}, but it must be in [0, 1].")
        self.floor, self.until = floor, until

    def kept(self, count: int, progress: float) -> int:
        """k for a batch of ``count`` samples."""
        share: float = self.floor ** (min(1.0, progress / self.until) if self.until else 1.0)
        return max(1, ceil(count * share))

    def real(self, scores: Tensor, progress: float) -> Tensor:
        """Ones ``[N]``."""
        return torch.ones_like(scores)

    def fake(self, scores: Tensor, progress: float) -> Tensor:
        """N/k ``[N]`` for the k best scores, else 0."""
        everyones = gather(scores)  # [W, N]
        best = everyones.flatten().topk(self.kept(everyones.numel(), progress)).indices
        weights = torch.zeros_like(everyones).flatten()
        weights[best] = everyones.numel() / len(best)
        return weights.view_as(everyones)[rank()]
