"""Flows of several resolutions: after each, half of the channels are done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from belamy.errors import UsageError
from belamy.networks.invertible import ActNorm, InvertibleBatchNorm, Squeeze, Standardisation

MOST_STEPS, MOST_WIDTH = 64, 4096


class FlowLevels(nn.Module):
    """Invertible layers in levels, from pictures to independent standard normal numbers.

    References:
        Dinh et al. 2017, arXiv 1605.08803, section 3.6.

    Args:
        shape: Of a picture.
        levels: The layers of each level.
        splits: What tells the half that is done after each level but the last; its own numbers where None.
        top: What tells the last level's.
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        levels: Sequence[Sequence[nn.Module]],
        splits: Sequence[Standardisation | None],
        top: Standardisation,
    ) -> None:
        super().__init__()
        self.shape = shape
        self.levels: Any = nn.ModuleList(nn.ModuleList(level) for level in levels)
        self.splits: Any = nn.ModuleList(split or nn.Identity() for split in splits)
        self.top = top

    def forward(self, images: Tensor, labels: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Standard normal numbers and ln |det J|.  # [N, C, H, W] to [N, C H W], [N]"""
        return self._through(images, labels, begins=False)

    def begin(self, images: Tensor) -> None:
        """Set what is first set by a batch.  # [N, C, H, W]"""
        with torch.no_grad():
            self._through(images, None, begins=True)

    def _through(self, x: Tensor, labels: Tensor | None, begins: bool) -> tuple[Tensor, Tensor]:
        total, found = x.new_zeros(len(x)), []
        for number, level in enumerate(self.levels):
            for layer in level:
                if begins and isinstance(layer, ActNorm | InvertibleBatchNorm):
                    layer.begin(x)
                x, told = layer.there(x)
                total = total + told
            if number < len(self.splits):
                x, done = x.chunk(2, 1)
                if isinstance(self.splits[number], Standardisation):
                    done, told = self.splits[number].there(done, x)
                    total = total + told
                found.append(done.flatten(1))
        x, told = self.top.there(x, x, labels)
        return torch.cat([*found, x.flatten(1)], 1), total + told

    def inverse(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """Pictures of standard normal numbers.  # [N, C H W] to [N, C, H, W]"""
        parts, size = [], self.shape
        for number, level in enumerate(self.levels):
            size = squeezed(size, level)
            if number < len(self.splits):
                size = (size[0] // 2, *size[1:])
                parts.append(size)
        counts = [channels * height * width for channels, height, width in (*parts, size)]
        *done, last = latents.split(counts, 1)
        x = last.unflatten(1, size)
        x = self.top.back(x, x, labels)
        for number, level in reversed(list(enumerate(self.levels))):
            if number < len(self.splits):
                half = done[number].unflatten(1, parts[number])
                if isinstance(self.splits[number], Standardisation):
                    half = self.splits[number].back(half, x)
                x = torch.cat([x, half], 1)
            for layer in reversed(level):
                x = layer.back(x)
        return x


def squeezed(size: tuple[int, int, int], level: Sequence[nn.Module]) -> tuple[int, int, int]:
    """The size of what leaves a level."""
    channels, height, width = size
    for _ in (layer for layer in level if isinstance(layer, Squeeze)):
        channels, height, width = 4 * channels, height // 2, width // 2
    return (channels, height, width)


def check_flow(shape: tuple[int, int, int], halvings: int, **counts: int) -> None:
    """Refuse what cannot be halved so often, and counts out of range.

    Raises:
        UsageError: So it is.
    """
    for name, value in counts.items():
        most = MOST_WIDTH if name == "width" else MOST_STEPS
        if not 1 <= value <= most:
            raise UsageError(f"{name} is {value:,}, but it must be 1 to {most:,}, e.g. {name}=4.")
    _, height, width = shape
    if height % 2**halvings or width % 2**halvings:
        raise UsageError(
            f"The pictures are {width} x {height} pixels, and a flow of these levels halves the sides {halvings} "
            f"times. Choose --size {max(2**halvings, height // 2**halvings * 2**halvings)}, or fewer levels."
        )


def told_by(inputs: int, outputs: int, width: int, blocks: int) -> nn.Module:
    """A residual network of 3 x 3 convolutions whose last layer begins at zero.

    Args:
        inputs: Channels that come in.
        outputs: Channels that go out.
        width: Channels within.
        blocks: Residual blocks; with none, three layers.
    """
    last = nn.Conv2d(width, outputs, 3, padding=1)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)  # type: ignore[arg-type]
    if not blocks:
        middle: list[nn.Module] = [nn.ReLU(), nn.Conv2d(width, width, 1), nn.ReLU()]
    else:
        middle = [*(ResidualOfFlow(width) for _ in range(blocks)), nn.ReLU()]
    return nn.Sequential(nn.Conv2d(inputs, width, 3, padding=1), *middle, last)


class ResidualOfFlow(nn.Module):
    """Two convolutions with batch normalisation beside the identity.

    Args:
        width: Channels.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.BatchNorm2d(width), nn.ReLU(), nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width), nn.ReLU(), nn.Conv2d(width, width, 1, bias=False),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        """As many channels.  # [N, C, H, W]"""
        return x + self.layers(x)
