"""The layers of the progressive and the style-based generators: equalised rates, deviation and noise."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from belamy.networks.layers import pooled_taps
from belamy.networks.statistics.minibatch_standard_deviation import Statistic

HE = 2**0.5
"""The gain of a layer whose output is rectified."""
SLOPE = 0.2
"""Of every leaky rectifier."""
_PART = 1 << 20


class Equalised(nn.Module):
    r"""What equalised layers share: standard normal weights that are scaled whenever they are used.

    .. math:: y = c\,(w * x) + r\,b, \qquad c = r g / \sqrt{n_{in}}, \qquad w \sim N(0, 1/r^2), \quad b = 0

    so that an optimiser that is blind to the scale of gradients moves every layer alike, r times as fast as its rate
    says. c is kept beside the weights as a number that is not trained.

    References:
        Karras et al. 2017, arXiv 1710.10196, section 4.1; r for mapping networks: Karras et al. 2018, arXiv 1812.04948,
        appendix C.

    Args:
        shape: Of the weight, outputs first.
        gain: g, √2 where the output is rectified.
        rate: Multiplier r of the learning rate.
        offset: The initial bias b r; None for none.
    """

    scale: Tensor

    def __init__(self, shape: tuple[int, ...], gain: float, rate: float, offset: float | None) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(shape) / rate)
        self.bias = None if offset is None else nn.Parameter(torch.full(shape[:1], offset / rate))
        self.rate = rate
        constant = rate * gain * prod(shape[1:]) ** -0.5
        self.register_buffer("scale", torch.tensor(constant, dtype=torch.float64))  # rounded with the weights alone

    @property
    def effective(self) -> tuple[Tensor, Tensor | None]:
        """Weight and bias as the layer uses them."""
        bias = self.bias if self.bias is None or self.rate == 1 else self.bias * self.rate
        return self.weight * self.scale, bias


class EqualisedLinear(Equalised):
    """A dense layer of equalised rate.

    Args:
        incoming: Size of the input.
        outgoing: Size of the output.
        gain: See :class:`Equalised`.
        rate: See :class:`Equalised`.
        offset: See :class:`Equalised`.

    Example:
        >>> round(float(EqualisedLinear(128, 2048, gain=2**0.5 / 4).scale), 6)
        0.03125
    """

    def __init__(
        self, incoming: int, outgoing: int, *, gain: float = HE, rate: float = 1.0, offset: float | None = 0.0
    ) -> None:
        super().__init__((outgoing, incoming), gain, rate, offset)
        self.in_features, self.out_features = incoming, outgoing

    def forward(self, x: Tensor) -> Tensor:
        """``[N, outgoing]`` from ``[N, incoming]``."""
        return F.linear(x, *self.effective)

    def extra_repr(self) -> str:
        """Sizes, as ``print`` shows them."""
        return f"{self.in_features}, {self.out_features}"


class EqualisedConv2d(Equalised):
    """A convolution of equalised rate that keeps the size, or, ``valid``, pads nothing.

    Args:
        incoming: Channels of the input.
        outgoing: Channels of the output.
        kernel: Its height and width, or the side of a square.
        gain: See :class:`Equalised`.
        offset: See :class:`Equalised`.
        valid: Pad nothing; otherwise the kernel's sides must be odd.
    """

    def __init__(
        self,
        incoming: int,
        outgoing: int,
        kernel: int | tuple[int, int],
        *,
        gain: float = HE,
        offset: float | None = 0.0,
        valid: bool = False,
    ) -> None:
        sides = (kernel, kernel) if isinstance(kernel, int) else kernel
        super().__init__((outgoing, incoming, *sides), gain, 1.0, offset)
        self.in_channels, self.out_channels = incoming, outgoing
        self.padding = (0, 0) if valid else (sides[0] // 2, sides[1] // 2)

    def forward(self, x: Tensor) -> Tensor:
        """``[N, outgoing, H, W]`` from ``[N, incoming, H, W]``."""
        return F.conv2d(x, *self.effective, padding=self.padding)

    def extra_repr(self) -> str:
        """Sizes, as ``print`` shows them."""
        return f"{self.in_channels}, {self.out_channels}, {'x'.join(map(str, self.weight.shape[2:]))}"


class EqualisedUpConv2d(EqualisedConv2d):
    """Twice the size by nearest neighbours, then a 3×3 convolution, as one transposed 4×4 convolution of stride 2.

    Both steps are linear, so the kernel is enlarged instead of the image: less than half the work, to rounding the
    same.

    Args:
        incoming: Channels of the input.
        outgoing: Channels of the output.
        offset: See :class:`Equalised`.
    """

    def __init__(self, incoming: int, outgoing: int, *, offset: float | None = 0.0) -> None:
        super().__init__(incoming, outgoing, 3, offset=offset)

    def forward(self, x: Tensor) -> Tensor:
        """``[N, outgoing, 2H, 2W]`` from ``[N, incoming, H, W]``."""
        weight, bias = self.effective
        taps = pooled_taps(weight.flip(2, 3)) * 4  # [O, I, 4, 4]
        return F.conv_transpose2d(x, taps.transpose(0, 1), bias, 2, 1)


class EqualisedDownConv2d(EqualisedConv2d):
    """A 3×3 convolution, then the means of 2×2 pixels, as one 4×4 convolution of stride 2.

    Args:
        incoming: Channels of the input.
        outgoing: Channels of the output.
        offset: See :class:`Equalised`.
    """

    def __init__(self, incoming: int, outgoing: int, *, offset: float | None = 0.0) -> None:
        super().__init__(incoming, outgoing, 3, offset=offset)

    def forward(self, x: Tensor) -> Tensor:
        """``[N, outgoing, H/2, W/2]`` from ``[N, incoming, H, W]`` of even height and width."""
        weight, bias = self.effective
        return F.conv2d(x, pooled_taps(weight), bias, 2, 1)


class MinibatchDeviation(nn.Module):
    r"""One more map: the standard deviation over the samples of each feature in each place, averaged to one number.

    In evaluation, where a sample must not depend on those beside it, the number is the mean over the last hundred or so
    passes in training, which is stored as a whole number of 2⁻²⁰ so that it is no weight by any count.

    References:
        Karras et al. 2017, arXiv 1710.10196, section 3.

    Args:
        group: Samples that are compared; None compares the whole batch. See the statistic
            ``minibatch-standard-deviation``.
    """

    typical: Tensor
    passes: Tensor

    def __init__(self, group: int | None = None) -> None:
        super().__init__()
        self.statistic = Statistic(0, group=group)
        self.register_buffer("typical", torch.tensor(0))
        self.register_buffer("passes", torch.tensor(0))

    def forward(self, x: Tensor) -> Tensor:
        """``[N, C + 1, H, W]`` from ``[N, C, H, W]``."""
        if self.training:
            deviation = self.statistic(x.flatten(1))
            self.follow(deviation.detach().mean())
        else:
            deviation = (self.typical.to(x) / _PART).expand(len(x), 1)
        return torch.cat([x, deviation[:, :, None, None].expand(-1, 1, *x.shape[2:])], 1)

    @torch.no_grad()
    def follow(self, deviation: Tensor) -> None:
        """Take the deviation of a batch into the mean."""
        self.passes += 1
        share = (1 / self.passes).clamp_min(0.01).to(deviation)
        self.typical.copy_(torch.lerp(self.typical.to(deviation), deviation * _PART, share).round())


class Noise(nn.Module):
    """Adds noise to each pixel, alike in all channels but for a learned strength, 0 at first.

    In training the noise is new and from torch's own stream; in evaluation it is constant, so that an image is a
    function of its latent alone.

    References:
        Karras et al. 2018, arXiv 1812.04948, section 2.

    Args:
        channels: Strengths; 1 for one that all channels share.
        height: Of the maps.
        width: Of the maps.
    """

    constant: Tensor

    def __init__(self, channels: int, height: int, width: int) -> None:
        super().__init__()
        self.strength = nn.Parameter(torch.zeros(channels))
        self.register_buffer("constant", torch.randn(1, height, width))

    def forward(self, x: Tensor, streams: Sequence[torch.Generator] | None = None) -> Tensor:
        """Same shape as ``x`` ``[N, C, H, W]``.

        Args:
            x: Maps.
            streams: The random numbers of each sample, in place of the noise above.
        """
        side = self.constant.shape
        if streams is not None:
            noise = torch.stack([torch.randn(side, generator=each) for each in streams]).to(x)
        elif self.training:
            noise = torch.randn(len(x), *side, dtype=x.dtype, device=x.device)
        else:
            noise = self.constant
        return x + self.strength[:, None, None] * noise
