"""What MiniLM reads in texts: their sense, whatever the words."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from belamy.data.weights import MINILM, MINILM_PIECES, find, read_tensors
from belamy.evaluation.extracted import ExtractedFeatures
from belamy.modalities.fields import Field
from belamy.modalities.text import strings
from belamy.modalities.word_pieces import WordPieces
from belamy.networks.sentence_encoder import SentenceEncoder

PART = 64
"""Texts that are read together."""


class Extractor:
    """all-MiniLM-L6-v2: 384 numbers of length 1, of the first 256 pieces of words. English; fetched once, 91 MB.

    Args:
        field: What the texts are.
        weights: The published ``model.safetensors``, with ``vocab.txt`` beside it; None looks in the cache, then
            fetches both.
        cache: None is $BELAMY_CACHE or the platform's.
        offline: Never touch the network.

    Raises:
        DataError: The files are not at hand, or are others.
    """

    modalities = ("text",)
    published = True
    name = "sentences"
    classes = 0
    layer, resize = "mean of the last", ""

    def __init__(
        self, field: Field, weights: Path | None = None, cache: Path | None = None, offline: bool = False
    ) -> None:
        pieces = None if weights is None else Path(weights).with_name(MINILM_PIECES.name)
        found = find(MINILM, file=weights, cache=cache, offline=offline)
        listed = find(MINILM_PIECES, file=pieces, cache=cache, offline=offline)
        self.field, self.digest = field, MINILM.sha256[:16]
        self.pieces = WordPieces(listed.read_text("utf-8").splitlines())
        self.network = SentenceEncoder.published(read_tensors(found))
        self.size = self.network.words.embedding_dim

    @torch.no_grad()
    def extract(self, images: Tensor, labels: Tensor | None = None) -> ExtractedFeatures:
        """What is in texts, given as the numbers of their symbols.  # [n, length]"""
        texts = strings(images, self.field)
        rows = [self.network(*self.pieces.rows(texts[at : at + PART])) for at in range(0, len(texts), PART)]
        return ExtractedFeatures(torch.cat(rows).double(), None, labels, images, self.field)
