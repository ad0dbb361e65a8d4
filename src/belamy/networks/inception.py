"""Inception-v3 as the Fréchet Inception distance uses it: the TensorFlow graph of 2015-12-05."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from belamy.errors import UsageError, nearest

SIDE = 299
CLASSES = 1008
FEATURES = 2048
_COUNTER = "num_batches_tracked"


@dataclass(frozen=True)
class _Unit:
    """One convolution with batch normalisation and ReLU; without padding given, the output keeps its size."""

    name: str
    channels: int
    kernel: tuple[int, int] = (1, 1)
    stride: int = 1
    valid: bool = False


_Branch = tuple["_Unit | str | tuple[_Unit, _Unit]", ...]
"""A chain of units and poolings (``average``, ``max``, ``shrink``); a pair at its end is two units side by side."""


def _block_a(pool: int) -> tuple[_Branch, ...]:
    return (
        (_Unit("branch1x1", 64),),
        (_Unit("branch5x5_1", 48), _Unit("branch5x5_2", 64, (5, 5))),
        (_Unit("branch3x3dbl_1", 64), _Unit("branch3x3dbl_2", 96, (3, 3)), _Unit("branch3x3dbl_3", 96, (3, 3))),
        ("average", _Unit("branch_pool", pool)),
    )


def _block_b() -> tuple[_Branch, ...]:
    double = (_Unit("branch3x3dbl_1", 64), _Unit("branch3x3dbl_2", 96, (3, 3)))
    return (
        (_Unit("branch3x3", 384, (3, 3), 2, valid=True),),
        (*double, _Unit("branch3x3dbl_3", 96, (3, 3), 2, valid=True)),
        ("shrink",),
    )


def _block_c(middle: int) -> tuple[_Branch, ...]:
    kernels = ((1, 1), (7, 1), (1, 7), (7, 1), (1, 7))
    double = [_Unit(f"branch7x7dbl_{place}", middle, kernel) for place, kernel in enumerate(kernels[:-1], start=1)]
    return (
        (_Unit("branch1x1", 192),),
        (_Unit("branch7x7_1", middle), _Unit("branch7x7_2", middle, (1, 7)), _Unit("branch7x7_3", 192, (7, 1))),
        (*double, _Unit("branch7x7dbl_5", 192, kernels[-1])),
        ("average", _Unit("branch_pool", 192)),
    )


def _block_d() -> tuple[_Branch, ...]:
    wide = (_Unit("branch7x7x3_1", 192), _Unit("branch7x7x3_2", 192, (1, 7)), _Unit("branch7x7x3_3", 192, (7, 1)))
    return (
        (_Unit("branch3x3_1", 192), _Unit("branch3x3_2", 320, (3, 3), 2, valid=True)),
        (*wide, _Unit("branch7x7x3_4", 192, (3, 3), 2, valid=True)),
        ("shrink",),
    )


def _block_e(pooling: str) -> tuple[_Branch, ...]:
    def fork(name: str) -> tuple[_Unit, _Unit]:
        return _Unit(f"{name}a", 384, (1, 3)), _Unit(f"{name}b", 384, (3, 1))

    return (
        (_Unit("branch1x1", 320),),
        (_Unit("branch3x3_1", 384), fork("branch3x3_2")),
        (_Unit("branch3x3dbl_1", 448), _Unit("branch3x3dbl_2", 384, (3, 3)), fork("branch3x3dbl_3")),
        (pooling, _Unit("branch_pool", 192)),
    )


_STEM: tuple[_Unit | str, ...] = (
    _Unit("Conv2d_1a_3x3", 32, (3, 3), 2, valid=True),
    _Unit("Conv2d_2a_3x3", 32, (3, 3), valid=True),
    _Unit("Conv2d_2b_3x3", 64, (3, 3)),
    "pool1",
    _Unit("Conv2d_3b_1x1", 80, valid=True),
    _Unit("Conv2d_4a_3x3", 192, (3, 3), valid=True),
    "pool2",
)
_BLOCKS = {
    "Mixed_5b": _block_a(32), "Mixed_5c": _block_a(64), "Mixed_5d": _block_a(64),
    "Mixed_6a": _block_b(),
    "Mixed_6b": _block_c(128), "Mixed_6c": _block_c(160), "Mixed_6d": _block_c(160), "Mixed_6e": _block_c(192),
    "Mixed_7a": _block_d(),
    "Mixed_7b": _block_e("average"), "Mixed_7c": _block_e("max"),
}  # fmt: skip
LAYERS = (*(unit if isinstance(unit, str) else unit.name for unit in _STEM), *_BLOCKS, "pool3", "logits")
"""In order. FID's feature sizes 64, 192, 768 and 2048 are ``pool1``, ``pool2``, ``Mixed_6e`` and ``pool3``."""


