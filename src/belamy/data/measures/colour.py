"""Which colours an image has."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from belamy.errors import UsageError, nearest

CHANNELS = ("red", "green", "blue")


class Measure:
    """One number about the colours of all pixels.

    - ``saturation``: mean of the largest channel minus the smallest, 0 (grey) to 1;
    - ``hue``: direction, in degrees from 0 (red) over 120 (green) to 360, of the sum of all pixels as vectors in the
      plane across the grey axis; a pixel counts by its colourfulness, and grey images have 0;
    - ``red``, ``green``, ``blue``: mean of the channel minus the mean of the other two, -1 to 1.

    Args:
        kind: ``saturation``, ``hue``, ``red``, ``green`` or ``blue``.

    Raises:
        UsageError: There is no such kind.
    """

    unit = "of 1"

    def __init__(self, *, kind: str = "saturation") -> None:
        known = ("saturation", "hue", *CHANNELS)
        if kind not in known:
            raise UsageError(f"There is no kind of colour '{kind}'. {nearest(kind, known)}")
        others = {"saturation": ("pale", "colourful"), "hue": ("low hue", "high hue")}
        self.words = others.get(kind, (f"less {kind}", f"more {kind}"))
        self.unit = "degrees" if kind == "hue" else "of 1"
        ways: dict[str, Callable[[Tensor], Tensor]] = {"saturation": _saturation, "hue": _hue}
        self._way = ways.get(kind, lambda values: _excess(values, CHANNELS.index(kind)))

    def __call__(self, images: Tensor) -> Tensor:
        """The number of each image; of grey images 0."""
        values = images.double() / 255
        return self._way(values) if values.shape[1] == len(CHANNELS) else values.new_zeros(len(values))


def _saturation(values: Tensor) -> Tensor:
    return (values.amax(1) - values.amin(1)).mean((1, 2))


def _hue(values: Tensor) -> Tensor:
    red, green, blue = values.mean((2, 3)).unbind(1)
    opponent = 3**0.5 / 2 * (green - blue)
    along = red - (green + blue) / 2
    grey = torch.hypot(along, opponent) < 1e-12
    return torch.where(grey, 0.0, torch.atan2(opponent, along).rad2deg() % 360)


def _excess(values: Tensor, channel: int) -> Tensor:
    means = values.mean((2, 3))
    return means[:, channel] - (means.sum(1) - means[:, channel]) / 2
