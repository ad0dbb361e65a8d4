r"""A linear language model: the symbols before a symbol vote for it, each by its place.

.. math:: \ln p(x_t = w \mid \dots) = b_w + \sum_{i=1}^{p} W_i[x_{t-i}, w] + \text{const}

It is the linear autoregression of order *p* over symbols as one-hot vectors, with a softmax: what pairs of symbols can
tell, and no interplay of three.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from belamy.errors import UsageError


class LanguageModel(nn.Module):
    """Logits of the symbol that follows each symbol of a text.

    References:
        Multinomial logistic autoregression: Raftery 1985, "A model for high-order Markov chains", Journal of the Royal
        Statistical Society B 47, has a mixture in place of the softmax.

    Args:
        length: Symbols of the longest text; any length can be read.
        vocabulary: How many symbols there are.
        order: p, the symbols that vote.

    Example:
        >>> model = LanguageModel(16, 30, order=2)
        >>> model(torch.zeros(3, 16, dtype=torch.long)).shape
        torch.Size([3, 16, 30])
    """

    modality = "text"

    def __init__(self, length: int, vocabulary: int, *, order: int = 4) -> None:
        super().__init__()
        if order < 1:
            raise UsageError(f"linear has order={order}, but it must be 1 or more.")
        self.length, self.vocabulary, self.order = length, vocabulary, order
        self.votes = nn.Parameter(0.02 * torch.randn(order, vocabulary, vocabulary))
        self.bias = nn.Parameter(torch.zeros(vocabulary))

    def step(self, tokens: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Logits after symbols that follow those which ``state`` has seen, and the new state.

        Args:
            tokens: Symbols.  # [N, T]
            state: Those before them, at most p - 1; None at the beginning of a text.  # [N, ≤ p - 1]
        """
        read = tokens if state is None else torch.cat([state, tokens], 1)
        logits = self.bias.expand(len(read), read.shape[1], -1)
        for back in range(min(self.order, read.shape[1])):
            voted = self.votes[back][read[:, : read.shape[1] - back]]
            logits = logits + nn.functional.pad(voted, (0, 0, back, 0))
        kept = min(self.order - 1, read.shape[1])
        return logits[:, read.shape[1] - tokens.shape[1] :], read[:, read.shape[1] - kept :]

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits of what follows each symbol; a symbol sees itself and those before it.  # [N, T] to [N, T, V]"""
        return self.step(tokens)[0]
