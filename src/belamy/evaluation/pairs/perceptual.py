"""Perceptual distance of pictures, in the form of LPIPS."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from belamy.errors import UsageError
from belamy.evaluation.pairs import pictures
from belamy.losses.perceptual.lpips import lpips
from belamy.methods.pretrained import SMALLEST as SMALLEST_VGG
from belamy.methods.pretrained import picture_network
from belamy.modalities.colours import has_opacity
from belamy.networks.alexnet import SMALLEST
from belamy.networks.embedded import embedded_weights

LAYERS = {
    "EfficientNet-lite0": ("stem", "b2", "b4", "b7"),
    "VGG-16": ("block1_conv2", "block2_conv2", "block3_conv3", "block4_conv3", "block5_conv3"),
    "VGG-19": ("block1_conv2", "block2_conv2", "block3_conv4", "block4_conv4", "block5_conv4"),
    "AlexNet": ("conv1", "conv2", "conv3", "conv4", "conv5"),
}
"""Whose features are compared; of VGG-16 and AlexNet those of the paper."""
LEAST = {"EfficientNet-lite0": 1, "VGG-16": SMALLEST_VGG, "VGG-19": SMALLEST_VGG, "AlexNet": SMALLEST}
"""Shorter sides in pixels at which the last of them sees something."""
FITTED = "lpips-linear.safetensors"
SHA256 = "378c7660041e8d03d1502cf8a3c846aecbf1c70658eede8fef466339128c2cdf"
PART = 32
"""Pictures that are looked at together."""
_ROUNDING = 1e-6
_COLOURS = 4


class Pair:
    r"""How far each picture is from its reference for the eyes of a network; 0 for an exact copy.

    At every place of several layers the features' directions are compared, see
    :func:`belamy.losses.perceptual.lpips.lpips`. By default the network is the embedded EfficientNet-lite0, and all its
    channels count alike; distances of different networks have nothing in common. With torchvision's weights of AlexNet
    or VGG-16 it is LPIPS 0.1, with the published channel weights, which were fitted to human judgements.

    The network looks in single precision, at colours from 0 to 1; what is transparent lies on white.

    References:
        Zhang, Isola, Efros, Shechtman & Wang 2018, arXiv 1801.03924.

    Args:
        data_range: Largest minus smallest value that a pixel can have: 255 for uint8, 2 for [-1, 1].
        low: The smallest value that a pixel can have: 0 for uint8, -1 for [-1, 1].
        weights: A file of published weights of AlexNet, VGG-16 or VGG-19.

    Raises:
        UsageError: References beyond ``low`` and ``low + data_range``, channels that are no colours, or pictures that
            are too small for the network.
        DataError: The file is missing, or holds other weights.

    Example:
        >>> black, white = torch.zeros(1, 3, 32, 32), torch.full((1, 3, 32, 32), 255)
        >>> apart = Pair(data_range=255)
        >>> float(apart(black, black)), float(apart(black, white)) > 1
        (0.0, True)
    """

    higher_is_better = False

    def __init__(self, *, data_range: float, low: float = 0.0, weights: str | None = None) -> None:
        self.data_range, self.low = data_range, low
        self.network = picture_network(None if weights is None else Path(weights).expanduser(), "perceptual:weights=")
        self.layers = LAYERS[self.network.name]
        self.weights = _fitted(self.network.name, self.layers)

    @torch.no_grad()
    def __call__(self, reference: Tensor, estimate: Tensor) -> Tensor:
        reference, estimate = pictures(reference, estimate, self.data_range)
        self._check(reference)
        found = []
        for mine, its in zip(reference.split(PART), estimate.split(PART), strict=True):
            wanted, seen = (
                self.network.outputs(self.network.prepare(self._coloured(each)), self.layers) for each in (mine, its)
            )
            found.append(lpips(seen, wanted, self.weights).double())
        return torch.cat(found)

    def _check(self, reference: Tensor) -> None:
        (channels, *sides), least = reference.shape[1:], LEAST[self.network.name]
        if channels > _COLOURS:
            raise UsageError(f"Perceptual distances see grey or colour, but these pictures have {channels} channels.")
        if min(sides) < least:
            raise UsageError(
                f"These pictures are {sides[0]}×{sides[1]}, but {self.network.name} needs sides of {least} pixels or "
                "more. Compare larger pictures, or leave weights out."
            )
        low, high = (float(value) for value in reference.aminmax())
        slack = _ROUNDING * self.data_range
        if low < self.low - slack or high > self.low + self.data_range + slack:
            raise UsageError(
                f"The references' values lie from {low:g} to {high:g}, but low is {self.low:g} and data_range "
                f"{self.data_range:g}. Give data_range=255 for uint8, data_range=2,low=-1 for values in [-1, 1]."
            )

    def _coloured(self, values: Tensor) -> Tensor:
        """Colours in [0, 1], in single precision.  # [N, 1 or 3, H, W]"""
        values = ((values - self.low) / self.data_range).clamp(0, 1).float()
        if not has_opacity(values.shape[1]):
            return values
        colours, opacity = values[:, :-1], values[:, -1:]
        return colours * opacity + 1 - opacity


def _fitted(network: str, layers: Sequence[str]) -> dict[str, Tensor] | None:
    """The published weights of the channels of layers, where there are some."""
    key = {"VGG-16": "vgg16", "AlexNet": "alexnet"}.get(network)
    if key is None:
        return None
    known = embedded_weights(FITTED, SHA256)
    return {name: known[f"{key}.{place}"] for place, name in enumerate(layers, 1)}
