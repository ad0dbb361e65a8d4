"""Denoisers that are told what a text says: by a vector of the whole, and by attention to those of its symbols.

References:
    Both together: Nichol et al. 2021, "GLIDE", arXiv 2112.10741, section 4.1.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from belamy.modalities.text import END, PADDING

HEADS = 4
"""Of attention to a text; widths are multiples of it."""


class Said(NamedTuple):
    """What a text encoder makes of texts.

    Args:
        vectors: Of each symbol.  # [N, L, W]
        present: Which symbols are no padding.  # bool [N, L]
        whole: Of each text.  # [N, W]
    """

    vectors: Tensor
    present: Tensor
    whole: Tensor


class Captioned(nn.Module):
    """A denoiser and the text encoder that tells it captions; both learn together.

    No caption is the empty one, which ends where it begins.

    References:
        Rombach et al. 2021, arXiv 2112.10752, section 3.3, where the encoder learns along too.

    Args:
        network: Its ``forward`` takes what is said as a fourth argument.
        encoder: Gives :class:`Said` of symbols.
        length: Symbols of a caption.
    """

    empty: Tensor

    def __init__(self, network: nn.Module, encoder: nn.Module, length: int) -> None:
        super().__init__()
        self.network, self.encoder = network, encoder
        self.register_buffer("empty", torch.tensor([END] + [PADDING] * (length - 1)), persistent=False)

    def forward(self, images: Tensor, level: Tensor, symbols: Tensor | None = None) -> Tensor:
        """What is asked for, of the images' shape.  # [N, C, H, W], [N], long [N, L]"""
        said = self.encoder(self.empty.expand(len(images), -1) if symbols is None else symbols)
        answer: Tensor = self.network(images, level, None, said)
        return answer


class CrossAttention(nn.Module):
    r"""Adds to each place what it finds in a text; at first nothing.

    .. math:: x + W \mathrm{softmax}(Q(x) K(t)^\top / \sqrt{d}) V(t)

    References:
        Rombach et al. 2021, arXiv 2112.10752, section 3.3.

    Args:
        width: Numbers of a place, a multiple of 4.
        text: Of a symbol's vector.
    """

    def __init__(self, width: int, text: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.asked, self.read, self.out = nn.Linear(width, width), nn.Linear(text, 2 * width), nn.Linear(width, width)
        for parameter in self.out.parameters():
            nn.init.zeros_(parameter)

    def forward(self, x: Tensor, said: Said) -> Tensor:
        """Places of the same shape.  # [N, T, width]"""
        query = self.asked(self.norm(x)).unflatten(2, (HEADS, -1)).transpose(1, 2)  # [N, heads, T, w]
        key, value = self.read(said.vectors).unflatten(2, (2, HEADS, -1)).permute(2, 0, 3, 1, 4)
        found = F.scaled_dot_product_attention(query, key, value, attn_mask=said.present[:, None, None])
        return x + self.out(found.transpose(1, 2).flatten(2))
