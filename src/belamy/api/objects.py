"""Painting label maps whose objects each have a look of their own, and editing single ones."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from belamy.api.tiling import mirrored
from belamy.api.translate import unknown_label
from belamy.data.files import read_bounded
from belamy.data.one_file import LARGEST, read_named, read_sample
from belamy.data.pictures import opened_picture, strict_pillow
from belamy.device import choose_device
from belamy.errors import DataError, UsageError, nearest
from belamy.methods.scenes import HasLooks
from belamy.modalities import modality
from belamy.modalities.label_map import classes_in
from belamy.networks.sight import sight
from belamy.ranges import Within
from belamy.runs.run import Run
from belamy.sampling.draw import placement
from belamy.seeds import SampleDraws


@dataclass(frozen=True, eq=False)
class ObjectScene:
    """A label map, its objects, and the look of each; editing makes another one.

    Args:
        method: Of a run that knows looks.
        source: The label map.  # [1, H, W]
        regions: Numbers of the objects; the classes where no objects are known.  # [1, H, W]
        values: The look of each pixel's object.  # [1, F, H, W]
        multiple: What the sides of the method's label maps must be multiples of.
    """

    method: Any
    source: Tensor
    regions: Tensor
    values: Tensor
    multiple: int

    @property
    def objects(self) -> dict[int, str]:
        """The numbers of the objects, and the class of each."""
        return {
            number: self.method.spec.field.classes[self._class(number)] for number in self.regions.unique().tolist()
        }

    def looks(self, number: int) -> Tensor:
        """The looks that an object may take: the clusters of its class.  # [k, F]

        Raises:
            UsageError: There is no such object.
        """
        if number not in self.objects:
            raise UsageError(f"There is no object {number}. {nearest(str(number), list(map(str, self.objects)))}")
        found: Tensor = self.method.clusters(self._class(number))
        return found

    def change(self, number: int, look: int) -> ObjectScene:
        """The scene with another look for an object.

        Args:
            number: Of the object.
            look: Of its looks, counted from 0.

        Raises:
            UsageError: There is no such object or look.
        """
        looks = self.looks(number)
        if not 0 <= look < len(looks):
            known = f"has {len(looks)} look(s), counted from 0" if len(looks) else "was never seen, so it has no looks"
            raise UsageError(f"The look {look} of object {number} is asked for, but its class {known}.")
        there = (self.regions == number).unsqueeze(1)
        return replace(self, values=torch.where(there, looks[look].view(1, -1, 1, 1).to(self.values), self.values))

    @torch.no_grad()
    def picture(self) -> Tensor:
        """The picture of the scene, as files hold it.  # [C, H, W]

        Maps of any size are mirrored at their right and lower ends to what the network's strides divide, and cut again.
        """
        device, dtype = placement(self.method)
        source, regions, values = (
            mirrored(each, self.multiple).to(device) for each in (self.source, self.regions, self.values)
        )
        made = self.method.painted(source, regions, SampleDraws(0, [0]), values.to(dtype))
        target = self.method.output
        raw: Tensor = modality(target.modality).to_raw(made, target._replace(shape=tuple(made.shape[1:])))[0].cpu()
        height, width = self.source.shape[1:]
        return raw[:, :height, :width]

    def _class(self, number: int) -> int:
        return int(self.source[self.regions == number][0])


@torch.no_grad()
def open_scene(
    run: str | Path | Run,
    label_map: str | Path,
    *,
    objects: str | Path | None = None,
    picture: str | Path | None = None,
    seed: int = 0,
    weights: str = "newest",
    device: str = "auto",
) -> ObjectScene:
    """A label map, ready to be painted object by object.

    Args:
        run: Of a method that knows looks: pix2pix-hd with features.
        label_map: The file of the classes.
        objects: The file of the objects' numbers; without it each class is one object.
        picture: The picture whose looks the objects take at first; without it drawn ones.
        seed: Decides drawn looks.
        weights: The ``newest``, or the ``best`` that ``--keep-best`` kept.
        device: Where to compute.

    Raises:
        UsageError: The run's method knows no looks.
        DataError: A file cannot be read, or is of another size than the map.
    """
    opened = run if isinstance(run, Run) else Run.open(run)
    method: Any = opened.method(best=weights == "best").to(choose_device(device)).eval()
    knows: bool = isinstance(method, HasLooks) and method.has_looks
    if not knows:
        raise UsageError(
            f"{opened.path} was trained by '{opened.method_name}', which knows no looks of objects. Train pix2pix-hd "
            "with --features 1 or more."
        )
    Within(0).check("seed", seed)
    unknown = unknown_label(opened.recipe.modality)
    classes = read_named(label_map, lambda path: read_sample(path, method.spec.field, unknown=unknown))
    source = classes.long().unsqueeze(0)
    regions = source if objects is None else read_named(objects, _numbers).long().unsqueeze(0)
    _check_size(objects, tuple(regions.shape[1:]), tuple(source.shape[1:]))
    like, dtype = placement(method)
    multiple = _multiple(method)
    if picture is None:
        looks = method.drawn_looks(source, regions, SampleDraws(seed, [0]))
        return ObjectScene(method, source, regions, looks, multiple)
    field = method.output
    raw = read_named(picture, lambda path: read_sample(path, field)).unsqueeze(0)
    _check_size(picture, tuple(raw.shape[2:]), tuple(source.shape[1:]))
    values = modality(field.modality).to_float(raw, field._replace(shape=tuple(raw.shape[1:])))
    values, whole = (mirrored(each, multiple).to(like) for each in (values.to(dtype), regions))
    height, width = source.shape[1:]
    looks = method.seen_looks(values, whole).cpu()[..., :height, :width]
    return ObjectScene(method, source, regions, looks, multiple)


def _multiple(method: Any) -> int:
    """What the sides of the method's label maps must be multiples of."""
    example = torch.zeros(1, *method.spec.field.shape[-2:], dtype=torch.long, device=placement(method)[0])
    return sight(lambda values: method.painted(values, None, SampleDraws(0, [0])), example).multiple


def described(scene: ObjectScene) -> dict[int, Mapping[str, Any]]:
    """Of each object its class, its pixels and how many looks it may take."""
    return {
        number: {
            "class": name, "pixels": int((scene.regions == number).sum()), "looks": len(scene.looks(number))
        }
        for number, name in scene.objects.items()
    }  # fmt: skip


def _numbers(path: Path) -> Tensor:
    """The numbers of objects in a picture file, beyond 255 too.  # [H, W]"""
    with strict_pillow(), opened_picture(io.BytesIO(read_bounded(path, LARGEST))) as image:
        image.load()
        return torch.from_numpy(np.ascontiguousarray(classes_in(image)))


def _check_size(path: str | Path | None, size: tuple[int, ...], wanted: tuple[int, ...]) -> None:
    if size != wanted:
        (height, width), (high, wide) = size, wanted
        raise DataError(f"{path} has {width}x{height} pixels, but the label map {wide}x{high}. Give one of that size.")
