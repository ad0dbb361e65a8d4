"""Probes: judgements of a method itself, which samples alone do not allow.

Contract of a file here: a class ``Probe(*, …)`` with ``measure(method, data, extractor, seed)``, which gives named
numbers with their intervals, and the class attribute ``needs_extractor``. A probe asks the method for a capability and
says so where it is missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import torch
from torch import Tensor

from belamy.data import Dataset, to_float
from belamy.errors import UsageError
from belamy.evaluation.features import Extractor
from belamy.evaluation.statistics import Interval
from belamy.methods.base import BaseMethod
from belamy.registry import Registry

PROBES = Registry("belamy.evaluation.probes", "probe", "Probe")

_LEVEL = 1 / 127.5
"""A step of 8-bit pixels, on the scale [-1, 1]."""


class Probe(Protocol):
    """What a probe can do.

    Attributes:
        needs_extractor: Whether it needs an extractor; None may be given where not.
    """

    needs_extractor: bool

    def measure(
        self, method: BaseMethod, data: Dataset, extractor: Extractor | None, seed: int = 0
    ) -> dict[str, Interval]:
        """Named numbers with their intervals of 95 %.

        Args:
            method: A trained method; its mode is as before afterwards.
            data: What it was trained on; images of its split ``test`` are shown to it.
            extractor: Turns images into features.
            seed: Of everything drawn.

        Raises:
            UsageError: The method lacks the capability, and what to judge instead.
        """
        ...


def held_out(data: Dataset, count: int) -> Iterator[Tensor]:
    """The first images that were not learned from, 250 at a time.  # [n, C, H, W] float32 in [-1, 1]

    Raises:
        UsageError: No image is held out, or none is wanted.
    """
    if count < 2:
        raise UsageError(f"count is {count}, but an interval needs at least 2 images.")
    if not len(data.held_out):
        raise UsageError(f"{data.name} holds no images out, so what was learned cannot be told from what was seen.")
    for kept in data.indices("test")[:count].split(250):
        yield to_float(data.images(kept))


@contextmanager
def evaluating(method: BaseMethod) -> Iterator[None]:
    """Within this context the method is in evaluation mode and nothing keeps gradients."""
    training = method.training
    method.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        method.train(training)


def perceived(extractor: Extractor, images: Tensor) -> Tensor:
    """Features of images that are never rounded to pixels.  # [n, d] float64

    Args:
        extractor: Turns images into features.
        images: In [-1, 1].  # [n, C, H, W]
    """
    return extractor.extract((images.detach().cpu().double() + 1) * 127.5).features.double()


def check_unrounded(extractor: Extractor, images: Tensor) -> None:
    """Refuse an extractor that rounds pixels: small steps would vanish or grow a hundredfold.

    Raises:
        UsageError: A thousandth of a pixel's step changes nothing.
    """
    a, b = (perceived(extractor, images[:1] * 0.5 + shift * _LEVEL) for shift in (0.123, 0.124))
    if torch.equal(a, b):
        raise UsageError(
            f"The extractor '{extractor.name}' rounds pixels or sees nothing in these images, so small steps cannot be "
            "measured with it. Choose another --extractor."
        )
