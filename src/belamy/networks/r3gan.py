"""The modern baseline: residual networks without normalisation, for the relativistic pairing loss with R1 and R2."""

from collections.abc import Callable
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn

from belamy.errors import UsageError
from belamy.networks.layers import ScoringNetwork
from belamy.networks.resampling import enlarge, reduce
from belamy.networks.residual import doublings
from belamy.networks.sizes import check_divisible, check_positive

_SLOPE = 0.2
_FILTER = (1.0, 2.0, 1.0)

Resampling = Literal["mean", "binomial"]


class Generator(nn.Module):
    """Learned 4×4 map, scaled by the latents → stages of residual blocks, bilinear enlargement between → image.

    The default is small, for a CPU: channels 128, 64, 32 and 16 at 4, 8, 16 and 32 pixels. The published networks are
    ``width=768,growth=1`` for CIFAR-10, ``width=384,growth=2`` for FFHQ at 64 and ``width=96,growth=8`` at 256 pixels,
    ``width=1536,growth=1,group=32`` for ImageNet, all with ``resampling=binomial``.

    *Departs from the paper* in the tanh after the last convolution, since generators of this house keep to a range.
    Written from the paper alone.

    References:
        Huang et al. 2024, arXiv 2501.05441, section 4, configuration E.

    Args:
        latent: Size of the latents.
        shape: (channels, height, width) of the images; height and width multiples of 4, at least 8.
        width: Channels at full size; each halving doubles them, up to ``growth`` times ``width``.
        growth: See ``width``.
        blocks: Residual blocks at each size.
        expansion: Channels within a block over those outside.
        group: Channels in each group of the 3×3 convolutions.
        resampling: ``mean``, bilinear interpolation about the pixels' centres, whose opposite is the mean of 2×2
            pixels; or ``binomial``, the filter [1, 2, 1] of the published networks, beyond the edge of which lies 0.

    Raises:
        UsageError: A height or width that is not a multiple of 4 or below 8, or a width that groups do not divide.

    Example:
        >>> Generator(64, (3, 32, 32), blocks=1)(torch.randn(2, 64)).shape
        torch.Size([2, 3, 32, 32])
    """

    native_shape = (3, 32, 32)
    native_latent = 64
    value_range = (-1.0, 1.0)

    def __init__(
        self,
        latent: int,
        shape: tuple[int, int, int],
        *,
        width: int = 16,
        growth: int = 8,
        blocks: int = 2,
        expansion: int = 2,
        group: int = 16,
        resampling: Resampling = "mean",
    ) -> None:
        super().__init__()
        check_positive(latent, "The latent size")
        widths, (height, side) = _widths(shape, width, growth)[::-1], _smallest(shape)
        stages = _stages(widths, blocks, expansion, group)
        self.basis = nn.Parameter(torch.randn(widths[0], height, side))
        self.scale = nn.Linear(latent, widths[0])
        _initialise(self.scale, 1.0)
        layers: list[nn.Module] = [stages[0]]
        for (before, after), stage in zip(pairwise(widths), stages[1:], strict=True):
            layers += [_transition(before, after), _ENLARGING[resampling](), stage]
        self.stages = nn.Sequential(*layers)
        self.image = nn.Sequential(_initialise(nn.Conv2d(widths[-1], shape[0], 1), 1.0), nn.Tanh())

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images ``[N, C, H, W]`` in [-1, 1] from latents ``[N, latent]``."""
        x = self.basis * self.scale(latents)[:, :, None, None]  # [N, widths[0], 4, 4]
        return self.image(self.stages(x.contiguous(memory_format=torch.channels_last)))


class Discriminator(ScoringNetwork):
    """The generator's mirror image: image → stages of residual blocks, 2×2 means between → 4×4 depthwise → score.

    Means of 2×2 pixels are what bilinear interpolation at half the size gives. Written from the paper alone.
    Classes are told by the condition ``projection``: an inner product with the features, beside the last layer's score.

    References:
        Huang et al. 2024, arXiv 2501.05441, section 4, configuration E.

    Args:
        shape: (channels, height, width) of the images; height and width multiples of 4, at least 8.
        width: Channels at full size; each halving doubles them, up to ``growth`` times ``width``.
        growth: See ``width``.
        blocks: Residual blocks at each size.
        expansion: Channels within a block over those outside.
        group: Channels in each group of the 3×3 convolutions.
        resampling: ``mean``, bilinear interpolation about the pixels' centres, whose opposite is the mean of 2×2
            pixels; or ``binomial``, the filter [1, 2, 1] of the published networks, beyond the edge of which lies 0.

    Raises:
        UsageError: A height or width that is not a multiple of 4 or below 8, or a width that groups do not divide.
    """

    native_shape = (3, 32, 32)

    def __init__(
        self,
        shape: tuple[int, int, int],
        *,
        width: int = 16,
        growth: int = 8,
        blocks: int = 2,
        expansion: int = 2,
        group: int = 16,
        resampling: Resampling = "mean",
    ) -> None:
        super().__init__()
        widths = _widths(shape, width, growth)
        stages = _stages(widths, blocks, expansion, group)
        layers: list[nn.Module] = [_initialise(nn.Conv2d(shape[0], width, 1), 1.0), stages[0]]
        for (before, after), stage in zip(pairwise(widths), stages[1:], strict=True):
            layers += [_REDUCING[resampling](), _transition(before, after), stage]
        depthwise = nn.Conv2d(widths[-1], widths[-1], _smallest(shape), groups=widths[-1], bias=False)
        self.stages = nn.Sequential(*layers, _initialise(depthwise, 1.0), nn.Flatten())
        self.score = nn.Linear(widths[-1], 1)
        _initialise(self.score, 1.0)

    def scores_and_features(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Scores ``[N]`` (logits) and features ``[N, F]`` of images ``[N, C, H, W]`` in [-1, 1]."""
        x = self.stages(images.contiguous(memory_format=torch.channels_last))
        return self.score(x).squeeze(1), x


