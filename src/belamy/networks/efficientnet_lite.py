"""EfficientNet-lite0, cut: a small pretrained network that needs no download."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from belamy.errors import UsageError
from belamy.networks.embedded import embedded_weights
from belamy.networks.layers import same_padding
from belamy.networks.photographs import up_to_last

WEIGHTS = "efficientnet-lite0-blocks-0-7.safetensors"
SHA256 = "663d1141c73c8f07db1a664576354b8ef6979f9c93053980c7b97b37247b2bbf"
BLOCKS = (
    (3, 1, 1, 16), (3, 2, 6, 24), (3, 1, 6, 24), (5, 2, 6, 40), (5, 1, 6, 40), (3, 2, 6, 80), (3, 1, 6, 80),
    (3, 1, 6, 80), (5, 1, 6, 112), (5, 1, 6, 112), (5, 1, 6, 112),
)  # fmt: skip
"""Kernel, stride, expansion and channels of the blocks 0 to 10."""
EMBEDDED = 8
_STEM = 32
_EPSILON = 1e-3


class EfficientNetLite(nn.Module):
    r"""The stem and the first blocks of EfficientNet-lite0, whose outputs are taken by name.

    Layers, in order: ``stem``, then ``b0``, and for each further block its expanded ReLU6 features ``e1`` … and its
    output ``b1`` …, a linear bottleneck. Outputs shrink to a half at ``stem``, a quarter at ``b1``, an eighth at ``b3``
    and a sixteenth at ``b5``, rounded up.

    *Departs from the published network*: each batch normalisation is folded into the convolution before it,
    :math:`w' = w\,\gamma/\sqrt{v+\varepsilon},\; b' = \beta - m\,\gamma/\sqrt{v+\varepsilon}`, which computes the same.
    The weights are those of the published network, rounded to half precision.

    References:
        Tan & Le 2019, arXiv 1905.11946; the lite variants (no squeeze-and-excitation, ReLU6 instead of swish): Liu
        2020, "Higher accuracy on vision models with EfficientNet-Lite"; the block: Sandler et al. 2018,
        arXiv 1801.04381.

    Args:
        blocks: How many blocks, 1 to 11; the package carries the weights of 8.

    Raises:
        UsageError: Another number of blocks.

    Example:
        >>> network = EfficientNetLite.pretrained()
        >>> outputs = network.outputs(network.prepare(torch.rand(1, 3, 64, 48)), ["b2", "stem"])
        >>> {name: tuple(output.shape) for name, output in outputs.items()}
        {'b2': (1, 24, 16, 12), 'stem': (1, 32, 32, 24)}
    """

    name = "EfficientNet-lite0"

    def __init__(self, blocks: int = EMBEDDED) -> None:
        super().__init__()
        if not 1 <= blocks <= len(BLOCKS):
            raise UsageError(f"EfficientNet-lite0 is cut after {blocks} blocks, but it must be 1..{len(BLOCKS)}.")
        self.stem = _Convolution(3, _STEM, 3, 2)
        chain, incoming = [], _STEM
        for kernel, stride, expansion, outgoing in BLOCKS[:blocks]:
            chain.append(_Bottleneck(incoming, outgoing, kernel, stride, expansion))
            incoming = outgoing
        self.blocks: Any = nn.ModuleList(chain)
        pairs = [([f"e{index}"] if index else []) + [f"b{index}"] for index in range(blocks)]
        self.layers = ("stem", *(name for pair in pairs for name in pair))

    @classmethod
    def pretrained(cls) -> Self:
        """The blocks 0 to 7 with the weights of ImageNet that the package carries, frozen, in evaluation mode.

        Raises:
            DataError: The installation lacks the weights or holds others.
        """
        network = cls(EMBEDDED)
        network.load_state_dict(folded(embedded_weights(WEIGHTS, SHA256)))
        return network.eval().requires_grad_(False)

    def prepare(self, images: Tensor) -> Tensor:
        """What the network is fed, (255 x - 127) / 128, from images in [0, 1], grey or RGB.  # [N, 3, H, W]"""
        return (images.expand(-1, 3, -1, -1) * 255 - 127) / 128

    def outputs(self, prepared: Tensor, names: Sequence[str]) -> dict[str, Tensor]:
        """Outputs of layers by name; nothing after the last of them is computed.

        Args:
            prepared: What ``prepare`` gives.  # [N, 3, H, W]
            names: Of ``layers``, in any order.

        Raises:
            UsageError: There is no such layer.
        """
        wanted = up_to_last(self.layers, names, "EfficientNet-lite0")
        found: dict[str, Tensor] = {}
        if wanted:
            found["stem"] = features = self.stem(prepared)
        for index, block in enumerate(self.blocks):
            if f"b{index}" not in wanted and f"e{index}" not in wanted:
                break
            found[f"e{index}"] = expanded = block.expand(features)
            if f"b{index}" in wanted:
                found[f"b{index}"] = features = block.project(expanded, features)
        return {name: found[name] for name in names}

    def forward(self, images: Tensor) -> Tensor:
        """The last layer's output for images in [0, 1].  # [N, C, H, W]"""
        return self.outputs(self.prepare(images), self.layers[-1:])[self.layers[-1]]


