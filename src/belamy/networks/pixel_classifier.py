"""A U-Net that tells the class of every pixel."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from belamy.networks.sizes import check_positive
from belamy.networks.u_net import Translator as UNet


class PixelClassifier(nn.Module):
    """The U-Net of pix2pix without dropout, whose maps and the picture itself are weighed into logits of classes.

    Pictures of any size: they are filled up at the right and at the bottom by their last column and row.

    References:
        Ronneberger, Fischer & Brox 2015, arXiv 1505.04597.

    Args:
        shape: (channels, height, width) of the pictures.
        classes: How many.
        width: Maps of the first convolution.
        depth: How often sides are halved.

    Example:
        >>> PixelClassifier((3, 20, 33), 5, width=4)(torch.zeros(2, 3, 20, 33)).shape
        torch.Size([2, 5, 20, 33])
    """

    def __init__(self, shape: tuple[int, ...], classes: int, *, width: int = 16, depth: int = 3) -> None:
        super().__init__()
        check_positive(classes, "The number of classes")
        channels, *sides = shape
        self.multiple = 2 ** check_positive(depth, "depth")
        height, width_of = (-(-side // self.multiple) * self.multiple for side in sides)
        self.body = UNet(
            (channels, height, width_of), width, width=width, depth=depth, dropout=0.0, upsampling="transposed"
        )
        self.head = nn.Conv2d(width + channels, classes, 3, padding=1)

    def forward(self, pictures: Tensor) -> Tensor:
        """Logits ``[N, classes, H, W]`` of pictures ``[N, C, H, W]`` in [-1, 1]."""
        height, width = pictures.shape[2:]
        whole = pad(pictures, (0, -width % self.multiple, 0, -height % self.multiple), mode="replicate")
        found: Tensor = self.head(torch.cat([self.body(whole), whole], 1))
        return found[..., :height, :width]
