"""The PatchGAN of pix2pix: a discriminator that judges every patch of a picture."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional as F

from belamy.errors import UsageError
from belamy.networks.layers import BatchNorm, KerasConv2d
from belamy.networks.sizes import check_least, check_positive

_SLOPE = 0.2
_MOMENTUM = 0.2  # 0.8 in Keras
HALVINGS = {1: 0, 16: 1, 70: 3, 94: 3, 286: 5}
"""The sides of the patches that there is a network for, and how often it halves before its last two layers."""
_WIDEST = 8  # times the width


class PatchDiscriminator(nn.Module):
    """One score for each patch of a picture, laid upon what it was made from.

    4×4 convolutions of 64, 128, 256 and 512 maps with stride 2 and one of stride 1: scores a sixteenth as high and
    wide, each of a patch of 94×94 pixels, 16×16 of them at 256×256. 2,769,601 trainable parameters for 6 channels.
    ``receptive_field=70`` is the paper's: its last two convolutions have stride 1 and a padding of 1, 30×30 scores. 16
    and 286 halve once and five times instead of three times; 1 judges every pixel by itself, by 1×1 convolutions.

    *Departs from Hands-On GANs with Keras*, which rectifies before the last batch normalisation.

    References:
        Isola, Zhu, Zhou & Efros 2016, arXiv 1611.07004, sections 3.2.2 and 6.1.2.

    Args:
        shape: (channels, height, width) of a picture and what it was made from together.
        width: Maps of the first convolution.
        receptive_field: Side of a patch: 1, 16, 70, 94 or 286.

    Raises:
        UsageError: Pictures that are too small, or an option out of range.

    Example:
        >>> PatchDiscriminator((6, 256, 256))(torch.zeros(1, 6, 256, 256)).shape
        torch.Size([1, 1, 16, 16])
    """

    native_shape = (6, 256, 256)

    def __init__(self, shape: tuple[int, int, int], *, width: int = 64, receptive_field: int = 94) -> None:
        super().__init__()
        check_positive(width, "width")
        if receptive_field not in HALVINGS:
            raise UsageError(f"receptive-field is {receptive_field}, but it must be 1, 16, 70, 94 or 286.")
        halvings = HALVINGS[receptive_field]
        check_least(shape, _least(receptive_field), "patch-gan")
        kernel = 1 if receptive_field == 1 else 4
        last = (2, "same") if receptive_field == 94 else (1, "valid")
        self.margin = int(receptive_field not in (1, 94))
        widths = [width * min(2**level, _WIDEST) for level in range(max(halvings, 1))]
        layers: list[nn.Module] = [KerasConv2d(shape[0], width, kernel, 1 if kernel == 1 else 2), nn.LeakyReLU(_SLOPE)]
        for before, after in pairwise(widths):
            layers += [KerasConv2d(before, after, 4, 2), BatchNorm(after, momentum=_MOMENTUM), nn.LeakyReLU(_SLOPE)]
        self.trunk = nn.Sequential(*layers)
        widest = width * min(2 ** max(halvings, 1), _WIDEST)
        self.judging = nn.Sequential(
            KerasConv2d(widths[-1], widest, kernel, last[0], padding=last[1]),
            BatchNorm(widest, momentum=_MOMENTUM),
            nn.LeakyReLU(_SLOPE),
        )
        self.head = KerasConv2d(widest, 1, kernel, 1, padding=last[1])

    def forward(self, images: Tensor) -> Tensor:
        """Scores (logits) ``[N, 1, h, w]`` of patches of pictures ``[N, C, H, W]``."""
        return self.head(self._padded(self.judging(self._padded(self.trunk(images)))))

    def _padded(self, maps: Tensor) -> Tensor:
        return F.pad(maps, (self.margin,) * 4)


def _least(receptive_field: int) -> int:
    """The side of the smallest picture that leaves a score: each of the last two layers takes a row and a column."""
    return {1: 1, 94: 16}.get(receptive_field, 3 * 2 ** HALVINGS[receptive_field])
