"""Not invertible: what goes through a flow and back does not come back."""

from __future__ import annotations

from math import log

from belamy.training.watch.remedies import advice, clipped, slower
from belamy.training.watch.sign import BaseSign, Finding, RunHistory

EXACT = 1e-6
"""An error that is but the rounding of 32 bits; the evidence grows from there with its logarithm."""


class Sign(BaseSign):
    """The error of data that went to latents and back, and of latents that went to data and back, in deviations.

    A flow is invertible on paper. In floating point it is not where some directions are stretched so far, or pressed so
    flat, that rounding is what comes back; and nowhere, where a layer does another thing on the way back.

    References:
        Behrmann et al. 2021, arXiv:2006.09347.

    Args:
        data: Error of data, in their standard deviation, from where it is severe.
        latents: Error of latents, likewise; of any of these looks, for it is rare ones whose way back explodes.
        looks: Looks over which that of data must last.
    """

    title = "not invertible"
    specific = True
    capabilities = ("Inverts",)
    needs = ("median watch.inverted.data", "max watch.inverted.latents")
    data: float = 0.01
    latents: float = 0.03
    looks: int = 3

    def judge(self, history: RunHistory, seen: list[float]) -> Finding | None:
        lost, drawn = seen
        strength = max(log(max(lost, EXACT) / EXACT) / log(self.data / EXACT),
                       log(max(drawn, EXACT) / EXACT) / log(self.latents / EXACT))  # fmt: skip
        return self.found(
            history,
            min(strength, 2.0),
            f"Of held-out data {lost:.2g} deviations are lost on the way to latents and back (limit {self.data:g}), of "
            f"latents {drawn:.2g} on the way to data and back (limit {self.latents:g}).",
            "A layer stretches or flattens so far that rounding is what comes back, or goes another way back than "
            "there: dropout, statistics of a batch, other numbers in use than in training.",
            ("error of data", "watch.inverted.data", self.data),
            ("error of latents", "watch.inverted.latents", self.latents),
            remedies=lambda builder: (
                slower(builder, "model"),
                clipped(builder),
                builder.option("network", "affine", lambda now: False, "couplings that shift and do not scale"),
                advice("begin anew with a lower learning rate, and see that layers do the same in use as in training"),
            ),
        )
