"""A light U-Net that diffusion models of small pictures run on."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from belamy.errors import UsageError
from belamy.networks.captioned import CrossAttention, Said
from belamy.networks.sizes import check_divisible, check_positive

GROUPS = 8


class Denoiser(nn.Module):
    """Residual blocks at a few resolutions that are told the level of noise and the class; attention at the lowest.

    The last layer begins at zero, so that nothing is denoised at first.

    *Departs from the papers*: the first resolution is that of small squares of pixels (``patch``), one block each way
    at each resolution, attention at the lowest alone; resolutions change by means and by repetition.

    References:
        Ho et al. 2020, arXiv 2006.11239, appendix B; the level as scale and shift: Dhariwal & Nichol 2021,
        arXiv 2105.05233, section 3.1.

    Args:
        shape: Of a picture; ``patch`` times 2 for each further resolution must divide both sides.
        classes: How many classes there are; 0 for none. One more stands for no class.
        text: Numbers of the vectors of a text that it is told; 0 for none.
        attends: Whether pixels also attend to the symbols of the text, at the lowest resolution and after each block on
            the way up; the whole of it is told as the class is.
        width: Channels at the first resolution, a multiple of 8.
        multipliers: Channels at each resolution, in widths.
        patch: Side of the squares of pixels that the first layer takes and the last one makes.
        dropout: Probability at which features within blocks are zeroed in training.

    Raises:
        UsageError: The sides cannot be halved so often, or a number is out of range.

    Example:
        >>> Denoiser((1, 8, 8), 0, width=8)(torch.zeros(2, 1, 8, 8), torch.zeros(2), None).abs().max().item()
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
        width: int = 48,
        multipliers: tuple[int, ...] = (1, 2),
        patch: int = 2,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        _check(shape, width, multipliers, patch, dropout)
        told, wide = 4 * width, [width * each for each in multipliers]
        self.width, self.patch, self.classes = width, patch, classes
        self.level = nn.Sequential(nn.Linear(width, told), nn.SiLU(), nn.Linear(told, told))
        self.label = nn.Embedding(classes + 1, told) if classes else None
        self.whole = nn.Linear(text, told) if text else None
        self.first = nn.Conv2d(shape[0] * patch**2, width, 3, padding=1)
        steps = list(zip([width, *wide], wide, strict=False))
        self.down = nn.ModuleList(DenoisingBlock(one, other, told, dropout) for one, other in steps)
        self.middle = DenoisingBlock(wide[-1], wide[-1], told, dropout)
        self.attention = PixelAttention(wide[-1])
        below = zip([*wide[1:], wide[-1]], wide, strict=True)
        self.up = nn.ModuleList(DenoisingBlock(low + own, own, told, dropout) for low, own in reversed(list(below)))
        reading = [wide[-1], *reversed(wide)] if text and attends else []
        self.reading = nn.ModuleList(CrossAttention(channels, text) for channels in reading)
        self.norm = nn.GroupNorm(GROUPS, width)
        self.last = nn.Conv2d(width, shape[0] * patch**2, 3, padding=1)
        for parameter in self.last.parameters():
            nn.init.zeros_(parameter)

    def forward(self, images: Tensor, level: Tensor, labels: Tensor | None = None, said: Said | None = None) -> Tensor:
        """What is asked for, of the images' shape.  # [N, C, H, W]

        Args:
            images: Noisy, scaled to about unit variance.
            level: c_noise of each.  # [N]
            labels: Of each; the number of classes stands for none.  # [N]
            said: What a text says of each, for a network that is told a text.
        """
        told = self.told(level, labels, said)
        x = self.first(F.pixel_unshuffle(images, self.patch).contiguous(memory_format=torch.channels_last))
        kept: list[Tensor] = []
        for block in self.down:
            x = block(F.avg_pool2d(x, 2) if kept else x, told)
            kept.append(x)
        x = self.read(0, self.attention(self.middle(x, told)), said)
        for depth, block in enumerate(self.up):
            x = F.interpolate(x, scale_factor=2.0, mode="nearest") if depth else x
            x = self.read(depth + 1, block(torch.cat([x, kept.pop()], 1), told), said)
        return F.pixel_shuffle(self.last(F.silu(self.norm(x))), self.patch)

    def read(self, number: int, x: Tensor, said: Said | None) -> Tensor:
        """Features and what their pixels find in a text, if they look.  # [N, C, H, W]"""
        if said is None or not self.reading:
            return x
        found: Tensor = self.reading[number](x.flatten(2).transpose(1, 2), said)
        return found.transpose(1, 2).unflatten(2, x.shape[2:])

    def told(self, level: Tensor, labels: Tensor | None, said: Said | None) -> Tensor:
        """What all blocks are told.  # [N], [N] to [N, 4 width]"""
        told: Tensor = self.level(waves(level, self.width))
        if self.label is not None:
            none = torch.full((len(level),), self.classes, device=level.device)
            told = told + self.label(none if labels is None else labels)
        if self.whole is not None and said is not None:
            told = told + self.whole(said.whole)
        return F.silu(told)


