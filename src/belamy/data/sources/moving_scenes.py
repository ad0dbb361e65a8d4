"""Drawn scenes that move: films of label maps, of objects, of pictures, and their exact optical flow."""

from __future__ import annotations

import numpy as np
import torch

from belamy.data.dataset import Column, Dataset, Memory
from belamy.data.load_options import LoadOptions
from belamy.data.moving_scenes import CLASSES, MovingScene
from belamy.errors import UsageError
from belamy.modalities.fields import Field
from belamy.ranges import Within

RATE, LENGTH = 12, 12
_BYTES = 23
"""Of a pixel of a frame: two maps, a picture and the flow."""


class Source:
    """Films of label maps of seven classes, with ``target``, the film, ``instances``, the objects, and ``flow``.

    A landscape before a swinging camera, and in it trees, balloons, wheels that turn and carts. The flow leads from
    each pixel to its place in the frame before, in pixels, and says whether it was seen there; all of it is exact. The
    colours and patterns of a film are told by no label.

    Args:
        side: Of the frames, in pixels.
        count: How many films.
        things: How many things move in each.

    Example:
        >>> from belamy.data import open_data
        >>> data = open_data("moving-scenes:count=24", length=4)
        >>> {name: field.shape for name, field in data.spec.fields.items()}
        {'label_film': (4, 32, 32), 'target': (4, 3, 32, 32), 'instances': (4, 32, 32), 'flow': (4, 3, 32, 32)}
    """

    def __init__(self, *, side: int = 32, count: int = 120, things: int = 4) -> None:
        self.side = Within(16, 256).check("moving-scenes.side", side)
        self.count = Within(8, 100_000).check("moving-scenes.count", count)
        self.things = Within(1, 12).check("moving-scenes.things", things)

    def open(self, options: LoadOptions) -> Dataset:
        """Films of ``length`` frames, 12 by default, at 12 frames a second.

        Raises:
            UsageError: Labels, another rate or kind are asked for, or more than fits into the
                memory.
        """
        if options.labels is not None:
            raise UsageError("moving-scenes have no labels. Leave --labels out.")
        if options.kind is not None and options.kind.options:
            raise UsageError("moving-scenes are drawn, not read: leave the options of --modality out.")
        if options.rate not in (None, RATE):
            raise UsageError(f"moving-scenes have {RATE} frames a second, but --rate is {options.rate}. Leave it out.")
        length, side = options.length or LENGTH, self.side
        if (needed := self.count * length * side * side * _BYTES) > options.memory_budget:
            raise UsageError(
                f"{self.count:,} films of {length} frames of {side}x{side} take {needed:,} bytes, more than the memory "
                f"budget of {options.memory_budget:,}. Type a smaller --length or count."
            )
        shape = (self.count, length, side, side)
        maps, objects = torch.zeros(shape, dtype=torch.int32), torch.zeros(shape, dtype=torch.int32)
        films = torch.zeros(self.count, length, 3, side, side, dtype=torch.uint8)
        flows = torch.zeros(self.count, length, 3, side, side)
        for number in range(self.count):
            scene = MovingScene(number, side, self.things)
            for time in range(length):
                frame = scene.frame(time)
                maps[number, time] = torch.from_numpy(frame.classes.astype(np.int32))
                objects[number, time] = torch.from_numpy(frame.objects)
                films[number, time] = torch.from_numpy(frame.picture).movedim(-1, 0)
                flows[number, time] = torch.from_numpy(frame.flow)
            if options.progress is not None and (number + 1) % 20 == 0:
                options.progress(number + 1, self.count)
        extra = {
            "target": Column(Field("video", (length, 3, side, side), rate=float(RATE)), Memory(films)),
            "instances": Column(Field("label_film", shape[1:], rate=float(RATE)), Memory(objects)),
            "flow": Column(Field("flow", (length, 3, side, side), rate=float(RATE)), Memory(flows)),
        }
        return Dataset(
            "moving-scenes", Memory(maps), field=Field("label_film", shape[1:], CLASSES, rate=float(RATE)),
            extra=extra, licence="CC0: drawn here",
        )  # fmt: skip
