"""StyleGAN2: convolutions whose weights follow styles, and residual or skipping networks in place of growing ones."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from belamy.errors import UsageError
from belamy.networks.equalised import (
    HE,
    SLOPE,
    Equalised,
    EqualisedConv2d,
    EqualisedLinear,
    MinibatchDeviation,
    Noise,
)
from belamy.networks.layers import ScoringNetwork
from belamy.networks.resampling import enlarge, enlarging_convolution, reduce, reducing_convolution
from belamy.networks.residual import doublings
from belamy.networks.sizes import check_choice, check_divisible, check_positive
from belamy.networks.styled import MappingNetwork, StyledGenerator, check_mixing

Form = Literal["skip", "residual", "plain"]
_FORMS = ("skip", "residual", "plain")
_EPSILON = 1e-8
_HALF = 0.5**0.5


class Generator(StyledGenerator):
    r"""Latents → mapping network → one style for each layer; a learned 4×4 map → modulated convolutions → image.

    A layer is a modulated convolution, noise, an offset and a leaky rectifier; one at the smallest size and two at each
    further one, of which the first enlarges. By ``form``: *skip* adds up images of all sizes, *residual* adds to each
    size's layers what they were given, *plain* does neither; the latter two have one image, from the last size. Twofold
    enlargement is by the filter [1, 3, 3, 1] and all rates are equalised.

    The last layer is linear, so in training values may leave [-1, 1]; samples are clipped.

    The default is small, for a CPU; the paper's is ``base=16384,widest=512,style=512`` with latents of 512, and ADA's
    has ``base=8192`` below 512 pixels and ``mapping=2``.

    *Departs from the paper*: a rectifier's gain stands before
    noise and offset, not after. Written from the papers alone.

    References:
        Karras et al. 2019, arXiv 1912.04958, sections 2 and 4 and figures 2 and 7; ADA's settings: Karras et al. 2020,
        arXiv 2006.06676, appendix C.

    Args:
        latent: Size of the latents.
        shape: (channels, height, width) of the images; height and width multiples of 4, at least 8.
        form: ``skip``, ``residual`` or ``plain``.
        base: Stage i, at :math:`2^{i+1}` pixels, has :math:`\lfloor\mathrm{base}/2^i\rfloor` channels,
        widest: or this many if that is fewer.
        style: Size w of the styles.
        mapping: Layers of the mapping network.
        mixing: Share of samples in training whose finer styles are another latent's.

    Raises:
        UsageError: A height or width that is not a multiple of 4 or below 8, a size below 1, an unknown form, or a
            share beyond 1.

    Example:
        >>> network = Generator(16, (3, 32, 32), base=64, widest=8, style=8).eval()
        >>> styles = network.styles(torch.randn(2, 16))
        >>> styles.shape, network.style_layers, network.synthesize(styles).shape
        (torch.Size([2, 8, 8]), (4, 8, 8, 16, 16, 32, 32, 32), torch.Size([2, 3, 32, 32]))
    """

    native_shape = (3, 32, 32)
    native_latent = 128
    value_range = (-1.0, 1.0)

    def __init__(
        self,
        latent: int,
        shape: tuple[int, int, int],
        *,
        form: Form = "skip",
        base: int = 512,
        widest: int = 64,
        style: int = 128,
        mapping: int = 8,
        mixing: float = 0.9,
    ) -> None:
        super().__init__()
        widths = _widths(shape, base, widest)[::-1]
        self.form, self.mixing = check_choice(form, _FORMS, "stylegan2.form"), check_mixing(mixing, "stylegan2")
        self.mapping = MappingNetwork(latent, style, mapping)
        last = len(widths) - 1
        sides = [(shape[1] >> times, shape[2] >> times) for times in range(last, -1, -1)]
        self.constant = nn.Parameter(torch.randn(widths[0], *sides[0]))
        self.layers = nn.ModuleList([_Layer(widths[0], widths[0], style, sides[0])])
        for (before, after), side in zip(pairwise(widths), sides[1:], strict=True):
            self.layers.append(_Layer(before, after, style, side, enlarges=True))
            self.layers.append(_Layer(after, after, style, side))
        imaged = widths if form == "skip" else widths[-1:]
        self.images = nn.ModuleList(_ToImage(width, shape[0], style) for width in imaged)
        passed = list(pairwise(widths)) if form == "residual" else []
        self.shortcuts = nn.ModuleList(EqualisedConv2d(*each, 1, gain=1.0, offset=None) for each in passed)
        self.style_layers = (min(sides[0]), *(min(side) for side in sides[1:] for _ in range(2)), min(shape[1:]))

    def synthesize(self, styles: Tensor, noise: Sequence[torch.Generator] | None = None) -> Tensor:
        """Images ``[N, C, H, W]`` from styles ``[N, layers, w]``.

        Args:
            styles: One of each layer; the image of a size has that of the next size's first layer.
            noise: Random numbers of each sample; None for new noise in training and for a constant one in evaluation.
        """
        x = self.constant.expand(len(styles), -1, -1, -1).contiguous(memory_format=torch.channels_last)
        x = self.layers[0](x, styles[:, 0], noise)
        image = self.images[0](x, styles[:, 1]) if self.form == "skip" else None
        for size in range(1, len(self.layers) // 2 + 1):
            before, at = x, 2 * size - 1
            x = self.layers[at](x, styles[:, at], noise)
            x = self.layers[at + 1](x, styles[:, at + 1], noise)
            if self.form == "residual":
                x = (x + enlarge(self.shortcuts[size - 1](before))) * _HALF
            if image is not None:
                image = enlarge(image) + self.images[size](x, styles[:, at + 2])
        return self.images[0](x, styles[:, -1]) if image is None else image


class Discriminator(ScoringNetwork):
    r"""1×1 of the image; at each size two 3×3 convolutions, the second of which halves it → deviation → 3×3 → score.

    By ``form``: *residual* adds to each size's convolutions what they were given, *skip* the image at the smaller size,
    *plain* neither. Twofold reduction is by the filter [1, 3, 3, 1] and all rates are equalised. Written from the
    papers alone.

    References:
        Karras et al. 2019, arXiv 1912.04958, section 4 and figure 7.

    Args:
        shape: (channels, height, width) of the images; height and width multiples of 4, at least 8.
        form: ``residual``, ``skip`` or ``plain``.
        base: Channels by stage, see the generator.
        widest: Most channels.
        group: Samples whose deviation is taken together, at least 2, or 0 for the whole batch.

    Raises:
        UsageError: A height or width that is not a multiple of 4 or below 8, a number of channels below 1, a group
            below 2, or an unknown form.
    """

    native_shape = (3, 32, 32)

    def __init__(
        self,
        shape: tuple[int, int, int],
        *,
        form: Form = "residual",
        base: int = 512,
        widest: int = 64,
        group: int = 4,
    ) -> None:
        super().__init__()
        widths = _widths(shape, base, widest)
        if group < 0 or group == 1:
            raise UsageError(f"stylegan2.group is {group}, but it must be at least 2, or 0 for the whole batch.")
        self.form = check_choice(form, _FORMS, "stylegan2.form")
        seen = widths if form == "skip" else widths[:1]
        self.inputs = nn.ModuleList(nn.Sequential(EqualisedConv2d(shape[0], width, 1), _rectifier()) for width in seen)
        self.blocks = nn.ModuleList(_Halving(*pair, residual=form == "residual") for pair in pairwise(widths))
        height, width = (side >> len(self.blocks) for side in shape[1:])
        self.summary = nn.Sequential(
            MinibatchDeviation(group or None),
            EqualisedConv2d(widths[-1] + 1, widths[-1], 3),
            _rectifier(),
            nn.Flatten(),
            EqualisedLinear(widths[-1] * height * width, widths[-1]),
            _rectifier(),
        )
        self.head = EqualisedLinear(widths[-1], 1, gain=1.0)

    def scores_and_features(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Scores ``[N]`` (logits) and features ``[N, F]`` of images ``[N, C, H, W]``."""
        images = images.contiguous(memory_format=torch.channels_last)
        x = self.inputs[0](images)
        for number, block in enumerate(self.blocks, start=1):
            x = block(x)
            if self.form == "skip":
                images = reduce(images)
                x = x + self.inputs[number](images)
        features = self.summary(x)
        return self.head(features).squeeze(1), features


