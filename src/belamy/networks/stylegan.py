"""StyleGAN: a constant map that styles and noise turn into an image, layer by layer, and its discriminator."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from belamy.networks import progan
from belamy.networks.equalised import (
    SLOPE,
    EqualisedConv2d,
    EqualisedDownConv2d,
    EqualisedLinear,
    EqualisedUpConv2d,
    Noise,
)
from belamy.networks.growing import Growing, enlarged
from belamy.networks.residual import doublings
from belamy.networks.sizes import check_divisible
from belamy.networks.styled import MappingNetwork, StyledGenerator, check_mixing

_EPSILON = 1e-8


class Generator(StyledGenerator, Growing):
    r"""Latents → mapping network → one style for each layer; a learned 4×4 map → two layers at each size → 1×1, linear.

    A layer is a 3×3 convolution, noise, a leaky rectifier and adaptive instance normalisation by the layer's style; the
    first of each size enlarges before and blurs after its convolution, the very first has the constant map in place of
    one. All rates are equalised. It can grow, as :class:`belamy.networks.progan.Generator` does.

    The last layer is linear, so in training values may leave [-1, 1]; samples are clipped.

    The default is small, for a CPU; the paper's is ``base=8192,widest=512,style=512``, with latents of 512.

    References:
        Karras et al. 2018, arXiv 1812.04948, section 2, 3.1 (mixing) and appendix C.

    Args:
        latent: Size of the latents.
        shape: (channels, height, width) of the images; height and width multiples of 4, at least 8.
        base: Stage i, at :math:`2^{i+1}` pixels, has :math:`\lfloor\mathrm{base}/2^i\rfloor` channels,
        widest: or this many if that is fewer.
        style: Size w of the styles.
        mapping: Layers of the mapping network.
        mixing: Share of samples in training whose finer styles are another latent's.

    Raises:
        UsageError: A height or width that is not a multiple of 4 or below 8, a size below 1, or a share beyond 1.

    Example:
        >>> network = Generator(16, (3, 32, 32), base=64, widest=8, style=8).eval()
        >>> styles = network.styles(torch.randn(2, 16))
        >>> styles.shape, network.style_layers, network.synthesize(styles).shape
        (torch.Size([2, 8, 8]), (4, 4, 8, 8, 16, 16, 32, 32), torch.Size([2, 3, 32, 32]))
    """

    native_shape = (3, 32, 32)
    native_latent = 128
    value_range = (-1.0, 1.0)

    def __init__(
        self,
        latent: int,
        shape: tuple[int, int, int],
        *,
        base: int = 2048,
        widest: int = 128,
        style: int = 128,
        mapping: int = 8,
        mixing: float = 0.9,
    ) -> None:
        check_divisible(shape, 4, "stylegan", least=2)
        super().__init__(doublings(shape))
        self.mixing = check_mixing(mixing, "stylegan")
        self.mapping = MappingNetwork(latent, style, mapping)
        widths = progan.channels(self.halvings, base, widest)[1:]
        sides = [(shape[1] >> times, shape[2] >> times) for times in range(self.halvings, -1, -1)]
        self.constant = nn.Parameter(torch.ones(widths[0], *sides[0]))
        self.layers = nn.ModuleList([_Layer(None, widths[0], style, sides[0])])
        self.layers.append(_Layer(EqualisedConv2d(widths[0], widths[0], 3, offset=None), widths[0], style, sides[0]))
        for (before, after), side in zip(pairwise(widths), sides[1:], strict=True):
            first = nn.Sequential(EqualisedUpConv2d(before, after, offset=None), Blur())
            self.layers.append(_Layer(first, after, style, side))
            self.layers.append(_Layer(EqualisedConv2d(after, after, 3, offset=None), after, style, side))
        self.images = nn.ModuleList(EqualisedConv2d(width, shape[0], 1, gain=1.0) for width in widths)
        self.style_layers = tuple(min(side) for side in sides for _ in range(2))

    @property
    def active_layers(self) -> int:
        """Those of the sizes up to the present one."""
        return 2 * (self.halvings - self.place[0]) + 2

    def synthesize(self, styles: Tensor, noise: Sequence[torch.Generator] | None = None) -> Tensor:
        """Images ``[N, C, H, W]`` from styles ``[N, layers, w]``.

        Args:
            styles: One of each layer.
            noise: Random numbers of each sample; None for new noise in training and for a constant one in evaluation.
        """
        whole, share = self.place
        size = self.halvings - whole
        x = coarser = self.constant.expand(len(styles), -1, -1, -1)
        for number, layer in enumerate(self.layers[: self.active_layers]):
            if number == 2 * size:
                coarser = x
            x = layer(x, styles[:, number], noise)
        image = self.images[size](x)
        if share:
            image = torch.lerp(image, enlarged(self.images[size - 1](coarser), 1), share)
        return enlarged(image, whole)


class Discriminator(progan.Discriminator):
    r"""1×1 of the image; at each size two 3×3 convolutions, the second blurred before and averaged after → score.

    That of progressive GAN but for the blur, and for means that are taken before the second rectifier.

    References:
        Karras et al. 2018, arXiv 1812.04948, section 2 and appendix C.

    Args:
        shape: (channels, height, width) of the images; height and width multiples of 4, at least 8.
        base: Channels by stage, see the generator.
        widest: Most channels.
        group: Samples whose deviation is taken together, at least 2, or 0 for the whole batch.

    Raises:
        UsageError: A height or width that is not a multiple of 4 or below 8, a number of channels below 1 or a group
            below 2.
    """

    name = "stylegan"

    def __init__(self, shape: tuple[int, int, int], *, base: int = 2048, widest: int = 128, group: int = 4) -> None:
        super().__init__(shape, base=base, widest=widest, group=group)

    def block(self, before: int, after: int) -> nn.Module:
        """From a size to half of it."""
        return nn.Sequential(
            EqualisedConv2d(before, before, 3),
            nn.LeakyReLU(SLOPE),
            Blur(),
            EqualisedDownConv2d(before, after),
            nn.LeakyReLU(SLOPE),
        )


class Blur(nn.Module):
    """Each channel filtered by [1, 2, 1] / 4 in both directions, with zeros beyond the border."""

    def forward(self, x: Tensor) -> Tensor:
        """Same shape as ``x`` ``[N, C, H, W]``."""
        taps = torch.tensor([1.0, 2.0, 1.0], dtype=x.dtype, device=x.device) / 4
        kernel = (taps[:, None] * taps).expand(x.shape[1], 1, 3, 3)
        return F.conv2d(x, kernel, padding=1, groups=x.shape[1])


class _Layer(nn.Module):
    r"""Noise, an offset, a leaky rectifier, then each map standardised, scaled and shifted by the style.

    .. math:: y_s \frac{x - \mu(x)}{\sigma(x)} + y_b, \qquad (y_s, y_b) = A w + (1, 0)
    """

    def __init__(self, source: nn.Module | None, width: int, style: int, sides: tuple[int, int]) -> None:
        super().__init__()
        self.source = source
        self.noise = Noise(width, *sides)
        self.bias = nn.Parameter(torch.zeros(width, 1, 1))
        self.rectifier = nn.LeakyReLU(SLOPE)
        self.style = EqualisedLinear(style, 2 * width, gain=1.0)
        with torch.no_grad():
            self.style.bias[:width] = 1.0  # type: ignore[index]

    def forward(self, x: Tensor, style: Tensor, noise: Sequence[torch.Generator] | None) -> Tensor:
        """``[N, width, H, W]`` from maps ``[N, C, h, w]`` and styles ``[N, w]``."""
        x = x if self.source is None else self.source(x)
        x = self.rectifier(self.noise(x, noise) + self.bias)
        scale, offset = self.style(style)[:, :, None, None].chunk(2, 1)
        return F.group_norm(x, x.shape[1], eps=_EPSILON) * scale + offset
