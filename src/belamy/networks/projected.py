"""The discriminator of projected GANs: it judges random projections of a pretrained network's features."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from belamy.networks.frozen import CHANNELS, FrozenFeatures
from belamy.networks.layers import BatchNorm
from belamy.networks.sizes import check_least, check_positive
from belamy.networks.surgery import Handed

_SLOPE = 0.2


class Discriminator(nn.Module):
    r"""Four discriminators on mixed features of the embedded EfficientNet-lite0, at a half to a 16th of the size.

    The features :math:`F_l` of a picture are mixed across channels by a random 1×1 convolution (CCM), then across
    scales, from the smallest on (CSM): each is a random 3×3 convolution of the sum of its own and of the enlarged one
    below. Both are drawn once (He's normal) and never learn, nor does the pretrained network. A small discriminator at
    each scale, 4×4 convolutions of stride 2 with batch normalisation and leaky rectifiers, ends in about 4×4 scores of
    patches. Every patch is judged by itself; the score of a picture is the mean of all. The paper normalises the
    weights of what learns spectrally: ``--discriminator-weights spectral``.

    *Departs from the paper*: its features are of a half to a sixteenth of the size instead of a quarter to a 32nd, for
    the package carries the first eight blocks; they are of the picture as it is, unless ``enlarge`` says otherwise (the
    paper's are of 256 pixels); the loss is the mean over the scales instead of the sum.

    References:
        Sauer et al. 2021, arXiv 2111.01007, sections 3.2 (projections, mixing) and 4 (multi-scale discriminators).

    Args:
        shape: (channels, height, width) of the images, at least 16×16. Other channels than 1 or 3 are mixed to three,
            see :class:`belamy.networks.frozen.FrozenFeatures`.
        width: Channels of the mixed features at the first scale; each next one has twice as many.
        hidden: Channels of the four discriminators, at most.
        enlarge: How many times as large pictures are made before the pretrained network sees them.

    Raises:
        UsageError: A side below 16 pixels or an option below 1.

    Example:
        >>> Discriminator((3, 64, 64))(torch.zeros(2, 3, 64, 64)).shape
        torch.Size([2])
    """

    native_shape = (3, 64, 64)

    def __init__(self, shape: tuple[int, int, int], *, width: int = 32, hidden: int = 128, enlarge: int = 1) -> None:
        super().__init__()
        for name, value in {"width": width, "hidden": hidden, "enlarge": enlarge}.items():
            check_positive(value, name)
        check_least(shape, 16, "projected")
        self.enlarge = enlarge
        self.features = FrozenFeatures(shape[0])
        widths = [width * 2**scale for scale in range(len(CHANNELS))]
        judged = [widths[0], *widths[:-1]]  # what the mixture across scales gives, to be added to the scale above
        sides = [-(-min(shape[1:]) * enlarge // 2 ** (scale + 1)) for scale in range(len(CHANNELS))]
        for scale, channels in enumerate(CHANNELS):
            self.register_buffer(f"across_channels_{scale}", _drawn(widths[scale], channels, 1))
            self.register_buffer(f"across_scales_{scale}", _drawn(judged[scale], widths[scale], 3))
        self.heads = nn.ModuleList(_Head(*given, hidden) for given in zip(judged, sides, strict=True))
        self.aside: Handed[dict[str, Any]] = Handed()

    def mixed(self, images: Tensor) -> list[Tensor]:
        """The projected features of images, from the largest to the smallest."""
        if self.enlarge > 1:
            images = F.interpolate(images, scale_factor=self.enlarge, mode="bilinear")
        found: list[Tensor] = []
        deeper: Tensor | None = None
        for scale, features in reversed(list(enumerate(self.features(images)))):
            x = F.conv2d(features, self.get_buffer(f"across_channels_{scale}"))
            if deeper is not None:
                x = x + F.interpolate(deeper, size=x.shape[2:], mode="bilinear")
            deeper = F.conv2d(x, self.get_buffer(f"across_scales_{scale}"), padding=1)
            found.insert(0, deeper)
        return found

    def scores_and_features(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Scores ``[N]``, the means of those of patches, and features ``[N, F]`` of images ``[N, C, H, W]``."""
        told = [head(mixed) for head, mixed in zip(self.heads, self.mixed(images), strict=True)]
        patches = torch.cat([patches for patches, _ in told], 1)
        if self.aside.thing is not None:
            self.aside.thing.update(patches=patches)
        return patches.mean(1), torch.cat([features for _, features in told], 1)

    def forward(self, images: Tensor) -> Tensor:
        """Scores ``[N]`` of images ``[N, C, H, W]`` in [-1, 1]."""
        return self.scores_and_features(images)[0]


class _Head(nn.Module):
    """A discriminator of one scale: halved until a side is about 4, then one score for each place."""

    def __init__(self, incoming: int, side: int, hidden: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        while side >= 8:
            layers += [nn.Conv2d(incoming, hidden, 4, 2, 1), BatchNorm(hidden, momentum=0.1), nn.LeakyReLU(_SLOPE)]
            incoming, side = hidden, side // 2
        self.trunk = nn.Sequential(*layers)
        self.score = nn.Conv2d(incoming, 1, 3, padding=1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Scores of patches ``[N, P]`` and features ``[N, F]``."""
        x = self.trunk(x)
        return self.score(x).flatten(1), x.mean((2, 3))


def _drawn(outgoing: int, incoming: int, kernel: int) -> Tensor:
    """Random weights of a convolution, normal of variance 2/n_in."""
    return nn.init.kaiming_normal_(torch.empty(outgoing, incoming, kernel, kernel))
