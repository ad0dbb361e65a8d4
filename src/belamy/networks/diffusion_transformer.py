"""A small transformer over patches that diffusion models run on."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from belamy.errors import UsageError
from belamy.networks.captioned import CrossAttention, Said
from belamy.networks.diffusion_u_net import waves
from belamy.networks.sizes import check_divisible, check_positive

SLOWEST = 10_000.0
"""Ratio of the quickest to the slowest wave that tells a place."""


class Denoiser(nn.Module):
    """Attention over squares of pixels, told the level of noise and the class by adaptive layer norms (adaLN-zero).

    Each block begins as the identity and the last layer at zero, so that nothing is denoised at first.

    *Departs from the paper*: the level is told by the waves and the layers of ``diffusion-u-net``.

    References:
        Peebles & Xie 2022, arXiv 2212.09748, section 3.2; places by sines: Vaswani et al. 2017, arXiv 1706.03762,
        section 3.5, half of the numbers for rows and half for columns.

    Args:
        shape: Of a picture; ``patch`` must divide both sides.
        classes: How many classes there are; 0 for none. One more stands for no class.
        text: Numbers of the vectors of a text that it is told; 0 for none.
        attends: Whether patches also attend to the symbols of the text, after each block; the whole of it is told as
            the class is.
        width: Numbers that stand for a patch, a multiple of 4 and of ``heads``.
        depth: Blocks, each attention and a perceptron.
        heads: Of attention.
        patch: Side of the squares of pixels.
        dropout: Probability at which what a block adds is zeroed in training.

    Raises:
        UsageError: ``patch`` does not divide the sides, or a number is out of range.

    Example:
        >>> Denoiser((1, 8, 8), 0, width=8, depth=1, heads=2)(torch.ones(2, 1, 8, 8), torch.zeros(2)).abs().max().item()
        0.0
    """

    native_shape = (1, 28, 28)
    takes_text = True

    def __init__(
        self,
        shape: tuple[int, int, int],
        classes: int = 0,
        text: int = 0,
        attends: bool = True,
        *,
        width: int = 96,
        depth: int = 6,
        heads: int = 4,
        patch: int = 4,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        _check(width, depth, heads, patch, dropout)
        check_divisible(shape, patch, "diffusion-transformer")
        channels, height, across = shape
        self.width, self.patch, self.classes = width, patch, classes
        self.level = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
        self.label = nn.Embedding(classes + 1, width) if classes else None
        self.whole = nn.Linear(text, width) if text else None
        self.first = nn.Linear(channels * patch**2, width)
        self.places: Tensor
        self.register_buffer("places", places(height // patch, across // patch, width), persistent=False)
        self.blocks = nn.ModuleList(AdaptiveBlock(width, heads, dropout) for _ in range(depth))
        reading = depth if text and attends else 0
        self.reading = nn.ModuleList(CrossAttention(width, text) for _ in range(reading))
        self.shift_scale = _silent(nn.Linear(width, 2 * width))
        self.last = _silent(nn.Linear(width, channels * patch**2))

    def forward(self, images: Tensor, level: Tensor, labels: Tensor | None = None, said: Said | None = None) -> Tensor:
        """What is asked for, of the images' shape.  # [N, C, H, W]

        Args:
            images: Noisy, scaled to about unit variance.
            level: c_noise of each.  # [N]
            labels: Of each; the number of classes stands for none.  # [N]
            said: What a text says of each, for a network that is told a text.
        """
        told: Tensor = self.level(waves(level, self.width))
        if self.label is not None:
            none = torch.full((len(level),), self.classes, device=level.device)
            told = told + self.label(none if labels is None else labels)
        if self.whole is not None and said is not None:
            told = told + self.whole(said.whole)
        told = F.silu(told)
        squares = F.pixel_unshuffle(images, self.patch)  # [N, C p p, H / p, W / p]
        x = self.first(squares.flatten(2).transpose(1, 2)) + self.places  # [N, T, width]
        for number, block in enumerate(self.blocks):
            x = block(x, told)
            if self.reading and said is not None:
                x = self.reading[number](x, said)
        shift, scale = self.shift_scale(told)[:, None].chunk(2, 2)
        x = self.last(_normal(x, shift, scale))
        return F.pixel_shuffle(x.transpose(1, 2).unflatten(2, squares.shape[2:]), self.patch)


class AdaptiveBlock(nn.Module):
    """Attention and a perceptron, both scaled, shifted and let through as they are told; at first nothing is.

    Args:
        width: Numbers that stand for a patch.
        heads: Of attention.
        dropout: Probability at which what it adds is zeroed in training.
    """

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.told = _silent(nn.Linear(width, 6 * width))
        self.asked, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.expand, self.contract = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, told: Tensor) -> Tensor:
        """The sum.  # [N, T, width], [N, width] to [N, T, width]"""
        shift, scale, gate, shift_again, scale_again, gate_again = self.told(told)[:, None].chunk(6, 2)
        asked = self.asked(_normal(x, shift, scale)).unflatten(2, (3, self.heads, -1))  # [N, T, 3, h, w]
        found = F.scaled_dot_product_attention(*asked.permute(2, 0, 3, 1, 4))
        x = x + gate * self.dropout(self.out(found.transpose(1, 2).flatten(2)))
        inner = self.contract(F.gelu(self.expand(_normal(x, shift_again, scale_again)), approximate="tanh"))
        out: Tensor = x + gate_again * self.dropout(inner)
        return out


def places(rows: int, columns: int, width: int) -> Tensor:
    """Sines and cosines of rows and of columns, each half of the width.  # [rows columns, width]

    Example:
        >>> places(2, 3, 8).shape
        torch.Size([6, 8])
    """
    rates = SLOWEST ** -(torch.arange(width // 4) / (width // 4))
    row, column = (torch.arange(count)[:, None] * rates for count in (rows, columns))
    told = [torch.cat([each.sin(), each.cos()], 1) for each in (row, column)]
    return torch.cat([told[0].repeat_interleave(columns, 0), told[1].repeat(rows, 1)], 1)


def _normal(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    """Of mean 0 and variance 1 in each place, then scaled and shifted."""
    return torch.addcmul(shift, F.layer_norm(x, x.shape[-1:], eps=1e-6), 1 + scale)


def _silent(layer: nn.Linear) -> nn.Linear:
    """A layer that begins at zero."""
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


def _check(width: int, depth: int, heads: int, patch: int, dropout: float) -> None:
    for name, value in {"width": width, "depth": depth, "heads": heads, "patch": patch}.items():
        check_positive(value, f"diffusion-transformer:{name}")
    if width % 4 or width % heads:
        raise UsageError(
            f"diffusion-transformer has a width of {width}, but it must be a multiple of 4 and of its {heads} heads."
        )
    if not 0 <= dropout < 1:
        raise UsageError(f"diffusion-transformer has a dropout of {dropout}, but it must be in [0, 1).")
