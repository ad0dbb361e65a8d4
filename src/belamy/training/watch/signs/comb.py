"""Comb: tones at the strides of the generator."""

from __future__ import annotations

from belamy.training.watch.remedies import slower
from belamy.training.watch.sign import BaseSign, Finding, RunHistory


class Sign(BaseSign):
    """By how many decibels tones at multiples of a quarter or a sixteenth of the rate stand out more than in the data.

    References:
        Donahue et al. 2019, arXiv 1802.04208, section 3.3; Pons et al. 2020, arXiv 2010.14356.

    Args:
        decibels: From where it is severe.
        looks: Looks over which it must last.
        grace: Share of the run in which untrained layers may leave it.
    """

    title = "comb at the strides"
    specific = True
    capabilities = ("Samples",)
    modalities = ("audio",)
    needs = ("median watch.comb",)
    decibels: float = 15.0
    looks: int = 3
    grace: float = 0.4

    def judge(self, history: RunHistory, seen: list[float]) -> Finding | None:
        return self.found(
            history,
            min(seen[0] / self.decibels, 2.0),
            f"Tones at multiples of a quarter or a sixteenth of the rate stand out {seen[0]:.0f} dB more than in the "
            f"data (limit {self.decibels:.0f} dB).",
            "Layers that enlarge in strides write the same difference into each stride, which is heard as a tone.",
            ("tones at the strides, dB", "watch.comb", self.decibels),
            remedies=lambda builder: (
                builder.choice("generator", "upsampling", "nearest", "enlarge before convolving"),
                builder.option("discriminator", "shuffle", lambda now: max(now, 2), "let it learn no phase"),
                slower(builder, "generator"),
                slower(builder, "discriminator"),
            ),
        )
