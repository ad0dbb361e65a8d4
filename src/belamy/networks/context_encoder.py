"""The context encoder: a hole is filled from a code of all that surrounds it."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from belamy.errors import UsageError
from belamy.modalities.sizes import text_of
from belamy.networks.layers import BatchNorm, KerasConv2d, KerasConvTranspose2d, gaussian
from belamy.networks.sizes import check_choice, check_divisible, check_positive

DEEPEST = 5
REGIONS = ("whole", "centre")
_LEAST = 2  # halvings, and pixels of a side of the smallest map
_SLOPE = 0.2
_EPSILON, _MOMENTUM = 1e-5, 0.1


class Inpainter(nn.Module):
    """Pictures with holes to whole ones through one code, without shortcuts.

    Five convolutions 4×4 of stride 2 (64, 64, 128, 256, 512 maps, leaky ReLU of 0.2) take 128×128 to 4×4, one of 4×4
    to 4,000 numbers; transposed convolutions (512, 256, 128, 64 maps, ReLU) lead to the picture, or to its central
    quarter (``region=centre``), which then is all that is made. All but the first and the last are normalised by the
    batch. 71,130,531 trainable parameters for 3 channels at 128×128 and the centre. Smaller pictures are halved as
    often as leaves 2 pixels. Holes are given as 0, the middle of the range.

    *Departs from the paper*, which fills holes with the mean of its data.

    References:
        Pathak, Krähenbühl, Donahue, Darrell & Efros 2016, arXiv 1604.07379, section 3.1 and figure 9; its weights are
        those of DCGAN.

    Args:
        shape: (channels, height, width) of the pictures.
        width: Maps of the first convolution; the paper has 64, as said above.
        bottleneck: Numbers of the code; the paper has 4,000.
        region: What is made: the ``whole`` picture, or its ``centre`` of half the height and width.

    Raises:
        UsageError: A size that cannot be halved twice, or an option out of range.

    Example:
        >>> network = Inpainter((3, 32, 32), width=2, bottleneck=8, region="centre").eval()
        >>> given = torch.ones(1, 3, 32, 32)
        >>> made = network(given)
        >>> torch.equal(made[..., :8, :], given[..., :8, :]), bool((made[..., 8:24, 8:24] < 1).all())
        (True, True)
    """

    native_shape = (3, 64, 64)

    def __init__(
        self, shape: tuple[int, int, int], *, width: int = 32, bottleneck: int = 512, region: str = "whole"
    ) -> None:
        super().__init__()
        check_positive(width, "width")
        check_positive(bottleneck, "bottleneck")
        check_choice(region, REGIONS, "region")
        check_divisible(shape, 2**_LEAST, "context-encoder", least=_LEAST)
        channels, self.sides = shape[0], (shape[1], shape[2])
        self.central = region == "centre"
        depth = max(d for d in range(1, DEEPEST + 1) if _halves(shape, d))
        widths = [width * max(1, 2**level // 2) for level in range(depth)]  # 64 64 128 256 512
        kernel = tuple(side // 2**depth for side in self.sides)
        layers: list[nn.Module] = [_down(channels, width), nn.LeakyReLU(_SLOPE)]
        for before, after in pairwise(widths):
            layers += [_down(before, after), _norm(after), nn.LeakyReLU(_SLOPE)]
        code = nn.Conv2d(widths[-1], bottleneck, kernel)
        first = nn.ConvTranspose2d(bottleneck, widths[-1], kernel)
        for layer in (code, first):
            gaussian(0.02)(layer.weight.data)
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
        self.encoder = nn.Sequential(*layers, code, _norm(bottleneck), nn.LeakyReLU(_SLOPE))
        back: list[nn.Module] = [first, _norm(widths[-1]), nn.ReLU()]
        upward = [*reversed(widths)]
        for before, after in pairwise(upward[:-1] if self.central else upward):
            back += [_up(before, after), _norm(after), nn.ReLU()]
        self.decoder = nn.Sequential(*back, _up(width, channels), nn.Tanh())

    def forward(self, images: Tensor, known: Tensor | None = None) -> Tensor:
        """Whole pictures ``[N, C, H, W]`` in [-1, 1] from pictures with holes.

        Args:
            images: In [-1, 1], anything in the holes, of the height and width that it was built for.
            known: 1 where pixels are known, 0 in holes; None where all are.  # [N, 1, H, W]

        Raises:
            UsageError: Pictures of another size.
        """
        if tuple(images.shape[2:]) != self.sides:
            raise UsageError(
                f"context-encoder fills pictures of the size that it learned, {self.sides[1]}x{self.sides[0]}, but "
                f"these are {images.shape[3]}x{images.shape[2]}. Type --size {text_of(self.sides)}."
            )
        given = images if known is None else torch.where(known > 0, images, 0)
        made: Tensor = self.decoder(self.encoder(given))
        if not self.central:
            return made
        whole = images.clone()
        rows, columns = central(self.sides)
        whole[..., rows, columns] = made
        return whole


def central(sides: tuple[int, int]) -> tuple[slice, slice]:
    """The rows and the columns of the central quarter of a picture.

    Example:
        >>> central((64, 128))
        (slice(16, 48, None), slice(32, 96, None))
    """
    rows, columns = (slice(side // 4, side // 4 + side // 2) for side in sides)
    return rows, columns


def _down(incoming: int, outgoing: int) -> nn.Module:
    return KerasConv2d(incoming, outgoing, 4, 2, init=gaussian(0.02))


def _up(incoming: int, outgoing: int) -> nn.Module:
    return KerasConvTranspose2d(incoming, outgoing, 4, 2, init=gaussian(0.02))


def _norm(features: int) -> BatchNorm:
    return BatchNorm(features, eps=_EPSILON, momentum=_MOMENTUM)


def _halves(shape: tuple[int, int, int], depth: int) -> bool:
    return all(side % 2**depth == 0 and side >= _LEAST * 2**depth for side in shape[1:])
