"""Two tables of vectors: of words, and of words as the context of others."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class SkipGram(nn.Module):
    """Scores of pairs of words: the product of the first one's vector and the second one's as a context.

    References:
        Mikolov et al. 2013, "Distributed representations of words and phrases and their compositionality", arXiv
        1310.4546, section 2.2; begun as their program begins: words uniform on ± 1/2d, contexts at 0.

    Args:
        vocabulary: How many words there are.
        width: d, numbers of a vector.
    """

    counts: Tensor
    """How often each word is in the training texts.  # [V]"""

    def __init__(self, vocabulary: int, width: int) -> None:
        super().__init__()
        self.words = nn.Parameter((torch.rand(vocabulary, width) - 0.5) / width)
        self.contexts = nn.Parameter(torch.zeros(vocabulary, width))
        self.register_buffer("counts", torch.zeros(vocabulary, dtype=torch.long))

    def forward(self, words: Tensor, contexts: Tensor) -> Tensor:
        """The score of each pair.  # [...] and [...] long to [...]"""
        return (self.words[words] * self.contexts[contexts]).sum(-1)