class _Enlarge(nn.Module):
    """Twice the size by the filter [1, 2, 1]."""

    def forward(self, x: Tensor) -> Tensor:
        """``[N, C, 2H, 2W]``."""
        return enlarge(x, _FILTER)


class _Reduce(nn.Module):
    """Half the size by the filter [1, 2, 1]."""

    def forward(self, x: Tensor) -> Tensor:
        """``[N, C, H/2, W/2]``."""
        return reduce(x, _FILTER)


_ENLARGING: dict[str, Callable[[], nn.Module]] = {
    "mean": lambda: nn.Upsample(scale_factor=2, mode="bilinear"),
    "binomial": _Enlarge,
}
_REDUCING: dict[str, Callable[[], nn.Module]] = {"mean": lambda: nn.AvgPool2d(2), "binomial": _Reduce}


class _Block(nn.Module):
    r"""1×1 to more channels, grouped 3×3, 1×1 back, with leaky rectifiers between, plus the input.

    Initial weights as in Fix-up: the last convolution is zero and the others are scaled by :math:`L^{-1/4}`, for L
    blocks in the network (Zhang et al. 2019, arXiv 1901.09321, section 3).
    """

    def __init__(self, channels: int, inner: int, groups: int, depth: int) -> None:
        super().__init__()
        gain = (2 / (1 + _SLOPE**2)) ** 0.5 * depth**-0.25
        last = nn.Conv2d(inner, channels, 1, bias=False)
        nn.init.zeros_(last.weight)
        self.main = nn.Sequential(
            _initialise(nn.Conv2d(channels, inner, 1), gain),
            nn.LeakyReLU(_SLOPE),
            _initialise(nn.Conv2d(inner, inner, 3, padding=1, groups=groups), gain),
            nn.LeakyReLU(_SLOPE),
            last,
        )

    def forward(self, x: Tensor) -> Tensor:
        """Same shape as ``x`` ``[N, channels, H, W]``."""
        return x + self.main(x)


def _stages(widths: list[int], blocks: int, expansion: int, group: int) -> list[nn.Sequential]:
    """The residual blocks of each size."""
    for value, name in ((blocks, "blocks"), (expansion, "expansion"), (group, "group")):
        check_positive(value, name)
    stages = []
    for channels in widths:
        inner = channels * expansion
        if inner > group and inner % group:
            raise UsageError(
                f"group is {group}, which does not divide the {inner} channels in a block of r3gan. Type "
                f"group={inner}, or choose width and expansion so that {group} divides their product."
            )
        groups, depth = max(inner // group, 1), blocks * len(widths)
        stages.append(nn.Sequential(*(_Block(channels, inner, groups, depth) for _ in range(blocks))))
    return stages


def _widths(shape: tuple[int, int, int], width: int, growth: int) -> list[int]:
    """Channels at full size, at half of it, and so on down to about 4×4."""
    check_positive(width, "width")
    check_positive(growth, "growth")
    check_divisible(shape, 4, "r3gan", least=2)
    return [width * min(2**halvings, growth) for halvings in range(doublings(shape) + 1)]


def _smallest(shape: tuple[int, int, int]) -> tuple[int, int]:
    return shape[1] // 2 ** doublings(shape), shape[2] // 2 ** doublings(shape)


def _transition(before: int, after: int) -> nn.Module:
    """A 1×1 convolution where the channels change; it commutes with the resampling, so it works at the smaller size."""
    return nn.Identity() if before == after else _initialise(nn.Conv2d(before, after, 1, bias=False), 1.0)


def _initialise(layer: nn.Conv2d | nn.Linear, gain: float) -> nn.Module:
    """The layer with weights of variance gain²/n_in and no offset."""
    nn.init.normal_(layer.weight, 0.0, gain * layer.weight[0].numel() ** -0.5)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer
