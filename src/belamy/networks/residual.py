"""The pre-activation residual blocks of SNGAN and its descendants.

Enlarging by nearest neighbours and averaging over 2×2 pixels are linear, as the convolutions beside them are, so both
steps are one 4×4 convolution of stride 2, and the 1×1 convolutions of the shortcuts work at the smaller size.
"""

from torch import Tensor, nn
from torch.nn import functional as F

from belamy.networks.layers import BatchNorm, Initializer, KerasConv2d, MeanPooledConv2d, glorot_uniform, pooled_taps


def glorot_for_rectifiers(weight: Tensor) -> None:
    r"""Glorot's uniform initialisation with a gain of √2: uniform on :math:`\\pm\\sqrt{12/(n_{in}+n_{out})}`."""
    nn.init.xavier_uniform_(weight, 2**0.5)


class UpsampledConv2d(nn.Module):
    r"""Twice the size by nearest neighbours, then a 3×3 ``same`` convolution, as one transposed 4×4 convolution.

    Args:
        incoming: Channels of the input.
        outgoing: Channels of the output.
        init: Sets the weights ``[outgoing, incoming, 3, 3]``.
    """

    def __init__(self, incoming: int, outgoing: int, *, init: Initializer = glorot_uniform) -> None:
        super().__init__()
        self.in_channels, self.out_channels = incoming, outgoing
        convolution = KerasConv2d(incoming, outgoing, 3, init=init)
        self.weight, self.bias = convolution.weight, convolution.bias

    def forward(self, images: Tensor) -> Tensor:
        """``[N, outgoing, 2H, 2W]`` from ``[N, incoming, H, W]``."""
        taps = pooled_taps(self.weight.flip(2, 3)) * 4  # [O, I, 4, 4]
        return F.conv_transpose2d(images, taps.transpose(0, 1), self.bias, 2, 1)


class UpBlock(nn.Module):
    """BN, ReLU, ×2, 3×3 → BN, ReLU, 3×3, plus a 1×1 convolution of the enlarged input.

    Args:
        incoming: Channels of the input.
        outgoing: Channels of the output.
    """

    def __init__(self, incoming: int, outgoing: int) -> None:
        super().__init__()
        self.main = nn.Sequential(
            BatchNorm(incoming),
            nn.ReLU(),
            UpsampledConv2d(incoming, outgoing, init=glorot_for_rectifiers),
            BatchNorm(outgoing),
            nn.ReLU(),
            KerasConv2d(outgoing, outgoing, 3, init=glorot_for_rectifiers),
        )
        self.mix = KerasConv2d(incoming, outgoing, 1)

    def forward(self, x: Tensor) -> Tensor:
        """``[N, outgoing, 2H, 2W]`` from ``[N, incoming, H, W]``."""
        return self.main(x) + F.interpolate(self.mix(x), scale_factor=2.0, mode="nearest")


class DownBlock(nn.Module):
    """ReLU, 3×3 → ReLU, 3×3, 2×2 means, plus the input, mapped and averaged where its channels or size change.

    Args:
        incoming: Channels of the input.
        outgoing: Channels of the output.
        halve: Halve the size.
        first: The input is an image: no ReLU on it.
    """

    def __init__(self, incoming: int, outgoing: int, *, halve: bool = True, first: bool = False) -> None:
        super().__init__()
        last = (MeanPooledConv2d(outgoing, outgoing, init=glorot_for_rectifiers) if halve
                else KerasConv2d(outgoing, outgoing, 3, init=glorot_for_rectifiers))  # fmt: skip
        self.main = nn.Sequential(
            nn.Identity() if first else nn.ReLU(),
            KerasConv2d(incoming, outgoing, 3, init=glorot_for_rectifiers),
            nn.ReLU(),
            last,
        )
        self.pool = nn.AvgPool2d(2) if halve else nn.Identity()
        self.mix = KerasConv2d(incoming, outgoing, 1) if halve or incoming != outgoing else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """``[N, outgoing, H/2, W/2]`` from ``[N, incoming, H, W]``, or with the size kept."""
        return self.main(x) + self.mix(self.pool(x))


def doublings(shape: tuple[int, ...], least: int = 4) -> int:
    """How often images can be halved with whole pixels until a side would fall below ``least``.

    Example:
        >>> doublings((3, 32, 32)), doublings((3, 64, 64)), doublings((1, 28, 28))
        (3, 4, 2)
    """
    times = 0
    while all(side % 2 ** (times + 1) == 0 and side >= least * 2 ** (times + 1) for side in shape[1:]):
        times += 1
    return times