class ModulatedConv2d(Equalised):
    r"""A convolution whose weights each sample's style scales, and which are then brought to unit length.

    .. math:: w'_{oik} = s_i\,w_{oik}, \qquad w''_{oik} = w'_{oik} / \sqrt{\textstyle\sum_{ik} w'^2_{oik} + \epsilon},
        \qquad s = A\,\mathrm{style} + 1

    Scaling the input by s and the output by the root is the same and needs no weights of each sample.

    References:
        Karras et al. 2019, arXiv 1912.04958, section 2.2, equations 1 to 3.

    Args:
        incoming: Channels of the input.
        outgoing: Channels of the output.
        kernel: Side of the kernel, odd.
        style: Size of the styles.
        gain: Of the output.
        demodulate: Whether weights are brought to unit length.
        enlarges: Whether the image is enlarged twofold; the kernel is then 3.
    """

    def __init__(
        self,
        incoming: int,
        outgoing: int,
        kernel: int,
        style: int,
        *,
        gain: float = 1.0,
        demodulate: bool = True,
        enlarges: bool = False,
    ) -> None:
        super().__init__((outgoing, incoming, kernel, kernel), 1.0, 1.0, None)
        self.in_channels, self.out_channels = incoming, outgoing
        self.style = EqualisedLinear(style, incoming, gain=1.0, offset=1.0)
        self.gain, self.demodulate, self.enlarges = gain, demodulate, enlarges

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """``[N, outgoing, H, W]`` from maps ``[N, incoming, H, W]`` and styles ``[N, w]``."""
        weight, _ = self.effective
        scales = self.style(style)  # s [N, I]
        x = x * scales[:, :, None, None]
        x = enlarging_convolution(x, weight) if self.enlarges else F.conv2d(x, weight, padding=weight.shape[2] // 2)
        if not self.demodulate:
            return x
        lengths = scales.square() @ weight.square().sum((2, 3)).T  # [N, O]
        return x * ((lengths + _EPSILON).rsqrt() * self.gain)[:, :, None, None]

    def extra_repr(self) -> str:
        """Sizes, as ``print`` shows them."""
        return f"{self.in_channels}, {self.out_channels}, {self.weight.shape[2]}"


class _Layer(nn.Module):
    """A modulated convolution, noise, an offset and a leaky rectifier."""

    def __init__(
        self, incoming: int, outgoing: int, style: int, sides: tuple[int, int], *, enlarges: bool = False
    ) -> None:
        super().__init__()
        self.convolution = ModulatedConv2d(incoming, outgoing, 3, style, gain=HE, enlarges=enlarges)
        self.noise = Noise(1, *sides)
        self.bias = nn.Parameter(torch.zeros(outgoing, 1, 1))

    def forward(self, x: Tensor, style: Tensor, noise: Sequence[torch.Generator] | None) -> Tensor:
        """``[N, outgoing, H, W]`` from maps ``[N, incoming, h, w]`` and styles ``[N, w]``."""
        return F.leaky_relu(self.noise(self.convolution(x, style), noise) + self.bias, SLOPE)


class _ToImage(nn.Module):
    """A modulated 1×1 convolution and an offset, linear."""

    def __init__(self, incoming: int, channels: int, style: int) -> None:
        super().__init__()
        self.convolution = ModulatedConv2d(incoming, channels, 1, style, demodulate=False)
        self.bias = nn.Parameter(torch.zeros(channels, 1, 1))

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """``[N, channels, H, W]`` from maps ``[N, incoming, H, W]`` and styles ``[N, w]``."""
        image: Tensor = self.convolution(x, style) + self.bias
        return image


class _Halving(nn.Module):
    """Two 3×3 convolutions, the second of which halves the size, plus the input, if ``residual``."""

    def __init__(self, incoming: int, outgoing: int, *, residual: bool) -> None:
        super().__init__()
        self.first = EqualisedConv2d(incoming, incoming, 3)
        self.second = EqualisedConv2d(incoming, outgoing, 3)
        self.shortcut = EqualisedConv2d(incoming, outgoing, 1, gain=1.0, offset=None) if residual else None

    def forward(self, x: Tensor) -> Tensor:
        """``[N, outgoing, H/2, W/2]`` from ``[N, incoming, H, W]``."""
        weight, bias = self.second.effective
        main = reducing_convolution(F.leaky_relu(self.first(x), SLOPE), weight)
        main = F.leaky_relu(main + bias[:, None, None], SLOPE)  # type: ignore[index]
        return main if self.shortcut is None else (main + self.shortcut(reduce(x))) * _HALF


def _rectifier() -> nn.Module:
    return nn.LeakyReLU(SLOPE)


def _widths(shape: tuple[int, int, int], base: int, widest: int) -> list[int]:
    """Channels at full size, at half of it, and so on down to about 4×4."""
    check_positive(base, "base")
    check_positive(widest, "widest")
    check_divisible(shape, 4, "stylegan2", least=2)
    return [max(min(base >> stage, widest), 1) for stage in range(doublings(shape) + 1, 0, -1)]
