"""SEGAN: speech made clean by strided convolutions there and back, judged beside what was heard."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn

from belamy.errors import UsageError
from belamy.networks.layers import BatchNorm, PReLU, ScoringNetwork, dense, gaussian
from belamy.networks.sizes import check_positive
from belamy.networks.wavegan import STRIDE, StridedConv1d, UpsamplingConv1d

TAPS, LAYERS = 31, 5
UNIT = STRIDE**LAYERS
"""Samples for one step of the innermost feature maps."""
Slopes = Literal["element", "channel"]


def check_length(samples: int) -> None:
    """Refuse clips that the strides do not divide.

    Raises:
        UsageError: The message names the nearest lengths.
    """
    if samples % UNIT or samples < UNIT:
        near = sorted({max(UNIT, samples // UNIT * UNIT), -(-samples // UNIT) * UNIT})
        raise UsageError(
            f"segan needs clips whose number of samples is a multiple of {UNIT:,}, but these have {samples:,}. Type "
            f"{' or '.join(f'--length {length}' for length in near)}."
        )


def rectifier(slopes: Slopes, features: int, steps: int) -> nn.Module:
    """A rectifier with a learned slope for each element, or for each channel."""
    return PReLU(features, steps) if slopes == "element" else PReLU(features, 1)


class ChannelScale(nn.Module):
    """Each channel times a learned number, 1 at first.

    Args:
        features: How many channels.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(features, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Same shape as ``x`` ``[N, features, steps]``."""
        return x * self.weight


class Enhancer(nn.Module):
    """16,384 samples → 64 × 4096 → … → 1024 × 16, and back with noise and scaled skips; 65,768,065 parameters.

    *Departs from the book's code*, whose layer of scales has no effect: here each channel has its number.

    References:
        Pascual, Bonafonte & Serrà 2017, arXiv 1703.09452, section 3; in this form (five layers of stride 4): Valle
        2019, Hands-On Generative Adversarial Networks with Keras, chapter 10.

    Args:
        shape: (channels, samples) of a clip; samples are a multiple of 1,024.
        width: Features of the first layer, 64 in the book; they double from layer to layer.
        slopes: Of the rectifiers, one for each ``element``, as in Keras, which binds the network to clips of one
            length, or for each ``channel``.
        upsampling: ``transposed``, or ``nearest``, which leaves no comb in the spectrum.
        noise: Whether latents join the innermost features.

    Raises:
        UsageError: A number of samples that the strides do not divide.

    Example:
        >>> network = Enhancer((1, 2048), width=4)
        >>> network.latent_shape
        (64, 2)
        >>> network(torch.zeros(3, 1, 2048), torch.randn(3, 64, 2)).shape
        torch.Size([3, 1, 2048])
    """

    modality = "audio"
    native_shape = (1, 16384)

    def __init__(
        self,
        shape: tuple[int, ...],
        *,
        width: int = 64,
        slopes: Slopes = "element",
        upsampling: Literal["transposed", "nearest"] = "transposed",
        noise: bool = True,
    ) -> None:
        super().__init__()
        check_positive(width, "segan.width")
        channels, samples = shape
        check_length(samples)
        features = [channels, *(width * 2**number for number in range(LAYERS))]
        steps = [samples // STRIDE**number for number in range(LAYERS + 1)]
        self.latent_shape: tuple[int, ...] = (features[-1], steps[-1]) if noise else ()
        self.down = nn.ModuleList(
            nn.Sequential(StridedConv1d(incoming, outgoing, TAPS), rectifier(slopes, outgoing, length))
            for (incoming, outgoing), length in zip(pairwise(features), steps[1:], strict=True)
        )
        self.scales = nn.ModuleList(ChannelScale(count) for count in features[1:])
        up: list[nn.Module] = []
        for number in reversed(range(LAYERS)):
            joined = 2 * features[number + 1] if noise or number < LAYERS - 1 else features[number + 1]
            layer = UpsamplingConv1d(joined, features[number], upsampling, TAPS)
            last = nn.Tanh() if number == 0 else rectifier(slopes, features[number], steps[number])
            up.append(nn.Sequential(layer, last))
        self.up = nn.ModuleList(up)

    def forward(self, sounds: Tensor, latents: Tensor | None = None) -> Tensor:
        """Clean sounds ``[N, C, samples]`` in [-1, 1] of noisy ones and latents ``[N, *latent_shape]``, else 0."""
        skips = []
        x = sounds
        for layer, scale in zip(self.down, self.scales, strict=True):
            x = layer(x)
            skips.append(scale(x))
        x = skips.pop()
        if self.latent_shape:
            x = torch.cat([torch.zeros_like(x) if latents is None else latents, x], 1)
        for layer in self.up:
            x = layer(x)
            x = torch.cat([x, skips.pop()], 1) if skips else x
        return x


class Discriminator(ScoringNetwork):
    """16,384 samples of two sounds → 64 × 4096 → … → 1024 × 16 → 256 → 128 → score; 26,335,681 parameters and buffers.

    References:
        As :class:`Enhancer`.

    Args:
        shape: (channels, samples) of a clip, the two sounds one above the other; samples are a multiple of 1,024.
        width: Features of the first layer, 64 in the book; they double from layer to layer.
        slopes: Of the rectifiers, one for each ``element``, as in Keras, or for each ``channel``.

    Raises:
        UsageError: A number of samples that the strides do not divide.
    """

    modality = "audio"
    native_shape = (2, 16384)

    def __init__(self, shape: tuple[int, ...], *, width: int = 64, slopes: Slopes = "element") -> None:
        super().__init__()
        check_positive(width, "segan.width")
        channels, samples = shape
        check_length(samples)
        features = [channels, *(width * 2**number for number in range(LAYERS))]
        layers: list[nn.Module] = []
        for number, (incoming, outgoing) in enumerate(pairwise(features), 1):
            layers += [
                StridedConv1d(incoming, outgoing, TAPS, gaussian(0.02)),
                BatchNorm(outgoing, eps=1e-5, momentum=0.1),
                rectifier(slopes, outgoing, samples // STRIDE**number),
            ]
        wide = features[-1] * (samples // UNIT)
        layers += [nn.Flatten(), dense(wide, 4 * width), PReLU(4 * width), dense(4 * width, 2 * width)]
        self.trunk = nn.Sequential(*layers, PReLU(2 * width))
        self.head = dense(2 * width, 1)
