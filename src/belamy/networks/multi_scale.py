"""The discriminators of pix2pixHD: one of patches for each of several sizes of a picture."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from belamy.networks import PatchScores
from belamy.networks.layers import same_average_pool
from belamy.networks.patch_gan import PatchDiscriminator as Patches
from belamy.networks.patch_gan import smallest_side
from belamy.networks.sizes import check_least, check_positive


class PatchDiscriminator(nn.Module):
    """As many judges of patches as there are scales; each sees the picture half as large as the one before it.

    Each is ``patch-gan`` with patches of 70 pixels and ``same``: 4×4 convolutions of 64, 128 and 256 maps with stride
    2, of 512 with stride 1, and one of stride 1 to the score; 2,768,577 trainable parameters a scale for 5 channels.
    Its scores are an eighth as high and wide as what it sees. A picture is halved by means of 3×3 pixels.

    To methods that know one scale alone, the score of a patch is the mean of those that all scales give it.

    *Departs from Hands-On GANs with Keras*, whose widths are 64, 128, 128 and 256 by mistake.

    References:
        Wang et al. 2017, arXiv 1711.11585, section 3.2.

    Args:
        shape: (channels, height, width) of a picture and what it was made from together.
        count: How many scales.
        width: Maps of the first convolution of each.
        receptive_field: Side of a patch, in the pixels of its scale: 1, 16, 70, 94 or 286.
        same: Pad the last two convolutions, too.

    Raises:
        UsageError: Pictures that are too small, or an option out of range.

    Example:
        >>> judges = PatchDiscriminator((5, 64, 128), width=4)
        >>> [tuple(scale.scores.shape) for scale in judges.scales(torch.zeros(1, 5, 64, 128))]
        [(1, 1, 8, 16), (1, 1, 4, 8), (1, 1, 2, 4)]
    """

    native_shape = (5, 64, 128)

    def __init__(
        self,
        shape: tuple[int, int, int],
        *,
        count: int = 3,
        width: int = 64,
        receptive_field: int = 70,
        same: bool = True,
    ) -> None:
        super().__init__()
        shrinking = 2 ** (check_positive(count, "count") - 1)
        check_least(shape, (smallest_side(receptive_field, same) - 1) * shrinking + 1, "multi-scale")
        self.judges: Any = nn.ModuleList(
            Patches(_halved(shape, number), width=width, receptive_field=receptive_field, same=same)
            for number in range(count)
        )

    def forward(self, images: Tensor) -> Tensor:
        """Mean scores (logits) ``[N, 1, h, w]`` of patches, the coarser ones enlarged, of pictures ``[N, C, H, W]``."""
        scores = [scale.scores for scale in self.scales(images)]
        return torch.stack([interpolate(each, scores[0].shape[2:]) for each in scores]).mean(0)

    def scales(self, images: Tensor, features: bool = False) -> list[PatchScores]:
        """What each judge says, that of the full size first.

        Args:
            images: Pictures ``[N, C, H, W]``.
            features: Whether the judges' features are wanted.
        """
        found = []
        for number, judge in enumerate(self.judges):
            images = same_average_pool(images) if number else images
            found += judge.scales(images, features)
        return found


def _halved(shape: tuple[int, int, int], times: int) -> tuple[int, int, int]:
    """The shape of pictures that are halved so often, odd sides rounded up."""
    return shape[0], -(-shape[1] // 2**times), -(-shape[2] // 2**times)
