"""Fast Fourier convolutions, which see the whole picture in one layer, and LaMa's network of them that fills holes."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from belamy.networks.layers import BatchNorm
from belamy.networks.sizes import check_least, check_positive
from belamy.ranges import Within

LEAST = 16
_EPSILON, _MOMENTUM = 1e-5, 0.1


class FourierUnit(nn.Module):
    r"""A 1×1 convolution of the spectrum: each frequency of all channels to each frequency of all channels.

    .. math:: y = \mathcal{F}^{-1}(\mathrm{ReLU}(\mathrm{BN}(W \mathcal{F}(x))))

    with the real and the imaginary parts of the half spectrum as channels, and the transform scaled to keep the norm.

    References:
        Chi, Jiang & Mu 2020, "Fast Fourier convolution", section 3.3.

    Args:
        features: Channels.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(2 * features, 2 * features, 1, bias=False)
        self.norm = _norm(2 * features)

    def forward(self, x: Tensor) -> Tensor:
        """Of the same shape.  # [N, C, H, W]"""
        exact = x if x.dtype == torch.float64 else x.float()  # half precision has no transform
        spectrum = torch.fft.rfft2(exact, norm="ortho")
        parts = torch.cat([spectrum.real, spectrum.imag], 1)  # [N, 2C, H, W/2 + 1]
        real, imaginary = F.relu(self.norm(self.convolution(parts))).to(exact.dtype).chunk(2, 1)
        return torch.fft.irfft2(torch.complex(real, imaginary), s=exact.shape[2:], norm="ortho").to(x.dtype)


