"""The discriminator of Real-ESRGAN: a U-Net that scores every pixel of a picture."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional as F

from belamy.networks.sizes import check_positive
from belamy.networks.weights.spectral import Weights

HALVINGS = 3
_SLOPE = 0.2


class PatchDiscriminator(nn.Module):
    r"""A U-Net that halves the picture three times, enlarges it again, and scores every pixel.

    A 3×3 convolution; three of 4×4 and stride 2 to 128, 256 and 512 channels; three times bilinear ×2 and a 3×3
    convolution to 256, 128 and 64 channels, to which the encoder's maps of its size are added; two of 3×3, one to the
    score. LeakyReLU of slope 0.2; the eight inner convolutions are spectrally normalised and have no offsets.

    4,376,897 trainable parameters for colour images at 64 channels, as published.

    References:
        Wang et al. 2021, arXiv 2107.10833, section 3.3; a score for every pixel: Schönfeld et al. 2020, arXiv
        2002.12655.

    Args:
        shape: (channels, height, width) of the pictures; borders are repeated up to multiples of 8.
        width: Channels of the first convolution.

    Raises:
        UsageError: The width is out of range.
    """

    native_shape = (3, 64, 64)

    def __init__(self, shape: tuple[int, int, int], *, width: int = 64) -> None:
        super().__init__()
        check_positive(width, "width")
        widths = [width * 2**level for level in range(HALVINGS + 1)]
        self.first = nn.Conv2d(shape[0], width, 3, padding=1)
        self.halving = nn.ModuleList(
            nn.Conv2d(before, after, 4, 2, 1, bias=False) for before, after in pairwise(widths)
        )
        backwards = widths[::-1]
        self.doubling = nn.ModuleList(
            nn.Conv2d(before, after, 3, padding=1, bias=False) for before, after in pairwise(backwards)
        )
        self.finishing = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1, bias=False) for _ in range(2))
        for part in (self.halving, self.doubling, self.finishing):
            Weights().apply(part)
        self.last = nn.Conv2d(width, 1, 3, padding=1)

    def forward(self, images: Tensor) -> Tensor:
        """Scores (logits) of the pixels.  # [N, C, H, W] to [N, 1, H, W]"""
        height, width = images.shape[2:]
        wide = F.pad(images, (0, -width % 2**HALVINGS, 0, -height % 2**HALVINGS), mode="replicate")
        maps = [F.leaky_relu(self.first(wide), _SLOPE)]
        for layer in self.halving:
            maps.append(F.leaky_relu(layer(maps[-1]), _SLOPE))
        x = maps.pop()
        for layer in self.doubling:
            x = F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
            x = F.leaky_relu(layer(x), _SLOPE) + maps.pop()
        for layer in self.finishing:
            x = F.leaky_relu(layer(x), _SLOPE)
        scores: Tensor = self.last(x)
        return scores[..., :height, :width]
