"""Droplets: single spots that stand out as no spot of the data does."""

from __future__ import annotations

from belamy.training.watch.remedies import longer, slower
from belamy.training.watch.sign import BaseSign, Finding, RunHistory


class Sign(BaseSign):
    """Share of translations with a spot of 3 x 3 pixels, bright or dark, that stands out from all around it more than
    spots of the data do; edges and lines are no spots.

    Where the data have spots of the strongest contrast that pictures can have, none can stand out.

    References:
        CycleGAN, issue 411: white spots where instance normalisation lets one place speak for the whole; Karras et al.
        2019, arXiv 1912.04958, section 2.

    Args:
        share: Of translations, from where it is severe.
        looks: Looks over which it must last.
        grace: Share of the run in which anything may stand out.
    """

    title = "droplets"
    specific = True
    capabilities = ("Translates",)
    modalities = ("image",)
    needs = ("median watch.translation.spots",)
    share: float = 0.75
    looks: int = 3
    grace: float = 0.3

    def judge(self, history: RunHistory, seen: list[float]) -> Finding | None:
        norm = getattr(getattr(history.recipe, "generator_norm", None), "name", "")
        return self.found(
            history,
            min(seen[0] / self.share, 2.0),
            f"{seen[0]:.0%} of translations have a spot that stands out more than those of the data (limit "
            f"{self.share:.0%}).",
            "Instance normalisation divides by the statistics of one picture, and a single strong spot can set those."
            if norm == "instance" else "One place of the picture is driven to the end of the range.",
            ("translations with a spot", "watch.translation.spots", self.share),
            remedies=lambda builder: (
                slower(builder, "discriminator"),
                builder.part("generator_norm", "none", "no normalisation that one spot can set"),
                slower(builder, "generator"),
                None if history.adversarial else longer(builder),
            ),
        )  # fmt: skip
