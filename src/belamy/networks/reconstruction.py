"""Small decoders of a discriminator's feature maps, and how near what they make is to the images."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from belamy.errors import UsageError
from belamy.networks.frozen import FrozenFeatures
from belamy.networks.layers import BatchNorm
from belamy.networks.residual import UpsampledConv2d
from belamy.networks.sizes import check_positive
from belamy.seeds import Draws

_TINY = 1e-10


class Reconstruction(nn.Module):
    r"""Decoders that make images again from a discriminator's last two feature maps, and their distance to the images.

    From the last map :math:`f_2` the whole image is made, from a random part of the one before, :math:`f_1`, that part
    of the image. Each decoder doubles the size up to four times, but not above the image's, by nearest neighbours, 3×3
    convolution, batch normalisation and a gated linear unit. Images are made as small as the decoder's before they are
    compared: by the mean over the pixels of the squared differences of unit features at the first three stages of the
    embedded EfficientNet-lite0, or by their mean absolute difference.

    References:
        Liu et al. 2021, arXiv 2101.04775, section 3.2, equation 4, figure 4; unit features: Zhang et al. 2018,
        arXiv 1801.03924, equation 1.

    Args:
        maps: Shapes of the maps that the discriminator shows, coarsest last; the last two are used.
        shape: (channels, height, width) of the images.
        part: Share of the height and width of f₁ that is cut out.
        width: Channels of the decoders at their largest size; each halving doubles them, up to eight times.
        perceptual: Compare features instead of pixels.

    Raises:
        UsageError: The discriminator shows no maps, ``part`` is not in (0, 1] or ``width`` below 1.
    """

    def __init__(
        self,
        maps: Sequence[tuple[int, ...]],
        shape: tuple[int, ...],
        *,
        part: float = 0.5,
        width: int = 16,
        perceptual: bool = True,
    ) -> None:
        super().__init__()
        if not maps:
            raise UsageError("self-supervised needs feature maps, which this discriminator does not show. Type "
                             "--discriminator fastgan, or leave it out of --penalties.")  # fmt: skip
        if not 0 < part <= 1:
            raise UsageError(f"self-supervised.part is {part:g}, but a share must be above 0 and at most 1.")
        check_positive(width, "self-supervised.width")
        self.part, self.count = part, min(len(maps), 2)
        self.decoders = nn.ModuleList(_decoder(found, shape, width) for found in maps[-2:])
        self.features = FrozenFeatures(shape[0], 3) if perceptual else None

    def forward(self, maps: Sequence[Tensor], images: Tensor, draw: Draws) -> Tensor:
        """``[N]``: the distances of what is made of the maps to images ``[N, C, H, W]``, summed over the decoders."""
        found = self.distance(self.decoders[-1](maps[-1]), images)
        if self.count == 1:
            return found
        near, place = self.cut(maps[-2], draw)
        scale = [image // side for image, side in zip(images.shape[2:], maps[-2].shape[2:], strict=True)]
        rows, columns = (slice(each.start * by, each.stop * by) for each, by in zip(place, scale, strict=True))
        return found + self.distance(self.decoders[0](near), images[:, :, rows, columns])

    def cut(self, features: Tensor, draw: Draws) -> tuple[Tensor, list[slice]]:
        """A random part of a map, the same of all images of the batch, and where it lies."""
        u = draw.uniform("self-supervised", 1, 2)[0].tolist()
        sides = [max(round(side * self.part), 1) for side in features.shape[2:]]
        starts = [int(at * (whole - side + 1)) for at, whole, side in zip(u, features.shape[2:], sides, strict=True)]
        rows, columns = (slice(start, start + side) for start, side in zip(starts, sides, strict=True))
        return features[:, :, rows, columns], [rows, columns]

    def distance(self, made: Tensor, real: Tensor) -> Tensor:
        """``[N]``: between what a decoder made and real images, made as small."""
        real = F.adaptive_avg_pool2d(real, (made.shape[2], made.shape[3]))
        if self.features is None:
            return (made - real).abs().flatten(1).mean(1)
        pairs = zip(self.features(made), self.features(real), strict=True)
        return torch.stack([(_unit(a) - _unit(b)).square().sum(1).flatten(1).mean(1) for a, b in pairs]).sum(0)


def _unit(features: Tensor) -> Tensor:
    """Features of length 1 at each place."""
    return features * torch.rsqrt(features.square().sum(1, keepdim=True) + _TINY)


def _decoder(features: tuple[int, ...], shape: tuple[int, ...], width: int) -> nn.Sequential:
    """Images in [-1, 1] from a map, up to 16 times as large as it but no larger than its share of the image."""
    times = 0
    while times < 4 and all(side << (times + 1) <= whole for side, whole in zip(features[1:], shape[1:], strict=True)):
        times += 1
    layers: list[nn.Module] = []
    incoming = features[0]
    for left in range(times - 1, -1, -1):
        outgoing = width * min(2**left, 8)
        layers += [UpsampledConv2d(incoming, 2 * outgoing), BatchNorm(2 * outgoing, momentum=0.1), nn.GLU(1)]
        incoming = outgoing
    return nn.Sequential(*layers, nn.Conv2d(incoming, shape[0], 3, padding=1), nn.Tanh())
