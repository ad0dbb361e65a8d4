"""A language model of gated recurrent units.

References:
    Cho et al. 2014, "Learning phrase representations using RNN encoder-decoder", arXiv:1406.1078.
"""

from __future__ import annotations

from torch import Tensor, nn

from belamy.errors import UsageError


class LanguageModel(nn.Module):
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

    modality = "text"

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
        super().__init__()
        for name, value in {"width": width, "embedding": embedding, "depth": depth}.items():
            if value < 1:
                raise UsageError(f"gru has {name}={value}, but it must be 1 or more.")
        if not 0 <= dropout < 1:
            raise UsageError(f"gru has a dropout of {dropout}, but it must be in [0, 1).")
        self.length, self.vocabulary = length, vocabulary
        self.embedding = nn.Embedding(vocabulary, embedding)
        self.gru = nn.GRU(embedding, width, depth, batch_first=True, dropout=dropout if depth > 1 else 0.0)
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(width, vocabulary)

    def step(self, tokens: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Logits after symbols that follow those which ``state`` has seen, and the new state.

        Args:
            tokens: Symbols.  # [N, T]
            state: What is remembered of those before; None at the beginning of a text.  # [depth, N, width]
        """
        values, state = self.gru(self.dropout(self.embedding(tokens)), state)
        return self.out(self.dropout(values)), state

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits of what follows each symbol; a symbol sees itself and those before it.  # [N, T] to [N, T, V]"""
        logits: Tensor = self.step(tokens)[0]
        return logits
