"""Checkerboard: a pattern at the period of the generator's strides."""

from __future__ import annotations

from math import log

from belamy.training.watch.remedies import advice, slower
from belamy.training.watch.sign import BaseSign, Finding, RunHistory


class Sign(BaseSign):
    """Power at periods 2 and 4 in the spectrum of samples or translations against its surroundings, over the data's.

    Where a transposed convolution has a kernel that its stride does not divide, the cause is known and less is proof.
    Without one it is a warning at most of what translates, where targets can be far smoother than early translations.

    References:
        Odena et al. 2016, Distill, "Deconvolution and checkerboard artifacts".

    Args:
        factor: From where the pattern is severe.
        uneven: The same where a layer's windows overlap unevenly.
        looks: Looks over which it must last.
        grace: Share of the run in which untrained layers may leave it.
    """

    title = "checkerboard"
    specific = True
    modalities = ("image",)
    needs = ("median watch.pattern",)
    factor: float = 8.0
    uneven: float = 2.2
    looks: int = 5
    grace: float = 0.2

    def judge(self, history: RunHistory, seen: list[float]) -> Finding | None:
        factor, layer = seen[0], history.words("watch.uneven")
        limit = self.uneven if layer else self.factor
        return self.found(
            history,
            log(max(factor, 1.0)) / log(limit),
            f"The pattern of period 2 or 4 stands out {factor:.1f} times as much as in the data (limit {limit:g}).",
            cause(layer, history.words("watch.enlarging")),
            ("pattern against the data's", "watch.pattern", limit),
            mild=history.can("Translates") and not layer,
            remedies=lambda builder: (
                advice("take kernels divisible by the stride, or enlarge before convolving") if layer else None,
                builder.choice("generator", "upsampling", "nearest", "enlarge before convolving"),
                builder.choice("generator", "resampling", "nearest", "enlarge before convolving"),
                slower(builder, "generator"),
                builder.part("generator", "r3gan", "a generator that enlarges smoothly"),
            ),
        )


def cause(uneven: str | None, enlarging: str | None) -> str:
    """What is known of where the pattern comes from.

    Args:
        uneven: The layer whose windows overlap unevenly, if there is one.
        enlarging: The layer that enlarges in strides; empty if none does, None where nobody looked.
    """
    if uneven:
        return f"The windows of {uneven} overlap unevenly: its kernel is not divisible by its stride."
    if enlarging:
        return f"{enlarging} enlarges in strides. Its windows fit, but what its weights write differs within a stride."
    if enlarging is None:
        return "Layers that enlarge in strides can leave such a pattern."
    return "No layer of the generator enlarges in strides; where the pattern comes from is not known."
