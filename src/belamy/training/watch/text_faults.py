"""What goes wrong in texts: they repeat themselves, or hardly begin."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from belamy.modalities.fields import Field
from belamy.modalities.text import END, PADDING, vocabulary_of


def text_faults(made: Tensor, data: Tensor, field: Field) -> dict[str, Any]:
    """Repetition of texts and of the data, and their mean length over that of the data.

    Args:
        made: Texts.  # long [n, length]
        data: Those that are learned from.  # long [m, length]
        field: What both are.
    """
    gram = 2 if vocabulary_of(field.classes).words else 3
    lengths = [float(_there(texts).sum()) / len(texts) for texts in (made, data)]
    return {
        "repeats": repeats(made, gram),
        "repeats_data": repeats(data, gram),
        "length": lengths[0] / max(lengths[1], 1.0),
    }


def repeats(texts: Tensor, gram: int) -> float:
    """Share of runs of so many symbols that occurred before in the same text; 0 where there is none.

    Example:
        >>> import torch
        >>> repeats(torch.tensor([[5, 6, 5, 6, 5, 1], [5, 6, 7, 1, 0, 0]]), 2)  # 2 of 4, 0 of 2
        0.3333333333333333
    """
    seen = again = 0
    for text, there in zip(texts.tolist(), _there(texts).tolist(), strict=True):
        symbols = [symbol for symbol, counts in zip(text, there, strict=True) if counts]
        grams = [tuple(symbols[place : place + gram]) for place in range(len(symbols) - gram + 1)]
        seen, again = seen + len(grams), again + len(grams) - len(set(grams))
    return again / seen if seen else 0.0


def _there(texts: Tensor) -> Tensor:
    """Where a symbol is that is neither an end nor padding."""
    return (texts != PADDING) & (texts != END)
