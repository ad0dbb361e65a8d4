"""The sequential generator of vid2vid: the frame before, warped, where it is seen there, and new pixels elsewhere."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from belamy.networks.layers import BatchNorm, KerasConv2d, KerasConvTranspose2d, gaussian
from belamy.networks.sizes import check_positive
from belamy.networks.warping import warped

_NORMAL = gaussian(0.02)


class Composed(NamedTuple):
    """A frame, and what it is made of.

    Args:
        frame: (1 - mask) · the frame before, warped + mask · what is drawn.  # [N, C, H, W] in [-1, 1]
        drawn: Pixels that are new.  # [N, C, H, W] in [-1, 1]
        flow: From each pixel to its place in the frame before, in pixels.  # [N, 2, H, W]
        mask: The share of each pixel that is new.  # [N, 1, H, W] in 0..1
    """

    frame: Tensor
    drawn: Tensor
    flow: Tensor
    mask: Tensor


class FilmComposer(nn.Module):
    r"""Two encoders, of maps and of the last frames, whose results are added; two decoders, of pixels and of movement.

    .. math:: \tilde x_t = (1 - \tilde m_t) \odot \tilde w_{t-1}(\tilde x_{t-1}) + \tilde m_t \odot \tilde h_t

    An encoder is a 7×7 convolution, halvings and half of the residual blocks; a decoder the other half, doublings and
    7×7 convolutions: to the picture, or to flow and mask. All but the last are normalised and rectified, and what keeps
    the size is padded by reflection. Sides that are no multiple of 2^halvings are extended by their border and cut.

    References:
        Wang et al. 2018, arXiv 1808.06601, equation 4 and section 3; the widths are those of its generator for the
        coarsest scale.

    Args:
        maps: Channels of a map; 0 where there are none, and the frames alone decide.
        channels: Of a picture.
        past: How many frames before are seen, with their maps.
        width: Maps of the first convolutions; each halving doubles them.
        halvings: How often the sides are halved.
        blocks: Residual blocks, of encoder and decoder together.

    Raises:
        UsageError: An option that is not positive.

    Example:
        >>> composer = FilmComposer(2, 3, past=2, width=4, halvings=1, blocks=2)
        >>> composer(torch.zeros(1, 6, 16, 16), torch.zeros(1, 6, 16, 16)).frame.shape
        torch.Size([1, 3, 16, 16])
    """

    def __init__(
        self, maps: int, channels: int, *, past: int = 2, width: int = 128, halvings: int = 3, blocks: int = 9
    ) -> None:
        super().__init__()
        for name, value in (("past", past), ("width", width), ("halvings", halvings), ("blocks", blocks)):
            check_positive(value, name)
        self.channels, self.past, self.stride = channels, past, 2**halvings
        widths = [width * 2**level for level in range(halvings + 1)]
        first, second = blocks - blocks // 2, blocks // 2
        self.of_maps = _encoder(maps * (past + 1), widths, first) if maps else None
        self.of_frames = _encoder(channels * past, widths, first)
        self.to_picture, self.to_movement = _decoder(widths, second), _decoder(widths, second)
        self.picture = KerasConv2d(width, channels, 7, padding="valid", init=_NORMAL)
        self.movement = KerasConv2d(width, 3, 7, padding="valid", init=_NORMAL)

    def forward(self, maps: Tensor, frames: Tensor) -> Composed:
        """The next frame.

        Args:
            maps: Of the frames before and of the one that is made, in order.  # [N, maps · (past + 1), H, W]
            frames: Before it, the oldest first.  # [N, C · past, H, W]
        """
        height, width = frames.shape[2:]
        room = (0, -width % self.stride, 0, -height % self.stride)
        x = self.of_frames(F.pad(frames, room, mode="replicate"))
        if self.of_maps is not None:
            x = x + self.of_maps(F.pad(maps, room, mode="replicate"))
        drawn = torch.tanh(self.picture(_mirrored(self.to_picture(x))))[..., :height, :width]
        movement = self.movement(_mirrored(self.to_movement(x)))[..., :height, :width]
        flow, mask = movement[:, :2], torch.sigmoid(movement[:, 2:])
        kept = warped(frames[:, -self.channels :], flow)
        return Composed((1 - mask) * kept + mask * drawn, drawn, flow, mask)


class _Residual(nn.Module):
    """Two convolutions whose result is added; nothing after the sum."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *_kept(width, width, 3), nn.ReLU(), *_kept(width, width, 3)
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)


def _kept(incoming: int, outgoing: int, kernel: int) -> list[nn.Module]:
    """A convolution that keeps the size, and its normalisation."""
    convolution = KerasConv2d(incoming, outgoing, kernel, padding="valid", init=_NORMAL)
    return [nn.ReflectionPad2d(kernel // 2), convolution, BatchNorm(outgoing)]


def _encoder(incoming: int, widths: list[int], blocks: int) -> nn.Sequential:
    layers: list[nn.Module] = [*_kept(incoming, widths[0], 7), nn.ReLU()]
    for before, after in pairwise(widths):
        layers += [KerasConv2d(before, after, 3, 2, init=_NORMAL), BatchNorm(after), nn.ReLU()]
    return nn.Sequential(*layers, *(_Residual(widths[-1]) for _ in range(blocks)))


def _decoder(widths: list[int], blocks: int) -> nn.Sequential:
    layers: list[nn.Module] = [_Residual(widths[-1]) for _ in range(blocks)]
    for before, after in pairwise(reversed(widths)):
        layers += [KerasConvTranspose2d(before, after, 3, 2, init=_NORMAL), BatchNorm(after), nn.ReLU()]
    return nn.Sequential(*layers)


def _mirrored(x: Tensor) -> Tensor:
    return F.pad(x, (3, 3, 3, 3), mode="reflect")
