"""Memorisation: samples are copies of training images."""

from __future__ import annotations

import numpy as np

from belamy.training.watch.finding import Evidence, Finding
from belamy.training.watch.history import RunHistory
from belamy.training.watch.remedies import RemedyBuilder, advice, in_order


class Sign:
    """Samples lie far nearer to training images than images held out do, and are as varied as the data.

    Collapsed samples lie near training images too, without being copies; so the variety counts.

    Args:
        copies: Share of samples within 0.4 of the usual distance, from where it is severe.
        diversity: Least variety of samples that can be copies.
        looks: Looks that are averaged.
    """

    specific = True

    def __init__(self, *, copies: float = 0.35, diversity: float = 0.5, looks: int = 4) -> None:
        self.copies, self.diversity, self.looks = copies, diversity, looks

    def __call__(self, history: RunHistory) -> Finding | None:
        copied, varied = (history.recent(f"watch.{name}", self.looks) for name in ("copies", "diversity"))
        if not len(copied) or float(np.median(varied)) < self.diversity:
            return None
        share = float(np.mean(copied))
        builder = RemedyBuilder(history.recipe)
        return Finding(
            "samples are copies",
            share / self.copies,
            f"{share:.0%} of the samples lie within 0.4 of the usual distance to a training image "
            f"(limit {self.copies:.0%}).",
            f"The generator reproduces its {history.train:,} training images." if history.train else
            "The generator reproduces its training images.",
            (Evidence.of("share of copies", history.series("watch.copies"), self.copies),),
            lambda: in_order(
                advice("learn from more images"),
                builder.part("views", "adaptive", "augment what the discriminator sees, as much as it takes (ADA)"),
                builder.part("views", "diff-augment", "augment what the discriminator sees"),
                builder.field("train_samples", lambda now: max(now // 2, 1), "stop earlier"),
            ),
            specific=self.specific,
        )  # fmt: skip
