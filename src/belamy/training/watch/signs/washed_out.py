"""Washed out: samples have lost the data's detail or its colours."""

from __future__ import annotations

from math import log

from belamy.training.watch.remedies import longer, pairing
from belamy.training.watch.sign import BaseSign, Finding, RunHistory


class Sign(BaseSign):
    """How much neighbouring pixels of samples differ, and how much their colours, over the same of the data.

    Colours count where the data have some.

    Args:
        detail: That ratio, below which samples are washed out.
        colour: The same of the colours.
        looks: Looks over which it must last.
        grace: Share of the run in which samples may still be grey.
    """

    title = "washed out"
    capabilities = ("Samples",)
    modalities = ("image",)
    needs = ("median watch.detail",)
    detail: float = 0.2
    colour: float = 0.2
    looks: int = 3
    grace: float = 0.2

    def judge(self, history: RunHistory, seen: list[float]) -> Finding | None:
        left = {"detail": (seen[0], self.detail)}
        if (colour := history.late("watch.colour", self.looks)) is not None:
            left["colour"] = colour, self.colour
        strength = {name: log(max(share, 1e-6)) / log(limit) for name, (share, limit) in left.items()}
        worst = max(strength, key=lambda name: strength[name])
        return self.found(
            history,
            min(strength[worst], 2.0),
            "Samples have " + " and ".join(
                f"{share:.0%} of the data's {name} (limit {limit:.0%})" for name, (share, limit) in left.items()
            ) + ".",
            "Samples are averages of many images: what they are drawn from does not tell those apart."
            if not history.adversarial else "The discriminator does not see what is missing, or not yet.",
            *((f"{name} against the data's", f"watch.{name}", limit) for name, (_, limit) in left.items()),
            remedies=lambda builder: (longer(builder), pairing(builder)),
        )  # fmt: skip
