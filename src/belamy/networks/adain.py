"""Adaptive instance normalisation, and the decoder that makes a picture of what it gives."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from belamy.networks.sizes import check_positive
from belamy.networks.standardised import EPSILON, Standardised


def statistics(features: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each channel over positions.  # [N, C, H, W] → [N, C, 1, 1] both"""
    variance, mean = torch.var_mean(features, (2, 3), correction=0, keepdim=True)
    return mean, (variance + EPSILON).sqrt()


class Adapted(nn.Module):
    r"""The content's features with the style's mean and deviation in each channel.

    .. math:: \sigma(y)\,\frac{x-\mu(x)}{\sigma(x)} + \mu(y)

    References:
        Huang & Belongie 2017, arXiv 1703.06868, eq. 8.

    Example:
        >>> Adapted()(torch.tensor([[[[-1.0, 1.0]]]]), torch.tensor([[[[4.0, 8.0]]]])).round(decimals=3).tolist()
        [[[[4.0, 8.0]]]]
    """

    def __init__(self) -> None:
        super().__init__()
        self.norm = Standardised()

    def forward(self, content: Tensor, style: Tensor) -> Tensor:
        """Of the content's shape.

        Args:
            content: x.  # [N, C, H, W]
            style: y, of any size, broadcast over N.  # [N or 1, C, h, w]
        """
        mean, deviation = statistics(style)
        found: Tensor = deviation * self.norm(content) + mean
        return found


class Painter(nn.Module):
    """From features at a few scales, the finest first, to an image in [-1, 1].

    It has no normalisation, which would take the style away again.

    *Departs from the paper*, whose decoder mirrors VGG-19 and sees one layer: the layers of a small encoder hold too
    little each, so here every scale gives its own.

    References:
        Huang & Belongie 2017, arXiv 1703.06868, section 6.

    Args:
        incoming: Channels of the features at a half, a quarter, … of the image's size.
        channels: Of the image.
        width: Channels at the full size, doubled at each smaller one, up to eight times.

    Example:
        >>> coarse, fine = torch.zeros(1, 40, 4, 5), torch.zeros(1, 32, 8, 9)
        >>> Painter((32, 40), 3)(fine, coarse).shape
        torch.Size([1, 3, 16, 18])
    """

    def __init__(self, incoming: Sequence[int], channels: int, *, width: int = 16) -> None:
        super().__init__()
        check_positive(width, "width")
        wide = [width * 2 ** min(scale + 1, 3) for scale in range(len(incoming))]
        steps = []
        for scale, (own, features) in enumerate(zip(incoming, wide, strict=True)):
            coarser = wide[scale + 1] if scale + 1 < len(wide) else 0
            steps.append(nn.Sequential(_mirrored(own + coarser, features), nn.ReLU(), _mirrored(features, features),
                                       nn.ReLU()))  # fmt: skip
        self.steps = nn.ModuleList(steps)
        self.last = nn.Sequential(_mirrored(wide[0], width), nn.ReLU(), _mirrored(width, channels))

    def forward(self, *features: Tensor) -> Tensor:
        """The image, twice as large as the finest features.  # [N, C, 2H, 2W]"""
        image: Tensor | None = None
        for step, own in zip(reversed(self.steps), reversed(features), strict=True):
            whole = own if image is None else torch.cat([own, F.interpolate(image, own.shape[2:])], 1)
            image = step(whole)
        assert image is not None
        return torch.tanh(self.last(F.interpolate(image, scale_factor=2)))


def _mirrored(incoming: int, outgoing: int) -> nn.Conv2d:
    return nn.Conv2d(incoming, outgoing, 3, padding=1, padding_mode="replicate")
