"""Length collapse: texts end when they have hardly begun."""

from __future__ import annotations

from belamy.training.watch.remedies import advice, larger_batches, longer
from belamy.training.watch.sign import EASED, RISING, BaseSign, Finding, RunHistory


class Sign(BaseSign):
    """Mean length of texts over that of the data; while it rises from look to look, it is no collapse yet.

    Args:
        length: That ratio, below which it is severe.
        looks: Looks over which it must last.
        grace: Share of the run before which it says nothing.
        ripe: Share of the run before which it warns at most.
    """

    title = "length collapse"
    capabilities = ("Samples",)
    modalities = ("text",)
    needs = ("max watch.length",)
    length: float = 0.4
    looks: int = 4
    grace: float = 1 / 3
    ripe: float = 0.5

    def judge(self, history: RunHistory, seen: list[float]) -> Finding | None:
        rising = history.rise("watch.length", self.looks) > RISING
        return self.found(
            history,
            (1 - seen[0]) / (1 - self.length) * (EASED if rising else 1.0),
            f"Texts are {seen[0]:.0%} as long as those of the data (limit {self.length:.0%})."
            f"{' That is rising.' if rising else ''}",
            "An early end is the cheapest way not to be caught: what is not written cannot be wrong.",
            ("length against the data's", "watch.length", self.length),
            remedies=lambda builder: (
                builder.field("discount", lambda now: now / 2, "let early symbols answer less for later ones"),
                larger_batches(builder),
                longer(builder),
                advice("look at how long the texts of the data are: belamy data"),
            ),
        )
