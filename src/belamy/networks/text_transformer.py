"""A small transformer that makes vectors of texts, for what is told in words."""

from __future__ import annotations

from torch import Tensor, nn

from belamy.modalities.text import PADDING
from belamy.networks.captioned import Said
from belamy.networks.causal_transformer import Block, check_transformer, rotations


class TextEncoder(nn.Module):
    """Vectors of the symbols of texts, each of which sees those before it; their mean stands for the whole.

    References:
        A masked transformer: Radford et al. 2021, "CLIP", arXiv 2103.00020, section 2.4; the mean: Reimers & Gurevych
        2019, "Sentence-BERT", arXiv 1908.10084, section 3; blocks: :mod:`belamy.networks.causal_transformer`.

    Args:
        length: Symbols of the longest text.
        vocabulary: How many symbols there are.
        width: Numbers of a vector, a multiple of twice the heads.
        depth: Layers, each attention and a perceptron.
        heads: Of attention.
        dropout: Probability at which what a layer adds is zeroed in training.

    Raises:
        UsageError: An option out of range.

    Example:
        >>> said = TextEncoder(5, 9, width=8)(torch.tensor([[4, 3, 1, 0, 0]]))
        >>> said.vectors.shape, said.present.tolist(), said.whole.shape
        (torch.Size([1, 5, 8]), [[True, True, True, False, False]], torch.Size([1, 8]))
    """

    modality = "text"

    def __init__(
        self, length: int, vocabulary: int, *, width: int = 64, depth: int = 2, heads: int = 4, dropout: float = 0.0
    ) -> None:
        super().__init__()
        check_transformer("text-transformer", width, depth, heads, dropout)
        self.width, self.rotated = width, width // heads
        self.embedding = nn.Embedding(vocabulary, width)
        self.blocks = nn.ModuleList(Block(width, heads, dropout) for _ in range(depth))
        self.norm = nn.LayerNorm(width)

    def forward(self, symbols: Tensor) -> Said:
        """What texts say.  # long [N, length]"""
        present = symbols != PADDING
        values = self.embedding(symbols)
        turn = rotations(symbols.shape[1], 0, self.rotated, values)
        for block in self.blocks:
            values = block(values, turn, None)[0]
        values = self.norm(values)
        share = present.to(values) / present.sum(1, keepdim=True)
        return Said(values, present, (share[:, :, None] * values).sum(1))
