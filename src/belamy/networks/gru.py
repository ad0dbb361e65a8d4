"""A language model of gated recurrent units.

References:
    Cho et al. 2014, "Learning phrase representations using RNN encoder-decoder", arXiv:1406.1078.
"""

from __future__ import annotations

from torch import nn

from belamy.networks.recurrent import Recurrent


class LanguageModel(Recurrent):
    """Logits of the symbol that follows each symbol of a text.

    Args:
        length: Symbols of the longest text; any length can be read.
        vocabulary: How many symbols there are.
        width: Numbers that a layer remembers.
        embedding: Numbers that stand for a symbol.
        depth: Layers.
        dropout: Probability at which numbers between layers are zeroed in training.

    Example:
        >>> import torch
        >>> model = LanguageModel(16, 30, width=32, embedding=8)
        >>> model(torch.zeros(3, 16, dtype=torch.long)).shape
        torch.Size([3, 16, 30])
    """

    def __init__(
        self,
        length: int,
        vocabulary: int,
        *,
        width: int = 384,
        embedding: int = 64,
        depth: int = 1,
        dropout: float = 0.1,
    ) -> None:
        super().__init__(
            "gru", nn.GRU, length, vocabulary, width=width, embedding=embedding, depth=depth, dropout=dropout
        )
