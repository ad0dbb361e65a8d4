"""Networks of photographs through which pictures are compared: the embedded one, or one whose weights the user has."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from torch import Tensor

from belamy.data import weights
from belamy.data.weights import Published
from belamy.errors import UsageError
from belamy.modalities.sizes import text_of
from belamy.networks.alexnet import AlexNet
from belamy.networks.efficientnet_lite import EfficientNetLite
from belamy.networks.vgg import VGG

Build = Callable[[], Any]
SMALLEST = 16
"""Side of the smallest picture of which every convolution of VGG sees something."""


class PictureNetwork(Protocol):
    """A frozen network whose layers answer to pictures.

    Attributes:
        name: What it is called.
        layers: Names of its layers in order.
    """

    name: str
    layers: tuple[str, ...]

    def prepare(self, images: Tensor) -> Tensor:
        """What the network is fed, from images in [0, 1], grey or RGB.  # [N, 3, H, W]"""
        ...

    def outputs(self, prepared: Tensor, names: Sequence[str]) -> dict[str, Tensor]:
        """Outputs of layers by name.  # [N, C, h, w] each"""
        ...


def vggs(depths: Sequence[int] = (19, 16), pooling: str = "max") -> dict[Published, Build]:
    """What is built for each file of published weights of VGG.

    Args:
        depths: Which are wanted.
        pooling: As of :class:`belamy.networks.vgg.VGG`.
    """
    return {
        published: partial(VGG, depth, pooling=pooling, preparation=preparation)
        for depth, preparation, published in (
            (19, "caffe", weights.VGG19_CAFFE),
            (19, "torchvision", weights.VGG19_TORCHVISION),
            (16, "caffe", weights.VGG16_CAFFE),
            (16, "torchvision", weights.VGG16_TORCHVISION),
        )
        if depth in depths
    }


def published_network(file: Path, known: Mapping[Published, Build], option: str) -> Any:
    """The network whose published weights a file holds, by its checksum, frozen and in evaluation mode.

    Args:
        file: The user's.
        known: What is built for each file.
        option: The command's option that names the file, for messages.

    Raises:
        DataError: There is no such file, or it holds none of them.
    """
    network = known[weights.recognised(file, tuple(known), option)]()
    network.load_published(weights.read_tensors(file))
    return network.eval().requires_grad_(False)


def picture_network(file: Path | None, option: str) -> Any:
    """The embedded EfficientNet-lite0, or the VGG or AlexNet whose weights a file holds.

    Raises:
        DataError: There is no such file, or it holds other weights.
    """
    if file is None:
        return EfficientNetLite.pretrained()
    return published_network(file, {**vggs(), weights.ALEXNET: AlexNet}, option)


def last_of_blocks(network: PictureNetwork) -> tuple[str, ...]:
    """The last convolution of each block of VGG, at the whole size, a half … a sixteenth."""
    following = zip(network.layers, network.layers[1:], strict=False)
    return tuple(name for name, after in following if after.endswith("pool"))


def check_seen(shape: Sequence[int], file: str) -> None:
    """Refuse pictures of which the last block of VGG sees nothing.

    Args:
        shape: (C, H, W) of what it is shown.
        file: Of its weights, for the message.

    Raises:
        UsageError: The message says what to leave out.
    """
    if min(shape[1:]) < SMALLEST:
        shown = text_of(tuple(shape[1:]))
        raise UsageError(
            f"VGG needs pictures with sides of {SMALLEST} pixels or more, but it is shown {shown}. Learn from larger "
            f"ones, or leave --vgg {file} out."
        )
