"""Wrong colours: translations are negatives, or a channel of theirs is brighter or darker than it should be."""

from __future__ import annotations

from belamy.training.watch.finding import Remedy
from belamy.training.watch.remedies import RemedyBuilder, advice, less, longer, more, slower
from belamy.training.watch.sign import BaseSign, Finding, RunHistory


class Sign(BaseSign):
    """Likeness of translations to their targets, pixel by pixel about the means of channels, and the means themselves.

    Without pairs translations are compared with their inputs, where both have the same channels: inverted ones count
    where their negatives would be as near to the second side's mean picture as they are, so a translation that is to
    be a negative is none. Means are then those of the second side, beyond chance.

    References:
        CycleGAN, issue 91: without an identity loss nothing tells the cycle that colours are inverted.

    Args:
        inverted: Likeness from 0 down to -1, from where it is severe.
        shifted: Of the deviation of the target's pixels, from where a channel's mean is severe.
        nearer: How much farther than a translation its negative may be from the second side, and still count.
        looks: Looks over which it must last.
        grace: Share of the run in which colours may still be found.
    """

    title = "wrong colours"
    specific = True
    capabilities = ("Translates",)
    modalities = ("image",)
    needs = ("median watch.translation.shift",)
    inverted: float = 0.2
    shifted: float = 0.8
    nearer: float = 1.25
    looks: int = 3
    grace: float = 0.25

    def judge(self, history: RunHistory, seen: list[float]) -> Finding | None:
        shift, likeness = seen[0], history.late("watch.translation.likeness", self.looks)
        negative = history.late("watch.translation.negative", self.looks)
        upside = max(-(likeness or 0.0), 0.0) / self.inverted
        if negative is not None and negative > self.nearer:
            upside = 0.0
        turned = upside >= 1 and upside >= shift / self.shifted
        against = "inputs" if negative is not None else "targets"
        says = f"The mean of a channel is off by {shift:.0%} of the target's deviation (limit {self.shifted:.0%})."
        if likeness is not None:
            says += f" Likeness to the {against} is {likeness:.2f} (limit {-self.inverted:g}; 1 for the same colours)."
        return self.found(
            history,
            max(min(upside, 2.0), min(shift / self.shifted, 2.0)),
            says,
            cause(history, turned),
            ("likeness of colours", "watch.translation.likeness", -self.inverted),
            ("shift of a channel's mean", "watch.translation.shift", self.shifted),
            title="colours inverted" if turned else "colours shifted",
            remedies=lambda builder: (
                identity(builder),
                more(builder, "identity_contrast_weight", 1.0, "tie the second side's pictures to themselves"),
                more(builder, "reconstruction_weight", 10.0, "count the distance from the target more"),
                less(builder, "sharpening", "compare with targets that are not sharpened"),
                slower(builder, "generator") if history.adversarial else longer(builder),
                advice("check that inputs and targets have their channels in the same order: belamy data"),
            ),
        )


def identity(builder: RemedyBuilder) -> Remedy | None:
    """An identity loss where there is none, or a larger one."""
    cycle = getattr(builder.recipe, "cycle_weight", 0.0)
    return builder.field(
        "identity_weight", lambda now: cycle / 2 if now == 0 else (cycle / 2 if now is None else now) * 4,
        "let generators keep pictures that are of their side already",
    )  # fmt: skip


def cause(history: RunHistory, turned: bool) -> str:
    """What is known of why colours are wrong."""
    recipe = history.recipe
    if hasattr(recipe, "cycle_weight") and not getattr(recipe, "identity_weight", None):
        return "Nothing tells a cycle whether colours are kept: what one way inverts, the other inverts back."
    if turned:
        return "Bright and dark have changed places, and no loss that is strong enough says which is which."
    return "Translations have another mean colour than the target, which the losses do not outweigh."
