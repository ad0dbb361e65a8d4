"""A small causal transformer over the pixels of a picture, row by row.

References:
    Parmar et al. 2018, "Image transformer", arXiv:1802.05751; Child et al. 2019, "Generating long sequences with sparse
    transformers", arXiv:1904.10509 (embeddings of rows and columns). Attention here is over all pixels before.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from belamy.errors import UsageError
from belamy.networks.causal_transformer import Block, rotations
from belamy.networks.sizes import check_positive


class PixelModel(nn.Module):
    """Features of each pixel, from the pixels before it.

    Args:
        shape: (channels, height, width) of the pictures.
        classes: How many a conditional model is told; 0 for none.
        width: Numbers that stand for a pixel.
        depth: Layers, each attention and a perceptron.
        heads: Of attention, each ``width / heads`` numbers wide.
        dropout: Probability at which numbers that a layer adds are zeroed in training.

    Raises:
        UsageError: The width is not a multiple of twice the heads, or a number is out of range.

    Example:
        >>> PixelModel((1, 8, 8), width=8, depth=2, heads=2)(torch.zeros(3, 1, 8, 8)).shape
        torch.Size([3, 8, 8, 8])
    """

    native_shape = (1, 28, 28)

    def __init__(
        self,
        shape: tuple[int, int, int],
        classes: int = 0,
        *,
        width: int = 64,
        depth: int = 4,
        heads: int = 4,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        for name, value in {"width": width, "depth": depth, "heads": heads}.items():
            check_positive(value, f"pixel-transformer:{name}")
        if width % (2 * heads):
            raise UsageError(f"pixel-transformer has a width of {width}, but it must be a multiple of {2 * heads}.")
        if not 0 <= dropout < 1:
            raise UsageError(f"pixel-transformer has a dropout of {dropout}, but it must be in [0, 1).")
        channels, height, across = shape
        self.shape, self.features, self.rotated = shape, width, width // heads
        self.read = nn.Linear(channels, width)
        self.places = nn.Parameter(0.02 * torch.randn(height * across, width))
        self.classes = nn.Embedding(classes, width) if classes else None
        self.blocks = nn.ModuleList(Block(width, heads, dropout) for _ in range(depth))
        self.norm = nn.LayerNorm(width)

    def forward(self, values: Tensor, labels: Tensor | None = None) -> Tensor:
        """Features of all pixels of pictures in [-1, 1].  # [N, C, H, W] to [N, features, H, W]"""
        pixels = values.flatten(2).transpose(1, 2)
        before = torch.cat([torch.zeros_like(pixels[:, :1]), pixels[:, :-1]], 1)
        features = self._through(Attended([], labels), 0, before)
        return features.transpose(1, 2).unflatten(2, self.shape[1:])

    def start(self, count: int, labels: Tensor | None = None) -> Attended:
        """The state before the first pixel of so many pictures."""
        nothing = self.places.new_zeros(count, 1, self.shape[0])
        return Attended([nothing], labels)

    def step(self, state: Attended, place: int, before: Tensor | None = None) -> Tensor:
        """Features of the pixel at a place, row by row from 0; ``before`` is the pixel before it.  # [N, features]"""
        read = state.kept.pop(0) if before is None else before[:, None]
        return self._through(state, place, read)[:, 0]

    def _through(self, state: Attended, place: int, before: Tensor) -> Tensor:
        """Features of pixels from a place on; what the layers attend to is kept.  # [N, T, C] to [N, T, width]"""
        values = self.read(before) + self.places[place : place + before.shape[1]]
        if self.classes is not None and state.labels is not None:
            values = values + self.classes(state.labels)[:, None]
        turn = rotations(before.shape[1], place, self.rotated, values)
        kept: list[Tensor] = []
        for number, block in enumerate(self.blocks):
            seen = (state.kept[2 * number], state.kept[2 * number + 1]) if state.kept else None
            values, key, value = block(values, turn, seen)
            kept += [key, value]
        state.kept[:] = kept
        features: Tensor = self.norm(values)
        return features


class Attended(NamedTuple):
    """What has been computed of pictures that are being drawn; ``step`` changes it.

    Args:
        kept: Keys and values of each layer in turn; before the first pixel, what stands for the pixel before it.
        labels: The classes that are told.  # [N]
    """

    kept: list[Tensor]
    labels: Tensor | None
