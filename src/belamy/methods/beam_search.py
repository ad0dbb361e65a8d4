r"""Beam search: the likeliest text that is found by keeping a few of the best beginnings at each symbol.

Texts are compared by their log-likelihood over their number of symbols, the end among them, so that short ones have no
advantage:

.. math:: \frac{1}{T} \sum_{t=1}^{T} \ln p(y_t \mid y_{<t})

References:
    Sutskever et al. 2014, "Sequence to sequence learning", arXiv 1409.3215, section 3.2; the length: Wu et al. 2016,
    "Google's neural machine translation system", arXiv 1609.08144, section 7, which takes a power of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from belamy.methods.char_lm import possible
from belamy.modalities.text import END, PADDING, UNKNOWN

MOST = 64
"""Beginnings that are kept, at most."""
Step = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""Logits ``[m, V]`` of what follows symbols ``[m]`` in states ``[m, …]``, and the new states."""


class FoundTexts(NamedTuple):
    """Texts that were found.

    Args:
        symbols: With their ends and padding.  # long [n, length]
        nats: Minus their log-likelihoods.  # [n]
    """

    symbols: Tensor
    nats: Tensor


def beam_search(step: Step, state: Tensor, beams: int, length: int) -> FoundTexts:
    """The best text for each of n states; what is unknown is never written.

    Args:
        step: The model.
        state: Before each text, ``beams`` rows of each one after the other.  # [n · beams, …]
        beams: How many beginnings of each text are kept; 1 always takes the likeliest symbol.
        length: Symbols of a text, at most.
    """
    count, device = len(state) // beams, state.device
    sums = torch.full((count, beams), -torch.inf, dtype=torch.float64, device=device)
    sums[:, 0] = 0  # at first all beginnings are alike
    written = torch.zeros(count, beams, 0, dtype=torch.long, device=device)
    last = torch.full((count, beams), END, dtype=torch.long, device=device)
    ended = torch.zeros(count, beams, dtype=torch.bool, device=device)
    lengths = torch.zeros(count, beams, dtype=torch.float64, device=device)
    rows = torch.arange(count, device=device)[:, None]
    for _ in range(length):
        logits, state = step(last.flatten(), state)
        nats = possible(logits.double()).log_softmax(1).view(count, beams, -1)
        nats[..., UNKNOWN] = -torch.inf
        over = torch.full_like(nats, -torch.inf)
        over[..., PADDING] = 0
        nats, lengths = torch.where(ended[..., None], over, nats), lengths + ~ended
        ranks = (sums[..., None] + nats) / lengths[..., None]
        best = ranks.flatten(1).topk(beams, 1).indices
        beam, last = best // nats.shape[2], best % nats.shape[2]
        sums = (sums[..., None] + nats).flatten(1).gather(1, best)
        written = torch.cat([written[rows, beam], last[..., None]], 2)
        ended, lengths = ended[rows, beam] | (last == END), lengths.gather(1, beam)
        state = state[(rows * beams + beam).flatten()]
    chosen = (sums / lengths).argmax(1)
    return FoundTexts(written[rows[:, 0], chosen], -sums[rows[:, 0], chosen])
