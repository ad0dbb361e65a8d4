"""The discriminator of SRGAN: one score for a picture of the size that it was made for."""

from __future__ import annotations

from torch import Tensor, nn

from belamy.networks.layers import BatchNorm
from belamy.networks.sizes import check_positive

HALVINGS = 4
_SLOPE = 0.2
_EPS, _MOMENTUM = 1e-5, 0.1


class PatchDiscriminator(nn.Module):
    r"""Eight convolutions, of which four halve the size, and two dense layers to one score.

    Eight 3×3 convolutions of 64, 64, 128, 128, 256, 256, 512 and 512 channels, every second of stride 2, then dense
    layers of 1,024 and 1. LeakyReLU of slope 0.2 throughout; batch normalisation after all convolutions but the first.

    The one patch that it scores is the whole picture: 23,565,505 trainable parameters for 96×96 in colour.

    *Departs from the paper*, whose last layer is a sigmoid: here it gives logits.

    References:
        Ledig et al. 2016, arXiv 1609.04802, section 2.1.1 and figure 4.

    Args:
        shape: (channels, height, width) of the pictures.
        width: Channels of the first convolution.
        hidden: Size of the first dense layer.

    Raises:
        UsageError: An option out of range.
    """

    native_shape = (3, 96, 96)

    def __init__(self, shape: tuple[int, int, int], *, width: int = 64, hidden: int = 1024) -> None:
        super().__init__()
        check_positive(width, "width")
        check_positive(hidden, "hidden")
        channels, height, width_ = shape
        layers: list[nn.Module] = [nn.Conv2d(channels, width, 3, padding=1), nn.LeakyReLU(_SLOPE)]
        incoming = width
        for level in range(HALVINGS):
            outgoing = width * 2**level
            strides = (2,) if level == 0 else (1, 2)
            for stride in strides:
                layers += [
                    nn.Conv2d(incoming, outgoing, 3, stride, 1), BatchNorm(outgoing, eps=_EPS, momentum=_MOMENTUM),
                    nn.LeakyReLU(_SLOPE),
                ]  # fmt: skip
                incoming = outgoing
        self.trunk = nn.Sequential(*layers, nn.Flatten())
        sides = [-(-side // 2**HALVINGS) for side in (height, width_)]
        self.head = nn.Sequential(
            nn.Linear(incoming * sides[0] * sides[1], hidden), nn.LeakyReLU(_SLOPE), nn.Linear(hidden, 1)
        )

    def forward(self, images: Tensor) -> Tensor:
        """Scores (logits) ``[N, 1, 1, 1]`` of pictures ``[N, C, H, W]`` of the size that it was made for."""
        scores: Tensor = self.head(self.trunk(images))
        return scores[:, :, None, None]