def folded(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Convolutions with the batch normalisations after them folded in, each ``weight`` and ``bias``.

    Args:
        tensors: ``NAME.weight [o, i, k, k]`` and ``NAME.scale, .shift, .mean, .variance [o]`` for each convolution.
    """
    state = {}
    for name in (key.removesuffix(".weight") for key in tensors if key.endswith(".weight")):
        scale, shift, mean, variance = (tensors[f"{name}.{kind}"] for kind in ("scale", "shift", "mean", "variance"))
        factor = scale / torch.sqrt(variance + _EPSILON)
        state[f"{name}.weight"] = tensors[f"{name}.weight"] * factor.view(-1, 1, 1, 1)
        state[f"{name}.bias"] = shift - mean * factor
    return state


class _Bottleneck(nn.Module):
    """Expand (1×1, ReLU6), filter each channel (k×k, ReLU6), project (1×1); added to the input where it fits."""

    def __init__(self, incoming: int, outgoing: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        middle = incoming * expansion
        self.expansion = _Convolution(incoming, middle, 1) if expansion > 1 else None
        self.depthwise = _Convolution(middle, middle, kernel, stride, groups=middle)
        self.projection = _Convolution(middle, outgoing, 1, linear=True)
        self.adds = stride == 1 and incoming == outgoing

    def expand(self, features: Tensor) -> Tensor:
        return features if self.expansion is None else self.expansion(features)

    def project(self, expanded: Tensor, features: Tensor) -> Tensor:
        found = self.projection(self.depthwise(expanded))
        return found + features if self.adds else found


class _Convolution(nn.Module):
    """A convolution with TensorFlow's ``same`` padding, and ReLU6 unless it is linear."""

    def __init__(
        self, incoming: int, outgoing: int, kernel: int, stride: int = 1, *, groups: int = 1, linear: bool = False
    ) -> None:
        super().__init__()
        self.kernel, self.stride, self.groups, self.linear = kernel, stride, groups, linear
        self.weight = nn.Parameter(torch.empty(outgoing, incoming // groups, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outgoing))
        nn.init.kaiming_normal_(self.weight)

    def forward(self, images: Tensor) -> Tensor:
        (top, bottom), (left, right) = (same_padding(side, self.kernel, self.stride) for side in images.shape[-2:])
        if (top, left) != (bottom, right):
            images = F.pad(images, (left, right, top, bottom))
            top = left = 0
        found = F.conv2d(images, self.weight, self.bias, self.stride, (top, left), groups=self.groups)
        return found if self.linear else F.relu6(found)
