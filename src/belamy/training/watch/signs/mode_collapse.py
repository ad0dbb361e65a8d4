"""Mode collapse: few different images are made."""

from __future__ import annotations

from belamy.training.watch.remedies import more_variety
from belamy.training.watch.sign import EASED, RISING, BaseSign, Finding, RunHistory


class Sign(BaseSign):
    """The mean distance between two samples, in the patch features, falls far below that of two real images, and
    samples meet few of the data's places; while more of them are met from look to look, it is no collapse yet.

    Of samples that are no pictures places are not known: all but equal ones are warned of. Of methods without an
    adversary it is a warning at most, unless samples are all but equal. Where much of the initial moving statistics of
    batch normalisation was left at one of the looks, samples were all but equal for that alone.

    Args:
        diversity: That ratio, below which it is collapse.
        coverage: Share of the data's places, likewise.
        alike: The ratio below which samples are all but equal.
        looks: Looks over which it must last.
        grace: Share of the run in which any generator may still be uniform.
        initial: Share of the initial moving statistics that may be left.
    """

    title = "mode collapse"
    capabilities = ("Samples",)
    needs = ("max watch.diversity",)
    diversity: float = 0.5
    coverage: float = 0.5
    alike: float = 0.1
    looks: int = 4
    grace: float = 0.1
    initial: float = 0.2

    def judge(self, history: RunHistory, seen: list[float]) -> Finding | None:
        if any(history.recent("watch.initial", self.looks) > self.initial):
            return None
        varied, covered = seen[0], history.late("watch.coverage", self.looks)
        if covered is None:
            return self.equal(history, varied)
        strength = min((1 - varied) / (1 - self.diversity), (1 - covered) / (1 - self.coverage))
        rising = history.rise("watch.coverage", self.looks) > RISING
        return self.found(
            history,
            strength * (EASED if rising else 1.0),
            f"Samples differ {varied:.0%} as much as images of the data do (limit {self.diversity:.0%}), and meet "
            f"{covered:.0%} of their places (limit {self.coverage:.0%}).{' That is rising.' if rising else ''}",
            "The generator has found few images that pass and makes only those: the discriminator sees single images "
            "and cannot miss the others." if history.adversarial else
            "The codes that samples are drawn from have lost their meaning: hardly anything follows from them.",
            ("diversity against the data's", "watch.diversity", self.diversity),
            ("share of the data's places met", "watch.coverage", self.coverage),
            remedies=more_variety,
            mild=not (history.adversarial or varied < self.alike),
        )  # fmt: skip

    def equal(self, history: RunHistory, varied: float) -> Finding:
        """What the variety alone says."""
        return self.found(
            history,
            (1 - varied) / (1 - self.alike),
            f"Samples differ {varied:.0%} as much as the data do (limit {self.alike:.0%}).",
            "All that is drawn comes to the same sample.",
            ("diversity against the data's", "watch.diversity", self.alike),
            mild=True,
            remedies=more_variety,
        )
