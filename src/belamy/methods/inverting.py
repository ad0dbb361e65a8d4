"""What a method that maps samples to latents by an invertible network tells of itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from torch import Tensor

from belamy.data import Batch
from belamy.seeds import SampleDraws


@runtime_checkable
class Inverts(Protocol):
    """Maps samples to latents by a network that can be inverted."""

    def round_trip(self, batch: Batch, draws: SampleDraws) -> Mapping[str, Tensor]:
        """What is lost on the way there and back, and how far the network stretches, of each sample.  # [n] each

        ``data`` is the root mean square error of data that went to latents and back, in their standard deviation;
        ``latents`` that of normal latents that went to data and back; ``stretch`` is ln |det J| over the values. Of
        pictures, ``noise`` is how many levels apart the network sees the same ones at two draws of their noise: a
        third where it is uniform on a level, less at black and white.
        """
        ...
