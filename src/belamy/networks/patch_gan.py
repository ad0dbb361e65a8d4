"""The PatchGAN of pix2pix: a discriminator that judges every patch of a picture."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional as F

from belamy.errors import UsageError
from belamy.networks import PatchScores
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
    ``same`` pads those two convolutions so that no row is lost, as the book's pix2pixHD does: 32×32 scores.

    *Departs from Hands-On GANs with Keras*, which rectifies before the last batch normalisation.

    References:
        Isola, Zhu, Zhou & Efros 2016, arXiv 1611.07004, sections 3.2.2 and 6.1.2.

    Args:
        shape: (channels, height, width) of a picture and what it was made from together.
        width: Maps of the first convolution.
        receptive_field: Side of a patch: 1, 16, 70, 94 or 286.
        same: Pad the last two convolutions as Keras pads the others.

    Raises:
        UsageError: Pictures that are too small, or an option out of range.

    Example:
        >>> PatchDiscriminator((6, 256, 256))(torch.zeros(1, 6, 256, 256)).shape
        torch.Size([1, 1, 16, 16])
    """

    native_shape = (6, 256, 256)

    def __init__(
        self, shape: tuple[int, int, int], *, width: int = 64, receptive_field: int = 94, same: bool = False
    ) -> None:
        super().__init__()
        check_positive(width, "width")
        check_least(shape, smallest_side(receptive_field, same), "patch-gan")
        halvings = HALVINGS[receptive_field]
        kernel = 1 if receptive_field == 1 else 4
        last = (2, "same") if receptive_field == 94 else (1, "same" if same else "valid")
        self.margin = int(receptive_field not in (1, 94) and not same)
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
        return self.scales(images)[0].scores

    def scales(self, images: Tensor, features: bool = False) -> list[PatchScores]:
        """The one scale; its features are what the leaky rectifiers give.

        Args:
            images: Pictures ``[N, C, H, W]``.
            features: Whether they are wanted.
        """
        seen, x = [], images
        if features:
            for layer in self.trunk:
                x = layer(x)
                seen += [x] if isinstance(layer, nn.LeakyReLU) else []
        else:
            x = self.trunk(x)
        x = self.judging(self._padded(x))
        return [PatchScores(self.head(self._padded(x)), (*seen, x) if features else ())]

    def _padded(self, maps: Tensor) -> Tensor:
        return F.pad(maps, (self.margin,) * 4)


def smallest_side(receptive_field: int, same: bool = False) -> int:
    """The side of the smallest picture that leaves a score: unpadded, the last two layers take a row and a column each.

    Args:
        receptive_field: Of the network.
        same: Whether those layers are padded.

    Raises:
        UsageError: There is no network of that receptive field.
    """
    if receptive_field not in HALVINGS:
        raise UsageError(f"receptive-field is {receptive_field}, but it must be 1, 16, 70, 94 or 286.")
    halved = 2 ** HALVINGS[receptive_field]
    return {1: 1, 94: 16}.get(receptive_field, halved if same else 3 * halved)
