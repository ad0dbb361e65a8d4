"""Language models that remember what they have read in a state of one size."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from belamy.errors import UsageError


class Recurrent(nn.Module):
    """An embedding, recurrent layers, and logits of the symbol that follows each symbol of a text.

    Args:
        name: Of the layers, in the weights and in errors.
        cell: Makes the layers: ``nn.GRU`` or ``nn.LSTM``.
        length: Symbols of the longest text; any length can be read.
        vocabulary: How many symbols there are.
        width: Numbers that a layer remembers.
        embedding: Numbers that stand for a symbol.
        depth: Layers.
        dropout: Probability at which numbers between layers are zeroed in training.

    Raises:
        UsageError: A number is out of range.
    """

    modality = "text"

    def __init__(
        self,
        name: str,
        cell: type[nn.GRU | nn.LSTM],
        length: int,
        vocabulary: int,
        *,
        width: int,
        embedding: int,
        depth: int,
        dropout: float,
    ) -> None:
        super().__init__()
        for option, value in {"width": width, "embedding": embedding, "depth": depth}.items():
            if value < 1:
                raise UsageError(f"{name} has {option}={value}, but it must be 1 or more.")
        if not 0 <= dropout < 1:
            raise UsageError(f"{name} has a dropout of {dropout}, but it must be in [0, 1).")
        self.length, self.vocabulary, self._layers = length, vocabulary, name
        self.embedding = nn.Embedding(vocabulary, embedding)
        layers = cell(embedding, width, depth, batch_first=True, dropout=dropout if depth > 1 else 0.0)
        self.add_module(name, layers)
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(width, vocabulary)

    def step(self, tokens: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """Logits after symbols that follow those which ``state`` has seen, and the new state.

        Args:
            tokens: Symbols.  # [N, T]
            state: What is remembered of those before, as the layers have it; None at the beginning of a text.
        """
        values, state = self.get_submodule(self._layers)(self.dropout(self.embedding(tokens)), state)
        return self.out(self.dropout(values)), state

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits of what follows each symbol; a symbol sees itself and those before it.  # [N, T] to [N, T, V]"""
        logits: Tensor = self.step(tokens)[0]
        return logits
