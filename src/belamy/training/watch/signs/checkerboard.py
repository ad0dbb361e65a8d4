"""Checkerboard: a pattern at the period of the generator's strides."""

from __future__ import annotations

from math import log

import numpy as np

from belamy.training.watch.finding import Evidence, Finding
from belamy.training.watch.history import RunHistory
from belamy.training.watch.remedies import RemedyBuilder, advice, in_order, slower


class Sign:
    """Power of the samples' spectrum at periods 2 and 4 against its surroundings, over the same of the data.

    Where a transposed convolution has a kernel that its stride does not divide, the cause is known and less is proof.

    References:
        Odena et al. 2016, Distill, "Deconvolution and checkerboard artifacts".

    Args:
        factor: From where the pattern is severe.
        uneven: The same where a layer's windows overlap unevenly.
        looks: Looks over which it must last.
        grace: Share of the run in which untrained layers may leave it.
    """

    specific = True

    def __init__(self, *, factor: float = 8.0, uneven: float = 2.2, looks: int = 5, grace: float = 0.2) -> None:
        self.factor, self.uneven, self.looks, self.grace = factor, uneven, looks, grace

    def __call__(self, history: RunHistory) -> Finding | None:
        recent = history.recent("watch.pattern", self.looks)
        if not len(recent) or history.progress < self.grace:
            return None
        factor, layer = float(np.median(recent)), history.words("watch.uneven")
        limit = self.uneven if layer else self.factor
        where = f" The windows of {layer} overlap unevenly." if layer else ""
        builder = RemedyBuilder(history.recipe)
        return Finding(
            "checkerboard",
            log(max(factor, 1.0)) / log(limit),
            f"The pattern of period 2 or 4 stands out {factor:.1f} times as much as in the data "
            f"(limit {limit:g}).{where}",
            "The kernel of an upsampling layer is not divisible by its stride, so neighbouring pixels differ.",
            (Evidence.of("pattern against the data's", history.series("watch.pattern"), limit),),
            lambda: in_order(
                advice("take kernels divisible by the stride, or enlarge before convolving"),
                slower(builder, "generator"),
                builder.field("average", lambda now: now or 10_000, "sample from averaged weights"),
                builder.part("generator", "resnet-cifar:features=32", "a generator that enlarges before it convolves"),
            ),
            specific=self.specific,
        )
