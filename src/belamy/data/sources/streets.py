"""Drawn streets: label maps, the objects in them, and pictures in four lights."""

from __future__ import annotations

import numpy as np
import torch

from belamy.data.dataset import Attribute, Column, Dataset, Memory
from belamy.data.load_options import LoadOptions
from belamy.data.streets import CLASSES, LIGHTS, street
from belamy.errors import UsageError
from belamy.modalities.fields import Field
from belamy.ranges import Within


class Source:
    """Label maps of nine classes, with ``target``, the picture, and ``instances``, the objects.

    Sky, hills, grass and a road, and on them houses, roofs, trees and cars, each in a paint of its own. The light of a
    picture (day, evening, night, winter, in turn) is told by no label: it is the attribute ``light``, and what a style
    should come to mean.

    Args:
        side: Of the scenes, in pixels; ``--size`` asks for others, also oblong ones.
        count: How many scenes.

    Example:
        >>> from belamy.data import open_data
        >>> data = open_data("streets:count=24,side=32")
        >>> {name: field.shape for name, field in data.spec.fields.items()}
        {'label_map': (32, 32), 'target': (3, 32, 32), 'instances': (32, 32)}
    """

    def __init__(self, *, side: int = 64, count: int = 400) -> None:
        self.side = Within(16, 512).check("streets.side", side)
        self.count = Within(8, 100_000).check("streets.count", count)

    def open(self, options: LoadOptions) -> Dataset:
        """The scenes, drawn in the size that is asked for.

        Raises:
            UsageError: Other channels or labels are asked for, a side below 16, or more than fits into the memory.
        """
        height, width = options.sides or (self.side, self.side)
        if options.channels not in (None, 3):
            raise UsageError(f"streets are in colour, but --channels is {options.channels}. Leave it out.")
        if options.labels not in (None, "light"):
            raise UsageError(f"streets have the attribute 'light', not '{options.labels}'. Type --labels light.")
        for side in (height, width):
            Within(16, 512).check("The side of streets", side)
        each = 11 * height * width  # bytes: a picture and two maps
        if self.count * each > options.memory_budget:
            raise UsageError(
                f"{self.count:,} streets of {width}x{height} take {self.count * each:,} bytes, more than the memory "
                f"budget of {options.memory_budget:,}. Type a smaller --size, or a smaller count."
            )
        drawn = []
        for number in range(self.count):
            drawn.append(street(number, height, width))
            if options.progress is not None and (number + 1) % 50 == 0:
                options.progress(number + 1, self.count)
        maps = torch.from_numpy(np.stack([scene.classes for scene in drawn])).int()
        objects = torch.from_numpy(np.stack([scene.objects for scene in drawn]))
        pictures = torch.from_numpy(np.stack([scene.picture for scene in drawn])).permute(0, 3, 1, 2).contiguous()
        lights = torch.tensor([scene.light for scene in drawn])
        extra = {
            "target": Column(Field("image", (3, height, width)), Memory(pictures)),
            "instances": Column(Field("label_map", (height, width)), Memory(objects)),
        }
        return Dataset(
            "streets", Memory(maps), field=Field("label_map", (height, width), CLASSES), extra=extra,
            labels=lights if options.labels else None, classes=LIGHTS if options.labels else (),
            attributes={"light": Attribute(LIGHTS, lights)}, licence="CC0: drawn here",
        )  # fmt: skip
