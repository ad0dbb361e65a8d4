"""Checkerboard: a pattern at the period of the generator's strides."""

from __future__ import annotations

from math import log

import numpy as np

from belamy.training.watch.course import Course
from belamy.training.watch.finding import Evidence, Finding
from belamy.training.watch.remedies import Cabinet, advice, in_order


class Sign:
    """Power of the samples' spectrum at periods 2 and 4 against its surroundings, over the same of the data.

    References:
        Odena et al. 2016, Distill, "Deconvolution and checkerboard artifacts".

    Args:
        factor: From where the pattern is severe.
        looks: Looks over which it must last.
        grace: Share of the run in which untrained layers may leave it.
    """

    specific = True

    def __init__(self, *, factor: float = 6.0, looks: int = 5, grace: float = 0.25) -> None:
        self.factor, self.looks, self.grace = factor, looks, grace

    def __call__(self, course: Course) -> Finding | None:
        recent = course.recent("watch.pattern", self.looks)
        if not len(recent) or course.progress < self.grace:
            return None
        factor = float(np.median(recent))
        cabinet = Cabinet(course.recipe)
        return Finding(
            "checkerboard",
            log(max(factor, 1.0)) / log(self.factor),
            f"The pattern of period 2 or 4 stands out {factor:.1f} times as much as in the data "
            f"(limit {self.factor:g}).",
            "The kernel of an upsampling layer is not divisible by its stride, so neighbouring pixels differ.",
            (Evidence.of("pattern against the data's", course.series("watch.pattern"), self.factor),),
            in_order(
                advice("take kernels divisible by the stride, or enlarge before convolving"),
                cabinet.part("generator", "resnet-cifar", "a generator that enlarges before it convolves"),
            ),
            specific=self.specific,
        )
