"""Numbers measured on images: attributes that need nobody to write them down.

Contract of a file here: a class ``Measure(*, …)`` with

- ``__call__(images) -> values``: uint8 ``[n, C, H, W]`` to float64 ``[n]``, each image by itself;
- ``words``: what an image with a low and one with a high value is called, e.g. ``("thin", "thick")``;
- ``unit``: of the values, for axes and messages.

Every measure is a label for any set of images: ``--labels thickness`` splits at the median of the training images,
``--labels thickness:parts=3`` at their thirds.
"""

from __future__ import annotations

from typing import Protocol

from torch import Tensor

from belamy.registry import Registry

MEASURES = Registry("belamy.data.measures", "measure", "Measure")


class Measure(Protocol):
    """What the class ``Measure`` of a module here can do."""

    words: tuple[str, str]
    unit: str

    def __call__(self, images: Tensor) -> Tensor:
        """The value of each image, float64.  # [n, C, H, W] -> [n]"""