class DenoisingBlock(nn.Module):
    """Two convolutions beside a shortcut; scale and shift between them come from the level of noise and the class.

    Args:
        incoming: Channels read.
        outgoing: Channels made.
        told: Size of what it is told.
        dropout: Probability at which features are zeroed in training.
    """

    def __init__(self, incoming: int, outgoing: int, told: int, dropout: float) -> None:
        super().__init__()
        self.norm, self.conv = nn.GroupNorm(GROUPS, incoming), nn.Conv2d(incoming, outgoing, 3, padding=1)
        self.told = nn.Linear(told, 2 * outgoing)
        self.norm_again, self.dropout = nn.GroupNorm(GROUPS, outgoing), nn.Dropout(dropout)
        self.conv_again = nn.Conv2d(outgoing, outgoing, 3, padding=1)
        self.shortcut = nn.Identity() if incoming == outgoing else nn.Conv2d(incoming, outgoing, 1)

    def forward(self, x: Tensor, told: Tensor) -> Tensor:
        """Features of the same size.  # [N, incoming, H, W], [N, told] to [N, outgoing, H, W]"""
        inner = self.norm_again(self.conv(F.silu(self.norm(x))))
        scale, shift = self.told(told)[:, :, None, None].chunk(2, 1)
        inner = self.dropout(F.silu(torch.addcmul(shift, inner, 1 + scale)))
        out: Tensor = self.shortcut(x) + self.conv_again(inner)
        return out


class PixelAttention(nn.Module):
    """Adds to each pixel what it finds in all others; at first nothing.

    References:
        Vaswani et al. 2017, arXiv 1706.03762, equation 1, with one head.

    Args:
        channels: Of the features.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm, self.asked = nn.GroupNorm(GROUPS, channels), nn.Linear(channels, 3 * channels)
        self.out = nn.Linear(channels, channels)
        for parameter in self.out.parameters():
            nn.init.zeros_(parameter)

    def forward(self, x: Tensor) -> Tensor:
        """Features of the same shape.  # [N, C, H, W]"""
        pixels = self.norm(x).flatten(2).transpose(1, 2)  # [N, HW, C]
        found = self.out(F.scaled_dot_product_attention(*self.asked(pixels).chunk(3, 2)))
        return x + found.transpose(1, 2).unflatten(2, x.shape[2:])


def waves(level: Tensor, width: int) -> Tensor:
    """Cosines and sines of a level at rates from 1 to 1,000.  # [N] to [N, width]"""
    rates = torch.exp(torch.linspace(0, math.log(1000), width // 2, device=level.device)).to(level)
    angles = level[:, None] * rates
    return torch.cat([angles.cos(), angles.sin()], 1)


def _check(shape: tuple[int, ...], width: int, multipliers: tuple[int, ...], patch: int, dropout: float) -> None:
    for name, value in {"patch": patch, "multipliers": min(multipliers, default=0)}.items():
        check_positive(value, f"diffusion-u-net:{name}")
    if width < GROUPS or width % GROUPS:
        raise UsageError(f"diffusion-u-net has a width of {width}, but it must be a multiple of {GROUPS}, at least 8.")
    if not 0 <= dropout < 1:
        raise UsageError(f"diffusion-u-net has a dropout of {dropout}, but it must be in [0, 1).")
    check_divisible(shape, patch * 2 ** (len(multipliers) - 1), "diffusion-u-net")
