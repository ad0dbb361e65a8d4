"""AlexNet without its dense layers, as perceptual distances use it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from belamy.errors import UsageError
from belamy.networks.photographs import standardised, up_to_last

PLAN = ((64, 11, 4, 2), (192, 5, 1, 2), (384, 3, 1, 1), (256, 3, 1, 1), (256, 3, 1, 1))
"""Channels, kernel, stride and padding of each convolution."""
PLACES = (0, 3, 6, 8, 10)
"""The numbers that torchvision gives the convolutions."""
POOLED = (1, 2)
"""Convolutions before which a maximum over 3×3 places is taken, every second one."""
SMALLEST = 31
"""Side of the smallest picture of which the last layer sees anything."""


class AlexNet(nn.Module):
    """Five convolutions with ReLU, the layers ``conv1`` … ``conv5``, whose outputs are taken by name.

    2,469,696 parameters, those of torchvision's network of one column.

    References:
        Krizhevsky 2014, arXiv 1404.5997.

    Example:
        >>> import torch
        >>> network = AlexNet()
        >>> found = network.outputs(network.prepare(torch.rand(1, 3, 64, 64)), ["conv1", "conv5"])
        >>> {name: tuple(output.shape) for name, output in found.items()}
        {'conv1': (1, 64, 15, 15), 'conv5': (1, 256, 3, 3)}
    """

    name = "AlexNet"
    layers = tuple(f"conv{number}" for number in range(1, len(PLAN) + 1))

    def __init__(self) -> None:
        super().__init__()
        convolutions, incoming = {}, 3
        for name, (channels, kernel, stride, padding) in zip(self.layers, PLAN, strict=True):
            convolutions[name] = nn.Conv2d(incoming, channels, kernel, stride, padding)
            incoming = channels
        self.convolutions: Any = nn.ModuleDict(convolutions)

    def load_published(self, tensors: Mapping[str, Tensor]) -> None:
        """Take the weights of a torchvision state dict, whose dense layers are left out.

        Args:
            tensors: ``features.0.weight`` [64, 3, 11, 11], ``features.0.bias`` [64], ``features.3.weight`` …

        Raises:
            UsageError: A tensor is missing, is one too many or has another shape.
        """
        names = dict(zip((f"features.{place}" for place in PLACES), self.layers, strict=True))
        state = {}
        for key, tensor in tensors.items():
            if key.startswith("features."):
                place, _, kind = key.rpartition(".")
                state[f"{names.get(place, place)}.{kind}"] = tensor
        try:
            self.convolutions.load_state_dict(state)
        except RuntimeError as error:
            raise UsageError(
                "The tensors are not those of AlexNet in torchvision's layout, features.0.weight … features.10.bias. "
                "Give alexnet-owt-7be5be79.pth."
            ) from error

    def prepare(self, images: Tensor) -> Tensor:
        """What the network is fed, (x - mean)/sd, from RGB or grey images in [0, 1].  # [N, 3, H, W]"""
        return standardised(images.expand(-1, 3, -1, -1))

    def outputs(self, prepared: Tensor, names: Sequence[str]) -> dict[str, Tensor]:
        """Outputs of layers by name; nothing after the last of them is computed.

        Args:
            prepared: What ``prepare`` gives.  # [N, 3, H, W]
            names: Of ``layers``, in any order.

        Raises:
            UsageError: There is no such layer.
        """
        found, features = {}, prepared
        for number, name in enumerate(up_to_last(self.layers, names, self.name)):
            if number in POOLED:
                features = F.max_pool2d(features, 3, 2)
            features = F.relu(self.convolutions[name](features))
            if name in names:
                found[name] = features
        return found

    def forward(self, images: Tensor) -> Tensor:
        """The last layer's output for images in [0, 1].  # [N, 256, h, w]"""
        return self.outputs(self.prepare(images), self.layers[-1:])[self.layers[-1]]
