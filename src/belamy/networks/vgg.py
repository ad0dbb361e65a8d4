"""VGG-16 and VGG-19 without their dense layers, as style transfer and perceptual losses use them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from belamy.errors import UsageError, nearest
from belamy.networks.photographs import standardised, unstandardised, up_to_last

CHANNELS = (64, 128, 256, 512, 512)
"""Of each block; a pooling ends it."""
DEPTHS = {16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
"""Convolutions of each block, by the layers that have weights, dense ones counted."""
POOLINGS = ("max", "average")
PREPARATIONS = ("caffe", "torchvision")
_CAFFE_MEANS = (103.939, 116.779, 123.68)  # blue, green, red


class VGG(nn.Module):
    """3×3 convolutions with ReLU in five blocks, taken by Keras' layer names.

    VGG-19 has sixteen, 20,024,384 parameters; VGG-16 thirteen, 14,714,688. Layers of VGG-19, in order:
    ``block1_conv1 block1_conv2 block1_pool block2_conv1`` … ``block5_conv4 block5_pool``. A convolution's output is
    what its ReLU gives.

    References:
        Simonyan & Zisserman 2014, arXiv 1409.1556, configurations D and E; average pooling: Gatys et al. 2015,
        arXiv 1508.06576.

    Args:
        depth: 19 or 16.
        pooling: ``max`` as published, or ``average``.
        preparation: How images are prepared: ``caffe`` for the original weights (and Keras'), ``torchvision`` for those
            that torchvision trained anew.

    Raises:
        UsageError: Another depth, pooling or preparation.

    Example:
        >>> network = VGG(pooling="average")
        >>> network.outputs(network.prepare(torch.rand(1, 3, 32, 48)), ["block2_conv1"])["block2_conv1"].shape
        torch.Size([1, 128, 16, 24])
    """

    def __init__(self, depth: int = 19, *, pooling: str = "max", preparation: str = "caffe") -> None:
        super().__init__()
        if depth not in DEPTHS:
            raise UsageError(f"There is no VGG-{depth}: it must be 16 or 19.")
        self.name = f"VGG-{depth}"
        for value, known, what in ((pooling, POOLINGS, "pooling"), (preparation, PREPARATIONS, "preparation")):
            if value not in known:
                raise UsageError(f"{self.name} has no {what} '{value}'. {nearest(value, known)}")
        self.pooling, self.preparation = pooling, preparation
        convolutions, names, incoming = {}, [], 3
        for block, (channels, count) in enumerate(zip(CHANNELS, DEPTHS[depth], strict=True), start=1):
            for index in range(1, count + 1):
                names.append(f"block{block}_conv{index}")
                convolutions[names[-1]] = nn.Conv2d(incoming, channels, 3, padding=1)
                incoming = channels
            names.append(f"block{block}_pool")
        for convolution in convolutions.values():
            nn.init.kaiming_normal_(convolution.weight)
            nn.init.zeros_(convolution.bias)  # type: ignore[arg-type]
        self.convolutions: Any = nn.ModuleDict(convolutions)
        self.layers = tuple(names)

    def load_published(self, tensors: Mapping[str, Tensor]) -> None:
        """Take the weights of a torchvision state dict, whose dense layers are left out.

        Args:
            tensors: ``features.0.weight`` [64, 3, 3, 3], ``features.0.bias`` [64], ``features.2.weight`` …

        Raises:
            UsageError: A tensor is missing, is one too many or has another shape.
        """
        sources = {
            f"features.{place}.{kind}": f"{name}.{kind}"
            for name, place in zip(self.convolutions, self._places(), strict=True)
            for kind in ("weight", "bias")
        }
        state = {sources.get(key, key): tensor for key, tensor in tensors.items() if key.startswith("features.")}
        try:
            self.convolutions.load_state_dict(state)
        except RuntimeError as error:
            last = self._places()[-1]
            known = "vgg19-dcbb9e9d.pth or vgg19-d01eb7cb.pth" if self.name == "VGG-19" else "vgg16-397923af.pth"
            raise UsageError(
                f"The tensors are not those of {self.name} in torchvision's layout, features.0.weight … "
                f"features.{last}.bias. Give {known}."
            ) from error

    def _places(self) -> list[int]:
        """The numbers that torchvision gives the convolutions, counting a ReLU after each, and the poolings."""
        places, place = [], 0
        for name in self.layers:
            if "conv" in name:
                places.append(place)
            place += 2 if "conv" in name else 1
        return places

    def prepare(self, images: Tensor) -> Tensor:
        """What the network is fed, from RGB or grey images in [0, 1].  # [N, 3, H, W]

        ``caffe``: blue, green, red in 0..255, their means over ImageNet subtracted; ``torchvision``: (x - mean)/sd.
        """
        images = images.expand(-1, 3, -1, -1)
        if self.preparation == "caffe":
            return images.flip(1) * 255 - images.new_tensor(_CAFFE_MEANS).view(3, 1, 1)
        return standardised(images)

    def restore(self, prepared: Tensor) -> Tensor:
        """The images that ``prepare`` was given, not clipped.  # [N, 3, H, W]"""
        if self.preparation == "caffe":
            return ((prepared + prepared.new_tensor(_CAFFE_MEANS).view(3, 1, 1)) / 255).flip(1)
        return unstandardised(prepared)

    def outputs(self, prepared: Tensor, names: Sequence[str]) -> dict[str, Tensor]:
        """Outputs of layers by name; nothing after the last of them is computed.

        Args:
            prepared: What ``prepare`` gives.  # [N, 3, H, W]
            names: Of ``layers``, in any order.

        Raises:
            UsageError: There is no such layer.
        """
        found, features = {}, prepared
        for name in up_to_last(self.layers, names, self.name):
            if name in self.convolutions:
                features = F.relu(self.convolutions[name](features))
            else:
                features = F.max_pool2d(features, 2) if self.pooling == "max" else F.avg_pool2d(features, 2)
            if name in names:
                found[name] = features
        return found

    def forward(self, images: Tensor) -> Tensor:
        """The last pooling's output for images in [0, 1].  # [N, 512, H/32, W/32]"""
        return self.outputs(self.prepare(images), self.layers[-1:])[self.layers[-1]]

    @torch.no_grad()
    def rescale(self, images: Tensor) -> None:
        r"""Scale the weights so that each filter's mean output over images and positions is 1.

        With the means :math:`m_l`: :math:`w'_{oi} = w_{oi}\, m_{l-1,i} / m_{l,o},\; b'_o = b_o / m_{l,o}`. A ReLU and a
        pooling keep positive factors, so each output is what it was, divided by its mean; filters that are nowhere
        active stay.

        References:
            Gatys et al. 2015, arXiv 1508.06576, section "Methods".

        Args:
            images: In [0, 1].  # [N, 3, H, W]
        """
        outputs = self.outputs(self.prepare(images), tuple(self.convolutions))
        before = images.new_ones(3)
        for name, convolution in self.convolutions.items():
            mean = outputs[name].mean((0, 2, 3))
            mean = torch.where(mean > 0, mean, torch.ones_like(mean))
            convolution.weight.mul_(before.view(1, -1, 1, 1) / mean.view(-1, 1, 1, 1))
            convolution.bias.div_(mean)
            before = mean