class Inception(nn.Module):
    """Inception-v3 with 1,008 outputs and no auxiliary head; 23,850,960 parameters.

    Its parameters bear torchvision's names, as the ported weights do. It differs from torchvision's network as the
    original graph does: average poolings leave the padding out of the mean, and the last block pools by maximum. The
    logits come without the last layer's bias, as the Inception Score has them.

    References:
        Szegedy et al. 2015, arXiv 1512.00567; as a measure: Salimans et al. 2016, arXiv 1606.03498, and Heusel et al.
        2017, arXiv 1706.08500.

    Example:
        >>> network = Inception().eval()
        >>> outputs = network.outputs(torch.zeros(1, 3, 299, 299), ["pool1", "Mixed_5b"])
        >>> outputs["pool1"].shape, outputs["Mixed_5b"].shape
        (torch.Size([1, 64, 73, 73]), torch.Size([1, 256, 35, 35]))
    """

    layers = LAYERS

    def __init__(self) -> None:
        super().__init__()
        channels, units = 3, [unit for unit in _STEM if isinstance(unit, _Unit)]
        for unit in units:
            self.add_module(unit.name, _Convolution(channels, unit))
            channels = unit.channels
        for name, branches in _BLOCKS.items():
            block = _Block(channels, branches)
            self.add_module(name, block)
            channels = block.channels
        self.fc = nn.Linear(channels, CLASSES)

    @classmethod
    def published(cls, tensors: Mapping[str, Tensor]) -> Self:
        """The network with the published weights, frozen, in evaluation mode.

        Args:
            tensors: The state dict of ``pt_inception-2015-12-05``, all of it and nothing else; the counters of batch
                normalisation, which depend on the version that saved it, may be there or not.

        Raises:
            UsageError: A tensor is missing, is one too many or has another shape.
        """
        with torch.device("meta"):  # no time is lost on first values
            network = cls()
        counters = {name: torch.tensor(0) for name in network.state_dict() if name.endswith(_COUNTER)}
        try:
            network.load_state_dict(counters | dict(tensors), assign=True)
        except RuntimeError as error:
            raise UsageError(
                f"The weights are not those of FID's Inception-v3: {_first_fault(str(error))}. Give "
                "pt_inception-2015-12-05-6726825d.pth."
            ) from error
        return network.float().eval().requires_grad_(False)

    def prepare(self, images: Tensor) -> Tensor:
        """What the network is fed, (255 x - 128) / 128, from RGB or grey images in [0, 1] of 299×299."""
        return (images.expand(-1, 3, -1, -1) * 255 - 128) / 128

    def outputs(self, prepared: Tensor, names: Sequence[str]) -> dict[str, Tensor]:
        """Outputs of layers by name; nothing after the last of them is computed.

        Args:
            prepared: What ``prepare`` gives.  # [N, 3, 299, 299]
            names: Of ``layers``, in any order.

        Raises:
            UsageError: There is no such layer.
        """
        for name in names:
            if name not in LAYERS:
                raise UsageError(f"Inception-v3 has no layer '{name}'. {nearest(name, LAYERS)}")
        last = max((LAYERS.index(name) for name in names), default=-1)
        found, features = {}, prepared
        for name in LAYERS[: last + 1]:
            if name in ("pool1", "pool2"):
                features = F.max_pool2d(features, 3, 2)
            elif name == "pool3":
                features = features.mean((2, 3))  # [N, 2048]
            elif name == "logits":
                features = F.linear(features, self.fc.weight)  # [N, 1008]
            else:
                features = self.get_submodule(name)(features)
            if name in names:
                found[name] = features
        return found

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Features ``[N, 2048]`` and logits ``[N, 1008]`` without bias, of images in [0, 1]."""
        found = self.outputs(self.prepare(images), ("pool3", "logits"))
        return found["pool3"], found["logits"]


class _Convolution(nn.Module):
    def __init__(self, incoming: int, unit: _Unit) -> None:
        super().__init__()
        padding = (0, 0) if unit.valid else (unit.kernel[0] // 2, unit.kernel[1] // 2)
        self.conv = nn.Conv2d(incoming, unit.channels, unit.kernel, unit.stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(unit.channels, eps=0.001)

    def forward(self, images: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(images)))


class _Block(nn.Module):
    """Branches side by side, their channels one after the other."""

    def __init__(self, incoming: int, branches: tuple[_Branch, ...]) -> None:
        super().__init__()
        self.branches, self.channels = branches, 0
        for branch in branches:
            channels = incoming
            for step in branch:
                pair: tuple[Any, ...] = step if isinstance(step, tuple) else (step,)
                units = [unit for unit in pair if isinstance(unit, _Unit)]
                for unit in units:
                    self.add_module(unit.name, _Convolution(channels, unit))
                channels = sum(unit.channels for unit in units) or channels
            self.channels += channels

    def forward(self, images: Tensor) -> Tensor:
        return torch.cat([self._follow(branch, images) for branch in self.branches], 1)

    def _follow(self, branch: _Branch, features: Tensor) -> Tensor:
        for step in branch:
            if isinstance(step, _Unit):
                features = self.get_submodule(step.name)(features)
            elif isinstance(step, tuple):
                features = torch.cat([self.get_submodule(unit.name)(features) for unit in step], 1)
            elif step == "average":
                features = F.avg_pool2d(features, 3, 1, 1, count_include_pad=False)
            else:
                features = F.max_pool2d(features, 3, *((2, 0) if step == "shrink" else (1, 1)))
        return features


def _first_fault(text: str) -> str:
    """The first complaint of ``load_state_dict``, on one line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return (lines[1] if len(lines) > 1 else lines[0]).rstrip(". ")[:200]
