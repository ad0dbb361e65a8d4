"""What methods that fill holes of pictures have in common: holes by opacity, known pixels kept, seams, rivals."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from belamy.data import Batch
from belamy.data.holes import HoleShapes
from belamy.errors import UsageError
from belamy.methods.base import UNTOUCHED, BaseMethod, DataSpec
from belamy.methods.movement import mirrored
from belamy.modalities.fields import Field as DataField
from belamy.seeds import Draws, SampleDraws, generator

OPAQUE = 0.999
"""A pixel is known if its opacity, in [-1, 1], is at least this; any transparency is a hole."""


class FillsHoles(BaseMethod):
    """A method that learns to fill holes: it makes its own inputs of whole pictures.

    Its inputs are pictures with opacity, transparent in the holes. What is filled in is put between the known pixels,
    which stay as they are, bit for bit. A method has the network that fills as ``generator``, and ``mirror`` in its
    recipe.

    Args:
        recipe: What decides the outcome.
        spec: What the data decide.
        holes: What is drawn into pictures.

    Raises:
        UsageError: Pictures that have opacity themselves, or channels that are no colours.
    """

    source = "holed"
    generator: Any

    def __init__(self, recipe: Any, spec: DataSpec, holes: HoleShapes) -> None:
        super().__init__(recipe, spec)
        self.target, self.holes = spec.main, holes
        channels = spec.shape[0]
        if channels not in (1, 3):
            raise UsageError(
                f"Holes of grey or colour pictures are filled, and opacity says where they are; these have {channels} "
                "channels. Type --channels 3 --alpha white."
            )

    def drawn(self, batch: Batch, draw: Draws) -> tuple[Tensor, Tensor]:
        """Pictures of a batch, and what is known of them, holes drawn anew for each step."""
        wanted = batch[self.target]
        if self.recipe.mirror:
            wanted = mirrored(wanted, draw.uniform("mirror", len(batch)) < 0.5)
        digits = (draw.uniform("holes", len(batch), 3).double() * 256).long()  # as many as half precision tells apart
        chosen = [first * 65_536 + second * 256 + third for first, second, third in digits.tolist()]
        return wanted, self.known(wanted, SampleDraws(self.recipe.seed, chosen))

    def filled(self, pictures: Tensor, known: Tensor) -> Tensor:
        """What the generator makes of pictures of which this is known.  # [N, C, H, W]"""
        made: Tensor = self.generator(torch.where(known > 0, pictures, 0), known)
        return made

    def known(self, pictures: Tensor, draws: SampleDraws) -> Tensor:
        """What is known of pictures into which holes are drawn, by their numbers alone.  # [N, 1, H, W]"""
        streams = [generator(draws.seed, "holes", index) for index in draws.indices]
        return self.holes.known((pictures.shape[2], pictures.shape[3]), streams, pictures)

    @property
    def degraded(self) -> DataField:
        """Pictures with opacity: what is not opaque is a hole."""
        channels, *sides = self.spec.shape
        return self.spec.field._replace(shape=(channels + 1, *sides))

    def degrade(self, values: Tensor, draws: SampleDraws) -> Tensor:
        """Pictures with holes, transparent there and of the middle grey.  # [N, C + 1, H, W]"""
        known = self.known(values, draws)
        return torch.cat([torch.where(known > 0, values, 0), 2 * known - 1], 1)

    def translate(self, source: Tensor, draws: SampleDraws) -> Tensor:
        """Pictures ``[n, C, H, W]`` whose holes are filled; the known pixels are what they were.

        Args:
            source: Pictures in [-1, 1] with opacity; what is not opaque is filled.  # [n, C + 1, H, W]
            draws: Nothing is drawn.
        """
        return self.fill(source)

    def fill(self, source: Tensor, feather: int = 0) -> Tensor:
        """See ``translate``; the seam may be feathered.

        Args:
            source: Pictures in [-1, 1] with opacity.  # [n, C + 1, H, W]
            feather: So many pixels into the holes what is filled in is shifted to join the known pixels; 0 for not.
        """
        pictures, known = parted(source)
        made = self.filled(pictures, known)
        if feather:
            made = made + joining(pictures - made, known, feather)
        return torch.where(known > 0, pictures, made)

    def rivals(self, source: Tensor) -> Mapping[str, Tensor]:
        """The pictures with middle grey in their holes, and with means of what surrounds them."""
        pictures, known = parted(source)
        return {UNTOUCHED: torch.where(known > 0, pictures, 0), "surroundings": surrounded(pictures, known)}

    def show(self, batch: Batch, draws: SampleDraws) -> Mapping[str, tuple[DataField, Tensor]]:
        """Pictures with holes, filled, and as they were."""
        field, wanted = self.spec.field, batch[self.target]
        source = self.degrade(wanted, draws)
        return {
            "input": (self.degraded, source), "output": (field, self.translate(source, draws)),
            "target": (field, wanted),
        }  # fmt: skip


def parted(source: Tensor) -> tuple[Tensor, Tensor]:
    """Pictures ``[N, C, H, W]``, and 1 where they are known, ``[N, 1, H, W]``, from pictures with opacity."""
    return source[:, :-1], (source[:, -1:] >= OPAQUE).to(source.dtype)


def surrounded(pictures: Tensor, known: Tensor, halvings: int = sys.maxsize) -> Tensor:
    """Pictures whose holes are filled by means of known pixels, of ever larger surroundings where those know none.

    Args:
        pictures: Anything in the holes.  # [N, C, H, W]
        known: 1 where pixels are known.  # [N, 1, H, W]
        halvings: How often surroundings grow at most, to twice the size each time; what they do not reach is 0.
    """
    means = torch.where(known > 0, pictures, 0)
    if halvings == 0 or max(pictures.shape[2:]) == 1 or bool((known > 0).all()):
        return means
    share = F.avg_pool2d(known, 2, ceil_mode=True)
    small = F.avg_pool2d(means * known, 2, ceil_mode=True) / torch.where(share > 0, share, 1)
    coarse = surrounded(small, (share > 0).to(known), halvings - 1)
    return torch.where(known > 0, pictures, F.interpolate(coarse, pictures.shape[2:], mode="bilinear"))


def joining(error: Tensor, known: Tensor, width: int) -> Tensor:
    """What to add in holes so that their seams join: the error of the nearest known pixels, less the farther in.

    Args:
        error: What is known less what was made; anything in the holes.  # [N, C, H, W]
        known: 1 where pixels are known.  # [N, 1, H, W]
        width: How far it reaches into the holes, in pixels.
    """
    kernel = 2 * width + 1
    share = F.avg_pool2d(known, kernel, 1, width, count_include_pad=False)
    means = F.avg_pool2d(error * known, kernel, 1, width, count_include_pad=False)
    return means / share.clamp_min(0.5)
