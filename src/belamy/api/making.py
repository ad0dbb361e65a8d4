"""What a trained method makes of samples: those of one shape together, pictures of any size, large ones in tiles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from belamy.api.given_files import own_field
from belamy.api.tiling import SHARE, Plan, in_tiles, mirrored, plan
from belamy.data.one_file import pieces
from belamy.device import free_memory
from belamy.errors import UsageError
from belamy.modalities import modality
from belamy.modalities.fields import Field
from belamy.networks.sight import FieldOfView, sight
from belamy.ranges import Within
from belamy.sampling.draw import placement
from belamy.seeds import SampleDraws

Progress = Callable[[int, int], None]
Translate = Callable[[Tensor, SampleDraws], Tensor]

LEAST_TILE = 16
"""Side of the smallest tile, in pixels."""
_PICTURES = ("image", "label_map")


@dataclass(frozen=True)
class Manner:
    """How samples pass.

    Args:
        seed: Decides what is random, with the place of the sample.
        batch: Samples of one shape that pass together.
        tile: Longest side of a tile; None for tiles where memory needs them.
        overlap: Of tiles, in pixels; None for as many as the network sees.
    """

    seed: int = 0
    batch: int = 16
    tile: int | None = None
    overlap: int | None = None

    def check(self, field: Field) -> None:
        """Refuse what cannot be before anything is read.

        Raises:
            UsageError: A number out of range, or tiles of what are no pictures.
        """
        Within(0).check("seed", self.seed)
        Within(1).check("batch", self.batch)
        if self.tile is not None:
            Within(LEAST_TILE).check("tile", self.tile)
        if self.overlap is not None:
            Within(0).check("overlap", self.overlap)
        if field.modality not in _PICTURES and (self.tile is not None or self.overlap is not None):
            raise UsageError(
                f"Tiles belong to pictures, but these are {modality(field.modality).words[1]}. Leave --tile and "
                "--overlap out."
            )


@torch.no_grad()
def made(
    method: Any, work: Translate, inputs: Sequence[Tensor], source: Field, target: Field, manner: Manner,
    progress: Progress | None = None,
) -> tuple[list[Tensor], list[str]]:  # fmt: skip
    """What is made of inputs, in order, and what a user should know.

    Pictures whose sides the network's stride does not divide are mirrored at their right and lower ends, and cut again.

    Args:
        method: What is at work; its device, and the shape that it learned from.
        work: The way it goes.
        inputs: As files hold them.
        source: What they are.
        target: What is made.
        manner: How they pass.
        progress: Called with (done, total).

    Raises:
        UsageError: The method takes no inputs of such a size, or no tiles.
    """
    method.eval()
    maker = Maker(work, source, target, manner, *placement(method))
    found: list[Tensor] = []
    for some in pieces([tuple(each.shape) for each in inputs], manner.batch):
        found += maker.made([inputs[number] for number in some], some)
        if progress is not None:
            progress(some.stop, len(inputs))
    return found, sorted(maker.notes)


class Maker:
    """A way through a method, and what is known of how far its network sees.

    Args:
        work: The way.
        source: What is given.
        target: What is made.
        manner: How samples pass.
        device: Where.
        dtype: Of the network's weights.
    """

    def __init__(
        self, work: Translate, source: Field, target: Field, manner: Manner, device: torch.device, dtype: torch.dtype
    ) -> None:
        self.work, self.source, self.target, self.manner = work, source, target, manner
        self.device, self.dtype = device, dtype
        self.sights: dict[int, FieldOfView] = {}
        self.notes: set[str] = set()

    def made(self, inputs: Sequence[Tensor], numbers: Sequence[int]) -> list[Tensor]:
        """What is made of inputs of one shape.

        Args:
            inputs: As files hold them.
            numbers: Of each, which decide what is random.
        """
        first, manner = inputs[0], self.manner
        pictures = self.source.modality in _PICTURES
        if not pictures or (manner.tile is None and first.shape[-2:] == self.source.shape[-2:]):
            return self._together(inputs, numbers)
        seen = self._sight(first)
        sides, free = tuple(first.shape[-2:]), free_memory(self.device)
        whole = [mirrored(raw, seen.multiple) for raw in inputs]
        cost = seen.memory * whole[0].shape[-1] * whole[0].shape[-2]
        if max(sides) > manner.tile if manner.tile else cost > SHARE * free:
            chosen = plan(seen, manner.tile, manner.overlap, free)
            self._tell(seen, chosen)
            found = [self._in_tiles(raw, number, seen, chosen) for raw, number in zip(whole, numbers, strict=True)]
        else:
            most = max(1, int(SHARE * free / cost))
            found = [
                each
                for start in range(0, len(whole), most)
                for each in self._together(whole[start : start + most], numbers[start : start + most])
            ]
        height, width = (int(side * seen.enlargement) for side in sides)
        return [each[..., :height, :width] for each in found]

    def see_frame(self, raw: Tensor) -> Tensor:
        """A frame of a film as networks see it, a batch of one, ``[1, …]``."""
        shape = (1, *raw.shape)
        values = modality(self.source.modality).to_float(
            raw[None, None].to(self.device), self.source._replace(shape=shape)
        )
        return (values.to(self.dtype) if values.is_floating_point() else values)[:, 0]

    def keep_frame(self, values: Tensor) -> Tensor:
        """A frame that networks made, ``[1, C, H, W]``, as files hold it.  # [C, H, W]"""
        own = self.target._replace(shape=(1, *values.shape[1:]))
        return modality(self.target.modality).to_raw(values[:, None], own)[0, 0].cpu()

    def _together(self, inputs: Sequence[Tensor], numbers: Sequence[int]) -> list[Tensor]:
        values = self.work(self._see(torch.stack(list(inputs))), SampleDraws(self.manner.seed, numbers))
        return list(self._keep(values, inputs[0]))

    def _in_tiles(self, raw: Tensor, number: int, seen: FieldOfView, chosen: Plan) -> Tensor:
        return in_tiles(
            lambda values: self.work(values, SampleDraws(self.manner.seed, [number])),
            lambda cut: self._see(cut[None]), lambda values: self._keep(values[None], raw)[0], raw, seen, chosen,
        )  # fmt: skip

    def _see(self, raw: Tensor) -> Tensor:
        """A batch as networks see it."""
        values = modality(self.source.modality).to_float(raw.to(self.device), own_field(self.source, raw[0]))
        return values.to(self.dtype) if values.is_floating_point() else values

    def _keep(self, values: Tensor, like: Tensor) -> Tensor:
        """A batch as files hold it, pictures of pictures as deep as these."""
        own = own_field(self.target, like) if self.source.modality == self.target.modality else self.target
        return modality(self.target.modality).to_raw(values, own._replace(shape=tuple(values.shape[1:]))).cpu()

    def _sight(self, raw: Tensor) -> FieldOfView:
        """How far the network sees, which is traced once for each number of channels."""
        key = raw.shape[0] if raw.ndim > 2 else 0
        if key not in self.sights:
            example = torch.zeros(*raw.shape[:-2], *self.source.shape[-2:], dtype=raw.dtype)
            seed = self.manner.seed
            self.sights[key] = sight(lambda values: self.work(values, SampleDraws(seed, [0])), self._see(example[None]))
        return self.sights[key]

    def _tell(self, seen: FieldOfView, chosen: Plan) -> None:
        apart = f"; that is fewer than the {seen.reach} that the network sees, so tiles differ a little from the whole"
        self.notes.add(
            f"large pictures passed in tiles of up to {chosen.side} pixels that overlap by {chosen.margin}"
            + ("" if chosen.exact else apart)
        )
