"""The networks of SPADE (GauGAN): a generator that label maps speak to in every layer, and an encoder of styles."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from belamy.networks.layers import BatchNorm, KerasConv2d, dense
from belamy.networks.sizes import check_choice, check_divisible, check_positive
from belamy.networks.standardised import Standardised

MOST_DOUBLINGS = 6
SMALLEST_MAP = 4
"""Side of the map that the latents make, in pixels."""
_WIDEST = 16  # times the width
_SLOPE = 0.2
_NORMS = ("batch", "instance")


class Translator(nn.Module):
    r"""Latents become a map of 4×4 pixels; residual blocks and doublings make a picture of it that obeys label maps.

    In each block features are normalised without gains of their own, and take gain and offset of each pixel from the
    label map m, in the size of the features, through a 3×3 convolution to ``hidden`` maps, a rectifier and another:

    .. math:: \gamma_{c,y,x}(m)\, \frac{h_{n,c,y,x} - \mu_c}{\sigma_c} + \beta_{c,y,x}(m)

    followed by a rectifier and a 3×3 convolution, twice; where a block changes the number of maps, the same once leads
    around it. At 256×256 the blocks have 1024, 1024, 1024, 512, 256, 128 and 64 maps, with a doubling of the nearest
    pixel between two; a 3×3 convolution makes the picture. 102,497,411 trainable parameters for 36 maps to 3 channels.

    In training, and where there are streams, the latents are normal; otherwise they are 0. Pictures of another size
    than it was built for enlarge the first map.

    *Departs from the paper*, which has pictures of 256 pixels and more: smaller ones are doubled as often as leaves 4
    pixels. The offset of the layer that makes γ begins with 1.

    References:
        Park, Liu, Wang & Zhu 2019, arXiv 1903.07291, equation 1, figures 3 and 4 and appendix A.

    Args:
        shape: (channels, height, width) of the label maps; multiples of 2^doublings.
        outputs: Channels of what is made.
        latent: Size of the latents.
        width: Maps of the last block.
        hidden: Maps between a label map and its gains.
        doublings: How often maps are doubled; 0 for as often as leaves 4 pixels, at most 6.
        norm: Statistics of the ``batch``, or of each ``instance``, which take the means of maps away and with them much
            of what latents could say.

    Raises:
        UsageError: A size that cannot be halved so often, or an option out of range.

    Example:
        >>> network = Translator((9, 32, 48), 3, latent=8, width=4, hidden=8)
        >>> network.paint(torch.zeros(2, 9, 32, 48), torch.randn(2, 8)).shape
        torch.Size([2, 3, 32, 48])
    """

    native_shape = (8, 32, 32)  # published for 256 by 256 pixels

    def __init__(
        self,
        shape: tuple[int, int, int],
        outputs: int,
        *,
        latent: int = 256,
        width: int = 64,
        hidden: int = 128,
        doublings: int = 0,
        norm: str = "batch",
    ) -> None:
        super().__init__()
        check_positive(outputs, "The number of channels that are made")
        check_choice(norm, _NORMS, "norm")
        self.latent = check_positive(latent, "latent")
        check_positive(width, "width")
        check_positive(hidden, "hidden")
        if doublings == 0:
            check_divisible(shape, 2, "spade", least=SMALLEST_MAP)
            doublings = max(d for d in range(1, MOST_DOUBLINGS + 1) if fits(shape, d))
        self.doublings = check_positive(doublings, "doublings")
        check_divisible(shape, 2**doublings, "spade")
        widths = [width * min(2**level, _WIDEST) for level in range(doublings, -1, -1)]
        self.first = (widths[0], shape[1] >> doublings, shape[2] >> doublings)
        self.dense = dense(latent, self.first[0] * self.first[1] * self.first[2])
        self.blocks = nn.ModuleList(
            _Block(before, after, shape[0], hidden, norm) for before, after in pairwise([widths[0], *widths])
        )
        self.head = KerasConv2d(width, outputs, 3)

    def forward(self, images: Tensor, streams: Sequence[torch.Generator] | None = None) -> Tensor:
        """Pictures ``[N, outputs, H, W]`` in [-1, 1] from label maps ``[N, C, H, W]``, with latents of their own.

        Args:
            images: A map of 0 and 1 for each class.
            streams: The random numbers of each sample's latents, in evaluation.
        """
        if streams is not None:
            latents = torch.stack([torch.randn(self.latent, generator=stream) for stream in streams]).to(images)
        elif self.training:
            latents = torch.randn(len(images), self.latent, device=images.device, dtype=images.dtype)
        else:
            latents = images.new_zeros(len(images), self.latent)
        return self.paint(images, latents)

    def paint(self, maps: Tensor, latents: Tensor) -> Tensor:
        """Pictures ``[N, outputs, H, W]`` in [-1, 1].

        Args:
            maps: A map of 0 and 1 for each class.  # [N, C, H, W]
            latents: Of the style.  # [N, latent]

        Raises:
            UsageError: A height or width that cannot be halved as often as the network doubles.
        """
        check_divisible((maps.shape[1], maps.shape[2], maps.shape[3]), 2**self.doublings, "spade")
        sides = (maps.shape[2] >> self.doublings, maps.shape[3] >> self.doublings)
        x = self.dense(latents).unflatten(1, self.first)
        if sides != self.first[1:]:
            x = F.interpolate(x, sides, mode="bilinear")
        for number, block in enumerate(self.blocks):
            x = F.interpolate(x, scale_factor=2.0, mode="nearest") if number else x
            x = block(x, F.interpolate(maps, x.shape[2:], mode="nearest"))
        return torch.tanh(self.head(x))


class StyleEncoder(nn.Module):
    """A picture's style: the mean and the logarithm of the variance of its latents.

    3×3 convolutions of 64, 128, 256, 512, 512 and 512 maps with stride 2, each but the first with a normalisation, all
    with a leaky rectifier, and two dense layers. Smaller pictures are halved as often as leaves 4 pixels.

    References:
        Park, Liu, Wang & Zhu 2019, arXiv 1903.07291, appendix A; Kingma & Welling 2013, arXiv 1312.6114.

    Args:
        shape: (channels, height, width) of the pictures.
        latent: Size of the latents.
        width: Maps of the first convolution.

    Example:
        >>> mean, log_variance = StyleEncoder((3, 32, 32), 8, width=4)(torch.zeros(2, 3, 32, 32))
        >>> mean.shape, log_variance.shape
        (torch.Size([2, 8]), torch.Size([2, 8]))
    """

    def __init__(self, shape: tuple[int, int, int], latent: int, width: int = 64) -> None:
        super().__init__()
        depth = max([1, *(d for d in range(1, MOST_DOUBLINGS + 1) if min(shape[1:]) >= SMALLEST_MAP * 2**d)])
        widths = [shape[0], *(check_positive(width, "encoder-width") * min(2**level, 8) for level in range(depth))]
        layers: list[nn.Module] = []
        for number, (before, after) in enumerate(pairwise(widths)):
            norm = [BatchNorm(after)] if number else []
            layers += [KerasConv2d(before, after, 3, 2), *norm, nn.LeakyReLU(_SLOPE)]
        self.shape = shape
        self.trunk = nn.Sequential(*layers, nn.Flatten())
        area = -(-shape[1] // 2**depth) * -(-shape[2] // 2**depth)
        self.mean, self.log_variance = dense(widths[-1] * area, latent), dense(widths[-1] * area, latent)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance ``[N, latent]`` of pictures ``[N, C, H, W]``; those of another size are resized."""
        if images.shape[2:] != self.shape[1:]:
            images = F.interpolate(images, self.shape[1:], mode="bilinear", antialias=True)
        features = self.trunk(images)
        return self.mean(features), self.log_variance(features)