class SpectralTransform(nn.Module):
    """Half as many channels by 1×1, a :class:`FourierUnit` added to them, and all channels by 1×1.

    *Departs from Chi et al.*: no local Fourier unit, as in LaMa.

    Args:
        incoming: Channels of the input.
        outgoing: Channels of the output, at least 2.
    """

    def __init__(self, incoming: int, outgoing: int) -> None:
        super().__init__()
        half = outgoing // 2
        self.first = nn.Conv2d(incoming, half, 1, bias=False)
        self.norm = _norm(half)
        self.unit = FourierUnit(half)
        self.last = nn.Conv2d(half, outgoing, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """``[N, outgoing, H, W]``."""
        x = F.relu(self.norm(self.first(x)))
        found: Tensor = self.last(x + self.unit(x))
        return found


class FourierConv2d(nn.Module):
    r"""A 3×3 convolution whose channels are local and global ones; the global ones are convolved in the spectrum.

    .. math:: y_l = f_{ll}(x_l) + f_{gl}(x_g), \qquad y_g = f_{lg}(x_l) + f_{gg}(x_g)

    :math:`f_{gg}` is a :class:`SpectralTransform`, the others are convolutions of the mirrored map; each sum is
    normalised by the batch and rectified.

    References:
        Chi, Jiang & Mu 2020, "Fast Fourier convolution", equations 1 and 2; Suvorov et al. 2021, arXiv 2109.07161,
        section 2.1.

    Args:
        features: Channels, of input and output.
        wide: How many of them are global, from 2 to all but one.
    """

    def __init__(self, features: int, wide: int) -> None:
        super().__init__()
        near = features - wide
        self.near_to_near = _mirrored(near, near)
        self.near_to_wide = _mirrored(near, wide)
        self.wide_to_near = _mirrored(wide, near)
        self.wide_to_wide = SpectralTransform(wide, wide)
        self.near_norm, self.wide_norm = _norm(near), _norm(wide)

    def forward(self, near: Tensor, wide: Tensor) -> tuple[Tensor, Tensor]:
        """The local and the global channels.  # [N, C, H, W]"""
        local = self.near_norm(self.near_to_near(near) + self.wide_to_near(wide))
        whole = self.wide_norm(self.near_to_wide(near) + self.wide_to_wide(wide))
        return F.relu(local), F.relu(whole)


class Inpainter(nn.Module):
    """Pictures with holes to whole ones; after three halvings each block sees the whole picture.

    7×7 to 64 maps, three convolutions of stride 2 (128, 256, 512), 9 residual blocks of two :class:`FourierConv2d`
    with three quarters of their channels global, three transposed convolutions back, and 7×7 to the picture. It is
    given the picture with 0 in the holes and a map that is 1 there. 27,048,835 trainable parameters for 3 channels. Any
    height and width of at least 16 pass: the picture is mirrored at its ends to a multiple of 8, and cut again.

    *Departs from LaMa*: the output is a hyperbolic tangent, since pictures lie in [-1, 1].

    References:
        Suvorov et al. 2021, arXiv 2109.07161, section 2.1 and its supplement (LaMa-Fourier).

    Args:
        shape: (channels, height, width) of the pictures.
        width: Maps of the first convolution; the paper has 64, as said above.
        blocks: Residual blocks; the paper has 9, its large form 18.
        share: Of the blocks' channels that are global.
        halvings: Convolutions of stride 2.

    Raises:
        UsageError: A picture with a side below 16 pixels, or an option out of range.

    Example:
        >>> network = Inpainter((3, 64, 64), width=4, blocks=1)
        >>> network(torch.zeros(1, 3, 37, 50), torch.ones(1, 1, 37, 50)).shape
        torch.Size([1, 3, 37, 50])
    """

    native_shape = (3, 32, 32)

    def __init__(
        self, shape: tuple[int, int, int], *, width: int = 16, blocks: int = 4, share: float = 0.75, halvings: int = 3
    ) -> None:
        super().__init__()
        check_least(shape, LEAST, "fourier")
        check_positive(width, "width")
        check_positive(blocks, "blocks")
        Within(1, 3).check("halvings", halvings)
        channels, features = shape[0], width * 2**halvings
        self.wide = round(share * features)
        Within(2, features - 1).check(f"share is {share}, and the number of global channels of {features}", self.wide)
        self.stride = 2**halvings
        down: list[nn.Module] = [_mirrored(channels + 1, width, 7), _norm(width), nn.ReLU()]
        for level in range(halvings - 1):
            wider = width * 2 ** (level + 1)
            down += [_mirrored(wider // 2, wider, stride=2), _norm(wider), nn.ReLU()]
        self.down = nn.Sequential(*down)
        near = features - self.wide
        self.to_near, self.to_wide = (_mirrored(features // 2, count, stride=2) for count in (near, self.wide))
        self.near_norm, self.wide_norm = _norm(near), _norm(self.wide)
        self.blocks = nn.ModuleList(_Block(features, self.wide) for _ in range(blocks))
        up: list[nn.Module] = []
        for level in reversed(range(halvings)):
            narrow = width * 2**level
            up += [nn.ConvTranspose2d(2 * narrow, narrow, 3, 2, 1, output_padding=1), _norm(narrow), nn.ReLU()]
        self.up = nn.Sequential(*up)
        self.last = _mirrored(width, channels, 7, bias=True)

    def forward(self, images: Tensor, known: Tensor | None = None) -> Tensor:
        """Whole pictures ``[N, C, H, W]`` in [-1, 1] from pictures with holes.

        Args:
            images: In [-1, 1], anything in the holes.  # [N, C, H, W]
            known: 1 where pixels are known, 0 in holes; None where all are.  # [N, 1, H, W]

        Raises:
            UsageError: Pictures with a side below 16 pixels.
        """
        height, width = images.shape[2:]
        check_least((images.shape[1], height, width), LEAST, "fourier")
        known = torch.ones_like(images[:, :1]) if known is None else known
        given = torch.cat([torch.where(known > 0, images, 0), 1 - known], 1)
        given = F.pad(given, (0, -width % self.stride, 0, -height % self.stride), mode="reflect")
        x = self.down(given)
        near, wide = F.relu(self.near_norm(self.to_near(x))), F.relu(self.wide_norm(self.to_wide(x)))
        for block in self.blocks:
            near, wide = block(near, wide)
        made = torch.tanh(self.last(self.up(torch.cat([near, wide], 1))))
        return made[..., :height, :width]


class _Block(nn.Module):
    """Two Fourier convolutions whose result is added."""

    def __init__(self, features: int, wide: int) -> None:
        super().__init__()
        self.first, self.second = FourierConv2d(features, wide), FourierConv2d(features, wide)

    def forward(self, near: Tensor, wide: Tensor) -> tuple[Tensor, Tensor]:
        local, whole = self.second(*self.first(near, wide))
        return near + local, wide + whole


def _mirrored(incoming: int, outgoing: int, kernel: int = 3, *, stride: int = 1, bias: bool = False) -> nn.Conv2d:
    """A convolution of the mirrored map."""
    return nn.Conv2d(incoming, outgoing, kernel, stride, kernel // 2, bias=bias, padding_mode="reflect")


def _norm(features: int) -> BatchNorm:
    return BatchNorm(features, eps=_EPSILON, momentum=_MOMENTUM)
