"""What a method that has a vector for each word can do."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from torch import Tensor


@runtime_checkable
class HasWordVectors(Protocol):
    """Has a vector for each symbol of its texts."""

    def word_vectors(self) -> Tensor:
        """The vectors, in the order of the vocabulary.  # [V, latent]"""
        ...
