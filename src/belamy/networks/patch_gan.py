"""The PatchGAN of pix2pix: a discriminator that judges every patch of a picture."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from belamy.errors import UsageError
from belamy.networks.layers import BatchNorm, KerasConv2d
from belamy.networks.sizes import check_least, check_positive

_SLOPE = 0.2
_MOMENTUM = 0.2  # 0.8 in Keras
LEAST = {94: 16, 70: 24}
"""The sides of the patches that there is a network for, and of the smallest picture that it takes."""


class PatchDiscriminator(nn.Module):
    """One score for each patch of a picture, laid upon what it was made from.

    4×4 convolutions of 64, 128, 256 and 512 maps with stride 2 and one of stride 1: scores a sixteenth as high and
    wide, each of a patch of 94×94 pixels, 16×16 of them at 256×256. 2,769,601 trainable parameters for 6 channels.
    ``receptive_field=70`` is the paper's: its last two convolutions have stride 1 and a padding of 1, 30×30 scores.

    *Departs from Hands-On GANs with Keras*, which rectifies before the last batch normalisation.

    References:
        Isola, Zhu, Zhou & Efros 2016, arXiv 1611.07004, sections 3.2.2 and 6.1.2.

    Args:
        shape: (channels, height, width) of a picture and what it was made from together.
        width: Maps of the first convolution.
        receptive_field: Side of a patch: 94 or 70.

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
        if receptive_field not in LEAST:
            raise UsageError(f"receptive-field is {receptive_field}, but it must be 94 or 70.")
        check_least(shape, LEAST[receptive_field], "patch-gan")
        last = (4, 2, "same") if receptive_field == 94 else (4, 1, "valid")
        self.margin = 0 if receptive_field == 94 else 1
        self.trunk = nn.Sequential(
            KerasConv2d(shape[0], width, 4, 2),
            nn.LeakyReLU(_SLOPE),
            KerasConv2d(width, 2 * width, 4, 2),
            BatchNorm(2 * width, momentum=_MOMENTUM),
            nn.LeakyReLU(_SLOPE),
            KerasConv2d(2 * width, 4 * width, 4, 2),
            BatchNorm(4 * width, momentum=_MOMENTUM),
            nn.LeakyReLU(_SLOPE),
        )
        self.judging = nn.Sequential(
            KerasConv2d(4 * width, 8 * width, last[0], last[1], padding=last[2]),
            BatchNorm(8 * width, momentum=_MOMENTUM),
            nn.LeakyReLU(_SLOPE),
        )
        self.head = KerasConv2d(8 * width, 1, 4, 1, padding=last[2])

    def forward(self, images: Tensor) -> Tensor:
        """Scores (logits) ``[N, 1, h, w]`` of patches of pictures ``[N, C, H, W]``."""
        return self.head(self._padded(self.judging(self._padded(self.trunk(images)))))

    def _padded(self, maps: Tensor) -> Tensor:
        return F.pad(maps, (self.margin,) * 4)
