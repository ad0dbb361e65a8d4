"""Output equals input: a translation changes next to nothing of what it is given."""

from __future__ import annotations

from belamy.training.watch.remedies import advice, faster, less, louder
from belamy.training.watch.sign import BaseSign, Finding, RunHistory


class Sign(BaseSign):
    """How far translations are from their inputs, over how far their targets are.

    Of what is restored also from what comes of inputs without learning, enlargement by a bicubic filter, say. Without
    pairs the distance is compared with that of pictures of both sides that have nothing to do with each other, and
    translations must have gone hardly any of the way from the one side to the other, by colours and edges of 8 x 8
    places; sides that are alike by these say nothing.

    References:
        img2img-turbo, issues 53 and 87 and pull request 62: months of unchanged pictures.

    Args:
        change: That ratio, below which it is severe.
        change_unpaired: The same without pairs.
        way: Share of the way between the sides, below which it is severe.
        different: How far sides must be apart, over what chance makes of it.
        looks: Looks over which it must last.
        grace: Share of the run in which a translator may still begin as a copy.
    """

    title = "output equals input"
    specific = True
    capabilities = ("Translates",)
    modalities = ("image",)
    needs = ("median watch.translation.change",)
    change: float = 0.05
    change_unpaired: float = 0.1
    way: float = 0.15
    different: float = 3.0
    looks: int = 3
    grace: float = 0.25

    def judge(self, history: RunHistory, seen: list[float]) -> Finding | None:
        change, way = seen[0], history.late("watch.translation.way", self.looks)
        limit, beyond = (self.change, "targets are") if way is None else (self.change_unpaired, "the two sides are")
        strength = (1 - change) / (1 - limit)
        says = f"Translations are {change:.1%} as far from their inputs as {beyond} (limit {limit:.0%})."
        if way is not None:
            if (history.late("watch.translation.sides_apart", 1) or 0.0) < self.different:
                return None
            strength = min(strength, (1 - way) / (1 - self.way))
            says += f" They have gone {way:.0%} of the way between the sides (limit {self.way:.0%})."
        return self.found(
            history,
            strength,
            says,
            cause(history),
            ("change against the target's", "watch.translation.change", limit),
            ("way gone between the sides", "watch.translation.way", self.way),
            remedies=lambda builder: (
                less(builder, "identity_weight", "let pictures change: a smaller identity loss"),
                less(builder, "identity_contrast_weight", "let pictures change: no contrast of the second side"),
                less(builder, "contrast_weight", "let pictures change: a smaller contrast"),
                louder(builder),
                faster(builder, "generator"),
                advice("check that inputs and targets are not the same files: belamy data"),
            ),
        )


def cause(history: RunHistory) -> str:
    """What is known of why nothing changes."""
    if history.adversarial and history.late("watch.reach.game", 3) == 0:
        return "No gradient of the discriminator reaches the generator, and the other losses are least for a copy."
    moved = history.late("watch.moved.generator", 3)
    if moved is not None and moved < 1e-6:
        return "The generator hardly moves, and it began as a copy of its input."
    if history.adversarial:
        return "What keeps a translation near its input outweighs what asks for a change."
    return "The network has not learned more than to hand on its input."
