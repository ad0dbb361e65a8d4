"""The network of "Colorful Image Colorization": how likely each colour is at each place of a grey picture."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from belamy.errors import UsageError
from belamy.networks.layers import BatchNorm
from belamy.networks.sizes import check_positive

_EPS, _MOMENTUM = 1e-5, 0.1
PLAN = ((1, 2, 1), (2, 2, 1), (4, 3, 1), (8, 3, 1), (8, 3, 2), (8, 3, 2), (8, 3, 1))
"""Of each block: channels in widths, convolutions and their dilation; the first ones end with a stride of 2."""
MOST = 3


class Colouriser(nn.Module):
    r"""Seven blocks of convolutions, of which three halve the size and two are dilated, then one that enlarges → bins.

    3×3 convolutions with ReLU, each block ended by batch normalisation; then a transposed 4×4 convolution, two of 3×3
    and one of 1×1 to the bins, at a quarter of the size.

    32,235,385 trainable parameters for the paper's 313 bins at 64 channels, 32,221,507 for 259. Fewer halvings suit
    small pictures: with h of them bins are told at 1/2^(h-1) of the size.

    References:
        Zhang, Isola & Efros 2016, arXiv 1603.08511, figure 2.

    Args:
        shape: (1, height, width) of the lightness; borders are repeated up to multiples of 2^halvings.
        bins: How many.
        width: Channels of the first block.
        halvings: 1 to 3.

    Raises:
        UsageError: An option out of range.
    """

    native_shape = (1, 32, 32)

    def __init__(self, shape: tuple[int, int, int], bins: int, *, width: int = 64, halvings: int = MOST) -> None:
        super().__init__()
        check_positive(width, "width")
        if not 1 <= halvings <= MOST:
            raise UsageError(f"halvings is {halvings}, but it must be in 1..{MOST}.")
        self.depth = halvings
        layers: list[nn.Module] = []
        incoming = shape[0]
        for block, (times, depth, dilation) in enumerate(PLAN):
            for number in range(depth):
                stride = 2 if number == depth - 1 and block < halvings else 1
                layers += [nn.Conv2d(incoming, width * times, 3, stride, dilation, dilation), nn.ReLU()]
                incoming = width * times
            layers.append(BatchNorm(incoming, eps=_EPS, momentum=_MOMENTUM))
        self.trunk = nn.Sequential(*layers)
        middle = 4 * width
        self.head = nn.Sequential(
            nn.ConvTranspose2d(incoming, middle, 4, 2, 1), nn.ReLU(),
            nn.Conv2d(middle, middle, 3, padding=1), nn.ReLU(),
            nn.Conv2d(middle, middle, 3, padding=1), nn.ReLU(), nn.Conv2d(middle, bins, 1),
        )  # fmt: skip

    @property
    def reduction(self) -> int:
        """By how much the bins' map is smaller."""
        return int(2 ** (self.depth - 1))

    def forward(self, lightness: Tensor) -> Tensor:
        """Logits of bins, of lightness in [-1, 1].  # [N, 1, H, W] to [N, bins, H/reduction, W/reduction]"""
        height, width = lightness.shape[2:]
        whole, by = 2**self.depth, self.reduction
        wide = F.pad(lightness, (0, -width % whole, 0, -height % whole), mode="replicate")
        logits: Tensor = self.head(self.trunk(wide))
        return logits[..., : -(-height // by), : -(-width // by)]
