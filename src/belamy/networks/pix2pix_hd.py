"""The generators of pix2pixHD: one for the whole scene at half the size, and one for its details at the full size."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from belamy.networks.growing import Growing
from belamy.networks.layers import BatchNorm, KerasConv2d, KerasConvTranspose2d, same_average_pool
from belamy.networks.sizes import check_divisible, check_positive


class Translator(Growing):
    """The global generator, and with ``enhancer`` the local one around it.

    Global: 7×7 convolution to 64 maps, three of 3×3 with stride 2 (128, 256, 512), nine residual blocks of 512, three
    transposed ones back to 64 maps, 7×7 to the picture. Everything that keeps the size is padded by reflection, and a
    batch normalisation and a rectifier follow all but the last; after a block's sum there is nothing. 45,611,459
    trainable parameters for 2 channels to 3.

    Local: 7×7 to 32 maps, 3×3 with stride 2 to 64, to which the 64 maps of the global generator are added, three
    residual blocks, one transposed convolution back, 7×7 to the picture: 268,995 for 3 channels. The global generator
    is given the input halved by means of 3×3 pixels, so that its maps are of half the size.

    Such a network grows: at the level 1 the global generator works alone, and its picture is enlarged; at 0 both do.

    References:
        Wang et al. 2017, arXiv 1711.11585, section 3.1; Johnson et al. 2016, arXiv 1603.08155.

    Args:
        shape: (channels, height, width) of what is given; multiples of 2^halvings, twice that with an enhancer.
        outputs: Channels of what is made.
        width: Maps of the global generator's first convolution; the enhancer's has half as many.
        halvings: How often the global generator halves.
        blocks: Its residual blocks.
        enhancer: Whether there is a local enhancer.
        enhancer_blocks: Its residual blocks.

    Raises:
        UsageError: A size that cannot be halved so often, or an option out of range.

    Example:
        >>> network = Translator((4, 32, 64), 3, width=8, blocks=1, enhancer=True)
        >>> network(torch.zeros(1, 4, 32, 64)).shape
        torch.Size([1, 3, 32, 64])
    """

    native_shape = (2, 64, 64)  # published for 1024 by 2048 pixels

    def __init__(
        self,
        shape: tuple[int, int, int],
        outputs: int,
        *,
        width: int = 64,
        halvings: int = 3,
        blocks: int = 9,
        enhancer: bool = False,
        enhancer_blocks: int = 3,
    ) -> None:
        super().__init__(int(enhancer))
        check_positive(outputs, "The number of channels that are made")
        check_positive(width // 2 if enhancer else width, "width")
        check_positive(blocks, "blocks")
        check_positive(enhancer_blocks, "enhancer-blocks")
        self.stride = 2 ** (check_positive(halvings, "halvings") + enhancer)
        check_divisible(shape, self.stride, "pix2pix-hd", least=2)  # reflection needs two pixels of a side
        self.whole = _Body(shape[0], outputs, width, halvings, blocks)
        self.details = _Body(shape[0], outputs, width // 2, 1, enhancer_blocks) if enhancer else None
        self.trains_whole = True

    def forward(self, images: Tensor, streams: Sequence[torch.Generator] | None = None) -> Tensor:
        """Pictures ``[N, outputs, H, W]`` in [-1, 1] from maps ``[N, C, H, W]``.

        Args:
            images: What is translated.
            streams: Of no use; nothing here is random.

        Raises:
            UsageError: A height or width that cannot be halved as often as the network does.
        """
        check_divisible((images.shape[1], images.shape[2], images.shape[3]), self.stride, "pix2pix-hd", least=2)
        if self.details is None:
            return self.whole(images)
        half = same_average_pool(images)
        if self.place[0]:
            return F.interpolate(self.whole(half), scale_factor=2.0, mode="bilinear")
        with torch.set_grad_enabled(torch.is_grad_enabled() and self.trains_whole):
            residual = self.whole.maps(half)
        return self.details(images, residual)

    def coarse(self, half: Tensor) -> Tensor:
        """What the global generator makes of the halved input.  # [N, C, H/2, W/2] to [N, outputs, H/2, W/2]"""
        return self.whole(half)


class _Body(nn.Module):
    """Down, residual blocks, up again, and the picture; something may be added before the blocks."""

    def __init__(self, incoming: int, outputs: int, width: int, halvings: int, blocks: int) -> None:
        super().__init__()
        widths = [width * 2**level for level in range(halvings + 1)]
        self.first = _Layer(KerasConv2d(incoming, width, 7, padding="valid"), width, 3)
        self.down = nn.ModuleList(_Layer(KerasConv2d(a, b, 3, 2), b) for a, b in pairwise(widths))
        self.blocks = nn.ModuleList(_Block(widths[-1]) for _ in range(blocks))
        self.up = nn.ModuleList(_Layer(KerasConvTranspose2d(b, a, 3, 2), a) for a, b in reversed([*pairwise(widths)]))
        self.head = KerasConv2d(width, outputs, 7, padding="valid")

    def maps(self, images: Tensor, added: Tensor | None = None) -> Tensor:
        """``[N, width, H, W]``: what the picture is made from."""
        x = self.first(images)
        for layer in self.down:
            x = layer(x)
        x = x if added is None else x + added
        for layer in (*self.blocks, *self.up):
            x = layer(x)
        return x

    def forward(self, images: Tensor, added: Tensor | None = None) -> Tensor:
        return torch.tanh(self.head(F.pad(self.maps(images, added), (3, 3, 3, 3), mode="reflect")))


class _Layer(nn.Module):
    """A convolution, padded by reflection, a normalisation, and a rectifier unless it is left out."""

    def __init__(self, convolution: nn.Module, width: int, margin: int = 0, rectified: bool = True) -> None:
        super().__init__()
        self.convolution, self.norm = convolution, BatchNorm(width)
        self.margin, self.rectified = margin, rectified

    def forward(self, x: Tensor) -> Tensor:
        if self.margin:
            x = F.pad(x, (self.margin,) * 4, mode="reflect")
        x = self.norm(self.convolution(x))
        return F.relu(x) if self.rectified else x


class _Block(nn.Module):
    """Two convolutions whose result is added; nothing after the sum."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = _Layer(KerasConv2d(width, width, 3, padding="valid"), width, 1)
        self.second = _Layer(KerasConv2d(width, width, 3, padding="valid"), width, 1, rectified=False)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(self.first(x))
