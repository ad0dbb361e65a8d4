"""Perceptual terms that networks of style learn by, in the features of the embedded network."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from belamy.data.fetching import checksum
from belamy.data.patterns import PATTERNS, pattern
from belamy.data.pictures import read_whole
from belamy.errors import DataError, Unreadable, UsageError
from belamy.losses.perceptual import content as contents
from belamy.losses.perceptual import covariance, gram
from belamy.losses.perceptual.total_variation import total_variation
from belamy.methods.base import to_range
from belamy.methods.pretrained import PictureNetwork, last_of_blocks, published_network, vggs
from belamy.networks.efficientnet_lite import EfficientNetLite
from belamy.networks.photographs import up_to_last

CONTENT = ("b4", "b6")
STYLE = ("stem", "b0", "b2", "b4", "b7")
"""Layers of the embedded network, those of ``belamy stylize``."""
SMALLEST = 16
"""Side of a picture of a style, in pixels."""
SEEN = ("stem", "b0", "b2", "b4")
"""Layers that distances are taken in: at a half, a half, a quarter and an eighth of the size."""
Distance = Callable[[Mapping[str, Tensor], Mapping[str, Tensor]], Tensor]
Moments = tuple[Tensor, Tensor]
"""Means and covariances of a layer's features.  # [N, C], [N, C, C]"""


class PerceptualTerms(NamedTuple):
    """How far pictures are from what they should be.  # [N] each"""

    content: Tensor
    style: Tensor
    smoothness: Tensor


