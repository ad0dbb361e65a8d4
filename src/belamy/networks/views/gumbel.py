"""Gumbel noise on the logarithms of probabilities: the symbol with the highest sum has that probability."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from belamy.errors import UsageError
from belamy.seeds import Draws


def perturbed(rows: Tensor, draw: Draws, stream: str) -> Tensor:
    r"""ln p + g with :math:`g = -\ln(-\ln u)`, u uniform; what is impossible stays so.

    References:
        Gumbel 1954; the maximum as a sample: Maddison et al. 2014, arXiv 1411.0030, section 2.

    Args:
        rows: Probabilities of symbols.  # [N, length, vocabulary]
        draw: The step's random numbers.
        stream: Whose.
    """
    tiny = torch.finfo(rows.dtype).tiny
    chance = draw.uniform(stream, *rows.shape).to(rows).clamp_min(tiny)
    scores = rows.clamp_min(tiny).log() - (-chance.log()).clamp_min(tiny).log()
    return scores.masked_fill(rows <= 0, -torch.inf)


def through(symbols: Tensor, rows: Tensor) -> Tensor:
    """Rows of zeros and a one at each symbol, with the gradient of other rows.  # [N, length, vocabulary]

    Args:
        symbols: What was chosen.  # long [N, length]
        rows: Whose gradient it has.
    """
    return one_hot(symbols, rows.shape[2]).to(rows) + (rows - rows.detach())


def check_rows(shape: tuple[int, ...], view: str) -> None:
    """Refuse data that are no texts.

    Raises:
        UsageError: The samples are no rows of a vocabulary.
    """
    if len(shape) != 2:
        raise UsageError(
            f"The view '{view}' draws symbols of texts, but these data have none. Leave it out, or type `belamy train "
            "text-gan --data FILE.txt`."
        )
