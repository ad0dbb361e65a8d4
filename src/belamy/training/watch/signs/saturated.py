"""Saturated samples: pixels stick to the ends of the range."""

from __future__ import annotations

from belamy.training.watch.remedies import advice
from belamy.training.watch.sign import BaseSign, Finding, RunHistory


class Sign(BaseSign):
    """Share of pixels at the ends of [-1, 1] in samples, beyond that in real images.

    Args:
        excess: Difference from where it is severe.
        looks: Looks over which it must last.
    """

    title = "saturated samples"
    players = ("generator", "discriminator")
    modalities = ("image",)
    needs = tuple(f"median watch.shown.{name}" for name in ("fake.saturated", "real.saturated", "real.low"))
    excess: float = 0.3
    looks: int = 4

    def judge(self, history: RunHistory, seen: list[float]) -> Finding | None:
        made, real, low = seen
        if low > -0.5:
            return None
        return self.found(
            history,
            min((made - real) / self.excess, 2.0),
            f"{made:.0%} of the samples' pixels are at an end of the range, of real ones {real:.0%} "
            f"(limit {real + self.excess:.0%}).",
            "The generator's last layer is driven into the flat ends of its activation, where no gradient comes back.",
            ("share at the ends", "watch.shown.fake.saturated", None),
            remedies=lambda _: (
                advice("begin anew with a lower learning rate of the generator: nothing comes back from flat ends"),
            ),
        )
