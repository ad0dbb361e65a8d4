"""Weights against dropped modes."""

import torch
from torch import Tensor, nn

from belamy.errors import UsageError
from belamy.losses.boosting import boosting_level, boosting_weights
from belamy.processes import gather, rank

_SUREST = 20.0  # scores beyond ±20 differ in the ninth digit of their probabilities only


class Weighting(nn.Module):
    r"""Real samples that the discriminator knows most surely, those that the generator does not make, weigh more.

    .. math:: w_i = \tfrac1\beta\,\bigl(\lambda^* - (1-\beta)\,e^{-s_i}\bigr)_+

    For the score s of an optimal discriminator :math:`e^{-s}` is the ratio of generated to real density; λ* is the
    number that makes the mean weight 1. These are AdaGAN's weights for a new part β of a mixture: what the part must
    make for the mixture to equal the data.

    *Departs from the paper*, which trains a sequence of generators, each on data reweighted once by the scores of a
    discriminator of the mixture so far, and samples from all: here one generator learns, and the weights follow the
    scores of its own discriminator within each batch. Scores are read as logits, whatever the loss.

    References:
        Tolstikhin et al. 2017, arXiv 1701.02386, algorithms 1 to 3 and section 3.2 (weights; λ* by sorting).

    Args:
        beta: β in (0, 1]; 1 weights all alike, small values the surest almost alone.

    Raises:
        UsageError: β outside (0, 1].
    """

    def __init__(self, *, beta: float = 0.5) -> None:
        super().__init__()
        if not 0 < beta <= 1:
            raise UsageError(f"dropped-modes.beta is {beta}, but it must be above 0 and at most 1.")
        self.beta = beta

    def real(self, scores: Tensor, progress: float) -> Tensor:
        """w ``[N]``."""
        everyones = gather(scores)  # [W, N]
        ratios = torch.exp(-everyones.double().clamp(-_SUREST, _SUREST))
        weights = boosting_weights(ratios, self.beta, boosting_level(ratios, self.beta))
        return (weights / weights.mean())[rank()].to(scores.dtype)

    def fake(self, scores: Tensor, progress: float) -> Tensor:
        """Ones ``[N]``."""
        return torch.ones_like(scores)
