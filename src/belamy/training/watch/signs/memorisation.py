"""Memorisation: samples are copies of training images."""

from __future__ import annotations

from belamy.training.watch.remedies import advice, augmentation
from belamy.training.watch.sign import BaseSign, Finding, RunHistory


class Sign(BaseSign):
    """Samples lie far nearer to training images than images held out do, and are as varied as the data.

    Collapsed samples lie near training images too, without being copies; so the variety counts.

    Args:
        copies: Share of samples within 0.4 of the usual distance, from where it is severe.
        diversity: Least variety of samples that can be copies.
        looks: Looks that are averaged.
    """

    title = "samples are copies"
    specific = True
    capabilities = ("Samples",)
    needs = ("mean watch.copies", "median watch.diversity")
    copies: float = 0.35
    diversity: float = 0.5
    looks: int = 4

    def judge(self, history: RunHistory, seen: list[float]) -> Finding | None:
        share, varied = seen
        if varied < self.diversity:
            return None
        return self.found(
            history,
            share / self.copies,
            f"{share:.0%} of the samples lie within 0.4 of the usual distance to a training image "
            f"(limit {self.copies:.0%}).",
            f"What was learned reproduces the {f'{history.train:,} ' if history.train else ''}training images.",
            ("share of copies", "watch.copies", self.copies),
            remedies=lambda builder: (
                advice("learn from more images"),
                augmentation(builder),
                builder.field("train_samples", lambda now: max(now // 2, 1), "stop earlier"),
            ),
        )