def seen(network: PictureNetwork, images: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
    """What layers answer to images in [-1, 1], grey or colour.  # [N, C, H, W]"""
    return network.outputs(network.prepare(to_range(images, (0.0, 1.0))), layers)


def described(outputs: Mapping[str, Tensor]) -> dict[str, Moments]:
    """The style of pictures, layer by layer."""
    return {name: covariance.described(outputs[name]) for name in STYLE}


def compared(
    outputs: Mapping[str, Tensor], painted: Tensor, wanted: Mapping[str, Tensor], style: Mapping[str, Moments]
) -> PerceptualTerms:
    """Content, style and roughness of painted pictures, as ``belamy stylize`` weighs them.

    Args:
        outputs: What the layers of style and content answer to the pictures.
        painted: The pictures, in [-1, 1].  # [N, C, H, W]
        wanted: What layers of content should answer.
        style: What the layers of style should be like.
    """
    content = torch.stack([contents.relative(outputs[name], wanted[name]) for name in wanted]).sum(0)
    own = described(outputs)
    differences = torch.stack([covariance.difference(own[name], style[name]) for name in STYLE]).sum(0)
    rough = total_variation(to_range(painted, (0.0, 1.0)), 1.0) / painted[0].numel()
    return PerceptualTerms(content, differences, rough)


def moments_of_crops(network: EfficientNetLite, picture: Tensor, shape: tuple[int, ...]) -> dict[str, Moments]:
    """The style of a picture as seen in crops of a shape, so that borders count in it as in what learns.

    Args:
        network: The pretrained network whose layers are compared.
        picture: In [-1, 1], at least as large.  # [1, C, H, W]
        shape: (channels, height, width) of the crops.
    """
    height, width = shape[1:]
    rows, columns = (_starts(whole, side) for whole, side in zip(picture.shape[2:], (height, width), strict=True))
    crops = [picture[..., top : top + height, left : left + width] for top in rows for left in columns]
    outputs = [seen(network, crop, STYLE) for crop in crops]
    found = {}
    for name in STYLE:
        features = [output[name] for output in outputs]
        products = torch.stack([gram.gram(each) for each in features]).sum(0)
        sums = torch.stack([each.sum((2, 3)) for each in features]).sum(0)
        total = sums.new_full((1,), sum(each.shape[2] * each.shape[3] for each in features))
        found[name] = covariance.moments(products, sums, total)
    return found


def _starts(whole: int, side: int) -> list[int]:
    """Where crops of a side begin that cover a length."""
    count = -(-whole // side)
    return [round(number * (whole - side) / max(count - 1, 1)) for number in range(count)]


def style_picture(name: str) -> np.ndarray:
    """The picture of a style, by its file or the name of a drawn pattern.  # [H, W, 3] uint8

    Raises:
        UsageError: There is neither.
        DataError: The file holds no picture that can be used.
    """
    path = Path(name).expanduser()
    if not path.is_file():
        if path.suffix or len(path.parts) > 1:
            raise DataError(f"There is no file {path} for the style. Drawn ones: {', '.join(PATTERNS)}.")
        return pattern(name)
    try:
        with path.open("rb") as file:
            pixels = read_whole(file)
    except Unreadable as error:
        raise DataError(f"{path} cannot be the style: {error}.") from error
    if min(pixels.shape[:2]) < SMALLEST:
        height, width = pixels.shape[:2]
        raise DataError(f"The style has {width}x{height} pixels, but each side must be at least {SMALLEST}.")
    return pixels


def style_tensor(pixels: np.ndarray, height: int, shape: tuple[int, ...], like: Tensor) -> Tensor:
    """A picture brought to a height, no side below that of a shape, in its colours.  # [1, C, H, W] in [-1, 1]

    Args:
        pixels: uint8.  # [H, W, 3]
        height: Wanted.
        shape: (channels, height, width) that must fit into it.
        like: Of the device and type wanted.
    """
    scale = max(height / pixels.shape[0], shape[1] / pixels.shape[0], shape[2] / pixels.shape[1])
    size = tuple(max(round(side * scale), least) for side, least in zip(pixels.shape[:2], shape[1:], strict=True))
    image = Image.fromarray(pixels).resize((size[1], size[0]), Image.Resampling.LANCZOS)
    values = np.asarray(image.convert("L" if shape[0] == 1 else "RGB"), dtype=np.float32) / 127.5 - 1
    return torch.from_numpy(np.atleast_3d(values)).permute(2, 0, 1)[None].to(like)


def fingerprint(pixels: np.ndarray) -> str:
    """SHA-256 of a picture."""
    return hashlib.sha256(repr(pixels.shape).encode() + np.ascontiguousarray(pixels).tobytes()).hexdigest()


def check_channels(shape: tuple[int, ...], what: str) -> None:
    """Refuse images that are neither grey nor colour.

    Raises:
        UsageError: ``--channels`` is what to type.
    """
    if shape[0] not in (1, 3):
        raise UsageError(f"{what} learns from grey or colour images, but these have {shape[0]} channels.")


def perceptual_network(like: Tensor, vgg: str | None = None) -> Any:
    """The embedded network, or VGG, on the device and in the precision of a tensor.

    Args:
        like: That tensor.
        vgg: A file of VGG's published weights.

    Raises:
        DataError: There is no such file, or it holds other weights.
    """
    network = EfficientNetLite.pretrained() if vgg is None else published_network(_file(vgg), vggs(), "--vgg")
    return network.to(like)


class PerceptualDistance:
    """How far pictures are from others in a pretrained network's features, which neither learn nor are saved.

    Args:
        vgg: A file of VGG's published weights; None for the embedded network.
        layers: Which are compared; none for four of the embedded network's, or the last of each block of VGG.
        distance: Of the features of pictures from those of what they should be, by layer.  # [N]
    """

    def __init__(
        self, vgg: str | None = None, layers: Sequence[str] = (), distance: Distance = contents.mean_relative
    ) -> None:
        self.vgg, self.layers, self.distance = vgg, layers, distance
        self._network: Any = None

    def open(self, like: Tensor) -> Any:
        """The network, on the device and in the precision of a tensor.

        Raises:
            DataError: There is no such file, or it holds other weights.
            UsageError: It has no such layer.
        """
        if self._network is None or next(self._network.parameters()).device != like.device:
            network = perceptual_network(like, self.vgg)
            up_to_last(network.layers, self.layers, network.name)
            self._network = network
        return self._network

    def __call__(self, made: Tensor, wanted: Tensor) -> Tensor:
        """``[N]``.

        Args:
            made: Pictures in [-1, 1].  # [N, 1 or 3, H, W]
            wanted: What they should be.
        """
        network = self.open(made)
        layers = self.layers or (last_of_blocks(network) if self.vgg else SEEN)
        with torch.no_grad():
            targets = seen(network, wanted, layers)
        return self.distance(seen(network, made, layers), targets)


def weights_fingerprint(vgg: str) -> str:
    """SHA-256 of a file of weights."""
    return checksum(_file(vgg))


def _file(text: str) -> Path:
    return Path(text).expanduser()
