"""Texts as bags of words: fixed random vectors of their words, added up."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from belamy.modalities.text import SPECIAL, Vocabulary
from belamy.networks.captioned import Said
from belamy.networks.sizes import check_positive
from belamy.seeds import generator


class TextEncoder(nn.Module):
    """Sums of the words' vectors, of length 1: which words a text has, in whatever order. Nothing is learned.

    Words are what spaces separate, without case. The vector of each is normal noise that its letters decide, so that
    those of different words are nearly orthogonal, however texts are cut into symbols.

    References:
        Kanerva et al. 2000, "Random indexing of text samples for latent semantic analysis", CogSci.

    Args:
        length: Symbols of the longest text.
        vocabulary: How many symbols there are.
        symbols: The symbols, by number.
        width: Numbers of a vector.

    Raises:
        UsageError: A ``width`` below 1.

    Example:
        >>> encoder = TextEncoder(4, 5, (*SPECIAL, " a", " cat"), width=64)
        >>> one, other = (encoder(torch.tensor([numbers])).whole for numbers in ([3, 4, 1, 0], [4, 3, 1, 0]))
        >>> bool(torch.allclose(one, other)), one.shape
        (True, torch.Size([1, 64]))
    """

    modality = "text"

    def __init__(self, length: int, vocabulary: int, symbols: Sequence[str] = SPECIAL, *, width: int = 1024) -> None:
        super().__init__()
        self.width, self.known = check_positive(width, "width"), Vocabulary(symbols)
        self._vectors: dict[str, Tensor] = {}
        self.register_buffer("like", torch.zeros(()), persistent=False)
        self.like: Tensor

    def forward(self, symbols: Tensor) -> Said:
        """What texts say; its vectors are those of words, in their order.  # long [N, length]"""
        texts = [self.known.text(row).lower().split() for row in symbols.tolist()]
        vectors = self.like.new_zeros(*symbols.shape, self.width)
        present = torch.zeros_like(symbols, dtype=torch.bool)
        present[:, 0] = True  # of an empty text nothing, at the first place
        for row, words in enumerate(texts):
            if words:
                vectors[row, : len(words)] = torch.stack([self._vector(word) for word in words]).to(vectors)
                present[row, : len(words)] = True
        return Said(vectors, present, normalize(vectors.sum(1), dim=1))

    def _vector(self, word: str) -> Tensor:
        if word not in self._vectors:
            noise = torch.randn(self.width, generator=generator(0, "word", word))
            self._vectors[word] = noise / self.width**0.5
        return self._vectors[word]
