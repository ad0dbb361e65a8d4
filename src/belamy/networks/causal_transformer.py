"""A small pre-norm causal transformer with rotary positions and a cache of keys and values.

References:
    Vaswani et al. 2017, "Attention is all you need", arXiv:1706.03762; Xiong et al. 2020, "On layer normalization in
    the transformer architecture", arXiv:2002.04745 (pre-norm); Su et al. 2021, "RoFormer", arXiv:2104.09864 (rotary
    positions); Press & Wolf 2017, "Using the output embedding to improve language models", arXiv:1608.05859 (the
    weights that read symbols also write them).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from belamy.errors import UsageError

BASE = 10_000.0
"""Ratio of the slowest to the quickest rotation, as in RoFormer."""


class Cache(NamedTuple):
    """What attention has seen so far: keys and values of each layer.  # each [N, heads, t, width / heads]"""

    keys: tuple[Tensor, ...]
    values: tuple[Tensor, ...]

    @property
    def length(self) -> int:
        """How many symbols have been read."""
        return self.keys[0].shape[2]


class LanguageModel(nn.Module):
    """Logits of the symbol that follows each symbol of a text.

    Args:
        length: Symbols of the longest text; positions are relative, so that longer ones can be read, too.
        vocabulary: How many symbols there are.
        width: Numbers that stand for a symbol.
        depth: Layers, each attention and a perceptron.
        heads: Of attention, each ``width / heads`` numbers wide.
        dropout: Probability at which numbers that a layer adds are zeroed in training.

    Raises:
        UsageError: The width is not a multiple of twice the heads.

    Example:
        >>> model = LanguageModel(16, 30, width=32, depth=2, heads=2)
        >>> model(torch.zeros(3, 16, dtype=torch.long)).shape
        torch.Size([3, 16, 30])
    """

    modality = "text"

    def __init__(
        self, length: int, vocabulary: int, *, width: int = 128, depth: int = 4, heads: int = 4, dropout: float = 0.1
    ) -> None:
        super().__init__()
        check_transformer("causal-transformer", width, depth, heads, dropout)
        self.length, self.vocabulary, self.rotated = length, vocabulary, width // heads
        self.embedding = nn.Embedding(vocabulary, width)
        self.blocks = nn.ModuleList([Block(width, heads, dropout) for _ in range(depth)])
        self.norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)
        self.bias = nn.Parameter(torch.zeros(vocabulary))
        self._start(depth)

    def _start(self, depth: int) -> None:
        """Weights N(0, 0.02), those that end a residual branch smaller by the root of their number, as in GPT-2."""
        for name, parameter in self.named_parameters():
            if parameter.dim() == 2:
                ends = name.endswith(("out.weight", "contract.weight"))
                nn.init.normal_(parameter, std=0.02 / (2 * depth) ** 0.5 if ends else 0.02)
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)

    def step(self, tokens: Tensor, state: Cache | None = None) -> tuple[Tensor, Cache]:
        """Logits after symbols that follow those which ``state`` has seen, and the new state.

        Args:
            tokens: Symbols.  # [N, T]
            state: What was read before them; None at the beginning of a text.
        """
        values = self.dropout(self.embedding(tokens))  # [N, T, width]
        keys, kept = [], []
        turn = rotations(tokens.shape[1], state.length if state else 0, self.rotated, values)
        for number, block in enumerate(self.blocks):
            before = (state.keys[number], state.values[number]) if state else None
            values, key, value = block(values, turn, before)
            keys.append(key)
            kept.append(value)
        logits = self.norm(values) @ self.embedding.weight.T + self.bias  # [N, T, vocabulary]
        return logits, Cache(tuple(keys), tuple(kept))

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits of what follows each symbol; a symbol sees itself and those before it.  # [N, T] to [N, T, V]"""
        return self.step(tokens)[0]


class Block(nn.Module):
    """One layer: causal attention, then a perceptron of four times the width; each is added to what it reads."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.rotated = heads, width // heads
        self.attention_norm = nn.LayerNorm(width)
        self.queries_keys_values = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.perceptron_norm = nn.LayerNorm(width)
        self.expand = nn.Linear(width, 4 * width)
        self.contract = nn.Linear(4 * width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, values: Tensor, turn: tuple[Tensor, Tensor], before: tuple[Tensor, Tensor] | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The sum, and all keys and values.  # [N, T, width]"""
        count, steps, width = values.shape
        parts = self.queries_keys_values(self.attention_norm(values)).view(count, steps, 3, self.heads, self.rotated)
        query, key, value = parts.permute(2, 0, 3, 1, 4)  # each [N, heads, T, width / heads]
        query, key = rotate(query, turn), rotate(key, turn)
        if before is not None:
            key, value = torch.cat([before[0], key], 2), torch.cat([before[1], value], 2)
        mixed = scaled_dot_product_attention(query, key, value, attn_mask=_mask(steps, key.shape[2], key.device))
        values = values + self.dropout(self.out(mixed.transpose(1, 2).reshape(count, steps, width)))
        inner = nn.functional.gelu(self.expand(self.perceptron_norm(values)), approximate="tanh")
        return values + self.dropout(self.contract(inner)), key, value


def rotations(steps: int, first: int, width: int, like: Tensor) -> tuple[Tensor, Tensor]:
    """Cosines and sines of the angles at positions ``first`` and after.  # each [T, width / 2]"""
    speeds = BASE ** (-torch.arange(0, width, 2, dtype=torch.float64, device=like.device) / width)
    angles = torch.arange(first, first + steps, dtype=torch.float64, device=like.device)[:, None] * speeds
    return angles.cos().to(like.dtype), angles.sin().to(like.dtype)


def rotate(values: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
    """Pairs of numbers turned by their position's angles, so that products depend on distances alone."""
    cosine, sine = turn
    left, right = values.chunk(2, -1)
    return torch.cat([left * cosine - right * sine, left * sine + right * cosine], -1)


def _mask(steps: int, seen: int, device: torch.device) -> Tensor:
    """Who may be attended to by whom: those before, and oneself.  # [T, seen]"""
    return torch.ones(steps, seen, dtype=torch.bool, device=device).tril(seen - steps)


def check_transformer(name: str, width: int, depth: int, heads: int, dropout: float) -> None:
    """Refuse sizes that no transformer with rotated positions has.

    Raises:
        UsageError: What to type.
    """
    if heads < 1 or width < 2 or width % (2 * heads):
        raise UsageError(
            f"{name} has a width of {width} and {heads} heads, but the width must be a multiple of twice "
            f"the heads: width={max(width // (2 * max(heads, 1)), 1) * 2 * max(heads, 1)}."
        )
    if depth < 1:
        raise UsageError(f"{name} has a depth of {depth}, but it must be 1 or more.")
    if not 0 <= dropout < 1:
        raise UsageError(f"{name} has a dropout of {dropout}, but it must be in [0, 1).")