class SpatiallyAdaptiveNorm(nn.Module):
    """Normalised features whose gain and offset at each pixel come from a label map.

    Args:
        features: Maps of the features.
        labels: Maps of the label map.
        hidden: Maps in between.
        norm: Statistics of the ``batch``, or of each ``instance``.
    """

    def __init__(self, features: int, labels: int, hidden: int, norm: str) -> None:
        super().__init__()
        self.norm: nn.Module = BatchNorm(features, affine=False) if norm == "batch" else Standardised()
        self.shared = KerasConv2d(labels, hidden, 3)
        self.gain, self.offset = KerasConv2d(hidden, features, 3), KerasConv2d(hidden, features, 3)
        with torch.no_grad():
            assert self.gain.bias is not None
            self.gain.bias.fill_(1)

    def forward(self, x: Tensor, maps: Tensor) -> Tensor:
        """Of the same shape.  # [N, C, H, W]

        Args:
            x: Features.
            maps: The label map in their size.  # [N, labels, H, W]
        """
        seen = F.relu(self.shared(maps))
        return torch.addcmul(self.offset(seen), self.gain(seen), self.norm(x))


class _Block(nn.Module):
    """Twice: normalise, rectify, convolve; around it once, where the number of maps changes."""

    def __init__(self, before: int, after: int, labels: int, hidden: int, norm: str) -> None:
        super().__init__()
        middle = min(before, after)
        self.first = _Step(before, middle, labels, hidden, norm)
        self.second = _Step(middle, after, labels, hidden, norm)
        self.around = _Step(before, after, labels, hidden, norm) if before != after else None

    def forward(self, x: Tensor, maps: Tensor) -> Tensor:
        beside: Tensor = x if self.around is None else self.around(x, maps)
        return beside + self.second(self.first(x, maps), maps)


class _Step(nn.Module):
    def __init__(self, before: int, after: int, labels: int, hidden: int, norm: str) -> None:
        super().__init__()
        self.norm = SpatiallyAdaptiveNorm(before, labels, hidden, norm)
        self.convolution = KerasConv2d(before, after, 3)

    def forward(self, x: Tensor, maps: Tensor) -> Tensor:
        return self.convolution(F.relu(self.norm(x, maps)))


def fits(shape: tuple[int, int, int], doublings: int) -> bool:
    """Whether pictures can be halved so often and leave 4 pixels of a side."""
    return all(side % 2**doublings == 0 and side >= SMALLEST_MAP * 2**doublings for side in shape[1:])
