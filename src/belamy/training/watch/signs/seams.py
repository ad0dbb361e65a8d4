"""Seams: a row or a column where translations break off."""

from __future__ import annotations

from math import log

from belamy.training.watch.remedies import advice
from belamy.training.watch.sign import EASED, BaseSign, Finding, RunHistory


class Sign(BaseSign):
    """By how much neighbouring rows, or columns, differ at the worst line, over the lines near it, and over the same of
    what translations are made of or should be. It must be the same line from look to look; where translations hardly
    differ from each other nothing is said, for then the edges of one picture would count.

    References:
        CycleGAN, issue 918 (mosaic at borders); Real-ESRGAN, issues 207 and 211 (tiles).

    Args:
        factor: From where a line is severe.
        border: Pixels from the edge up to which a line is the border's.
        variety: Of translations, below which nothing is said.
        looks: Looks over which it must last.
        grace: Share of the run in which layers may still leave it.
    """

    title = "seams"
    specific = True
    capabilities = ("Translates",)
    modalities = ("image",)
    needs = ("median watch.translation.seam", "median watch.translation.seam_inside")
    factor: float = 2.5
    border: int = 3
    variety: float = 0.3
    looks: int = 3
    grace: float = 0.3

    def judge(self, history: RunHistory, seen: list[float]) -> Finding | None:
        factor, inside = seen
        if (history.late("watch.translation.variety", self.looks) or 0.0) < self.variety:
            return None
        stays = len(set(history.recent("watch.translation.seam_inside", self.looks))) == 1
        at_border = inside <= self.border
        return self.found(
            history,
            min(log(max(factor, 1.0)) / log(self.factor), 2.0) * (1.0 if stays else EASED),
            f"At one line, {inside:.0f} pixels from the edge, neighbours differ {factor:.1f} times as much as at the "
            f"lines near it, against the same of the data (limit {self.factor:g}).",
            "What stands beyond the border is made up, of zeros say, and the network sees where that begins."
            if at_border else "The picture is made in parts that do not see across the line.",
            ("worst line against the data's", "watch.translation.seam", self.factor),
            remedies=lambda builder: (
                builder.choice("generator", "padding", "reflect", "go on beyond the border by the mirrored picture"),
                builder.part("generator", "resnet-translator", "a generator that mirrors pictures at their border"),
                advice("train on whole pictures, or let parts overlap by what the network sees"),
            ),
        )  # fmt: skip
