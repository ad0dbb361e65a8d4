"""What methods that paint label maps are given: maps, objects and the picture, moved and mirrored alike."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol, runtime_checkable

from torch import Tensor

from belamy.data import Batch
from belamy.methods.base import DataSpec
from belamy.methods.movement import shifted
from belamy.methods.pix2pix import INSTANCES, encoded
from belamy.seeds import Draws, SampleDraws


class Scene(NamedTuple):
    """Label maps, or pictures, and what they are to become.

    Args:
        maps: What networks see: a map for each class and one of edges, or a picture.  # [N, C, H, W]
        wanted: The picture, in [-1, 1].  # [N, C, H, W]
        classes: Of each pixel; of pictures None.  # [N, H, W]
        regions: Numbers of the objects, or the classes where those are not known.  # [N, H, W]
    """

    maps: Tensor
    wanted: Tensor
    classes: Tensor | None
    regions: Tensor | None


@runtime_checkable
class HasLooks(Protocol):
    """Paints label maps in a look for each object."""

    @property
    def has_looks(self) -> bool:
        """Whether its recipe asks for looks."""
        ...

    def clusters(self, number: int) -> Tensor:
        """The looks that objects of a class may take.  # [k, F]"""
        ...

    def seen_looks(self, pictures: Tensor, regions: Tensor) -> Tensor:
        """The look of each pixel's object in pictures in [-1, 1].  # [n, F, H, W]"""
        ...

    def drawn_looks(self, source: Tensor, regions: Tensor, draws: SampleDraws) -> Tensor:
        """A look of its class for each object.  # [n, F, H, W]"""
        ...

    def painted(
        self, source: Tensor, instances: Tensor | None, draws: SampleDraws, looks: Tensor | None = None
    ) -> Tensor:
        """Pictures ``[n, C, H, W]`` in [-1, 1] of label maps ``[n, H, W]``, in given looks or in drawn ones."""
        ...


def scene_of(batch: Batch, spec: DataSpec, target: str) -> Scene:
    """The scenes of a batch as they come.

    Args:
        batch: Of data of that kind.
        spec: What the data are.
        target: The field of the pictures.
    """
    wanted, instances = batch[target], batch.fields.get(INSTANCES)
    maps = encoded(batch.main, instances, spec).to(wanted)
    if spec.field.modality == "image":
        return Scene(maps, wanted, None, None)
    return Scene(maps, wanted, batch.main, batch.main if instances is None else instances)


def moved_scene(batch: Batch, spec: DataSpec, target: str, recipe: Any, draw: Draws) -> Scene:
    """The scenes of a batch, moved and mirrored as a recipe's ``jitter`` and ``mirror`` say; edges are found after it.

    Args:
        batch: Of data of that kind.
        spec: What the data are.
        target: The field of the pictures.
        recipe: Has both numbers.
        draw: The step's random numbers.
    """
    named = [name for name in (spec.main, INSTANCES, target) if name in batch.fields]
    whole = [not batch[name].is_floating_point() for name in named]
    fields = [batch[name].unsqueeze(1).double() if numbers else batch[name]
              for name, numbers in zip(named, whole, strict=True)]  # fmt: skip
    modes = ["nearest" if numbers else "bilinear" for numbers in whole]
    found = shifted(fields, modes, recipe, draw)
    values = {name: each.squeeze(1).long() if numbers else each
              for name, each, numbers in zip(named, found, whole, strict=True)}  # fmt: skip
    return scene_of(Batch({**batch.fields, **values}, batch.indices), spec, target)
