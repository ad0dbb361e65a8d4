"""Wrong scale of the data: a denoiser takes pictures to be spread otherwise than they are."""

from __future__ import annotations

from math import log

from belamy.training.watch.remedies import advice
from belamy.training.watch.sign import BaseSign, Finding, RunHistory


class Sign(BaseSign):
    """The mean square of centred held-out pictures over that which EDM's preconditioning was told.

    Args:
        times: So many times too much or too little from where it is severe.
        looks: Looks that tell before the first evaluation does.
        grace: Share of the run before which it says nothing.
    """

    title = "wrong scale of the data"
    specific = True
    times: float = 2.0
    looks: int = 3

    def judge(self, history: RunHistory, seen: list[float]) -> Finding | None:
        told = history.held_out("spread", self.looks)
        if told is None or getattr(history.recipe, "parametrization", "") != "edm":
            return None
        name, spread = told
        return self.found(
            history,
            min(abs(log(max(spread, 1e-6))) / log(self.times), 2.0),
            f"The mean square of the pictures is {spread:.2f} times what the network was told "
            f"(limit {self.times:g} times, or one over it).",
            "Pictures and noise reach the network at another scale than it is asked at: either sigma-data or centre is "
            "not that of these pictures, or the held-out ones are unlike those it was measured on.",
            ("mean square over that told", name, self.times),
            remedies=lambda builder: (
                builder.field("sigma_data", lambda now: None, "let the spread be measured"),
                builder.field("centre", lambda now: None, "let the mean be measured"),
                advice("see that training and held-out pictures are of one kind: belamy data"),
            ),
        )
