"""MiniLM, a small BERT that was taught to place sentences of like meaning near each other."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Self

from torch import Tensor, nn
from torch.nn.functional import gelu, normalize, scaled_dot_product_attention

from belamy.errors import DataError

EPSILON = 1e-12
HEAD = 32
"""Numbers of a head."""
_PREFIX = re.compile(r"^(bert\.)?(?=embeddings|encoder)")
_NAMES = (
    ("embeddings.word_embeddings", "words"),
    ("embeddings.position_embeddings", "places"),
    ("embeddings.token_type_embeddings", "kinds"),
    ("embeddings.LayerNorm", "norm"),
    ("encoder.layer", "layers"),
    ("attention.self.", ""),
    ("attention.output.dense", "mixed"),
    ("attention.output.LayerNorm", "mixed_norm"),
    ("intermediate.dense", "expand"),
    ("output.dense", "contract"),
    ("output.LayerNorm", "norm"),
)
"""What the published tensors are called, and what they are here; the first that fits is taken first."""


class SentenceEncoder(nn.Module):
    """BERT without dropout; a sentence is the mean of its pieces' last states, of length 1.

    References:
        Devlin et al. 2018, arXiv 1810.04805; Wang et al. 2020, arXiv 2002.10957 (MiniLM); Reimers & Gurevych 2019,
        arXiv 1908.10084 (means as sentences).

    Args:
        vocabulary: How many pieces of words there are.
        places: Pieces of the longest sentence.
        width: Numbers that stand for a piece, a multiple of 32.
        depth: Layers.
        inner: Units within a layer.

    Example:
        >>> SentenceEncoder(10, 8, 32, 1, 64)(torch.tensor([[1, 2, 0]]), torch.tensor([[True, True, False]])).shape
        torch.Size([1, 32])
    """

    def __init__(self, vocabulary: int, places: int, width: int, depth: int, inner: int) -> None:
        super().__init__()
        self.words, self.places = nn.Embedding(vocabulary, width), nn.Embedding(places, width)
        self.kinds, self.norm = nn.Embedding(2, width), nn.LayerNorm(width, EPSILON)
        self.layers: Any = nn.ModuleList([_Layer(width, inner) for _ in range(depth)])

    @classmethod
    def published(cls, tensors: Mapping[str, Tensor]) -> Self:
        """The network of published tensors, frozen, in evaluation mode.

        Raises:
            DataError: They are those of another network.
        """
        found = {}
        for name, tensor in tensors.items():
            for theirs, ours in _NAMES:
                name = name.replace(theirs, ours)
            found[_PREFIX.sub("", name)] = tensor
        held = {
            name: tensor for name, tensor in found.items() if not name.endswith("position_ids") and name[:6] != "pooler"
        }
        try:
            (vocabulary, width), places = held["words.weight"].shape, len(held["places.weight"])
            depth = len({name.split(".")[1] for name in held if name.startswith("layers.")})
            network = cls(vocabulary, places, width, depth, len(held["layers.0.expand.weight"]))
            network.load_state_dict(held)
        except (KeyError, ValueError, RuntimeError) as error:
            reason = str(error).splitlines()[-1].strip()
            raise DataError(f"The weights are not those of a MiniLM sentence encoder: {reason}.") from None
        return network.eval().requires_grad_(False)

    def forward(self, pieces: Tensor, known: Tensor) -> Tensor:
        """Sentences of pieces.

        Args:
            pieces: Their numbers.  # [n, t] long
            known: Which are there; the others are padding.  # [n, t] bool

        Returns:
            ``[n, width]``, each of length 1.
        """
        values = self.words(pieces) + self.places.weight[: pieces.shape[1]] + self.kinds.weight[0]
        values = self.norm(values)  # [n, t, width]
        for layer in self.layers:
            values = layer(values, known[:, None, None])
        shares = known[..., None].to(values.dtype)
        return normalize((values * shares).sum(1) / shares.sum(1).clamp_min(1e-9), dim=1)


class _Layer(nn.Module):
    """Attention, then a perceptron; what each adds is normalised with what it was added to."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.heads = width // HEAD
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.mixed, self.mixed_norm = nn.Linear(width, width), nn.LayerNorm(width, EPSILON)
        self.expand, self.contract, self.norm = (
            nn.Linear(width, inner),
            nn.Linear(inner, width),
            nn.LayerNorm(width, EPSILON),
        )

    def forward(self, values: Tensor, known: Tensor) -> Tensor:
        query, key, value = (self._by_head(part(values)) for part in (self.query, self.key, self.value))
        heard = scaled_dot_product_attention(query, key, value, attn_mask=known).transpose(1, 2).flatten(2)
        values = self.mixed_norm(values + self.mixed(heard))
        normed: Tensor = self.norm(values + self.contract(gelu(self.expand(values))))
        return normed

    def _by_head(self, values: Tensor) -> Tensor:
        return values.unflatten(2, (self.heads, HEAD)).transpose(1, 2)
