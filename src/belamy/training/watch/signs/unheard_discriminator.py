"""The discriminator is not heard: its gradient does not reach the generator, or is drowned by other losses."""

from __future__ import annotations

from math import log

from belamy.training.watch.remedies import advice, louder, weaken_discriminator
from belamy.training.watch.sign import BaseSign, Finding, RunHistory


class Sign(BaseSign):
    """The gradient of the adversarial losses with respect to the generator's weights, and its part of all gradients.

    It is measured in a step that is played and not taken. None at all is severe; a small part is a warning, for it may
    be what the weights ask for.

    References:
        img2img-turbo, pull request 62: the released code had lost the gradient, and nobody got zebras.

    Args:
        share: Of all gradients, below which it is a warning.
        gradient: Norm below which there is none.
        looks: Looks over which it must last.
        grace: Share of the run before which it says nothing.
    """

    title = "discriminator not heard"
    specific = True
    players = ("generator", "discriminator")
    capabilities = ("Translates",)
    needs = ("max watch.reach.game", "median watch.reach.share")
    share: float = 1e-4
    gradient: float = 1e-12
    looks: int = 3
    grace: float = 0.02

    def judge(self, history: RunHistory, seen: list[float]) -> Finding | None:
        game, share = seen
        cut = game <= self.gradient
        strength = 1.5 if cut else min(log(max(share, 1e-12)) / log(self.share), 1.4)
        unweighed = getattr(history.recipe, "adversarial_weight", None) == 0
        if unweighed:
            cause = "The weight of the adversarial loss is 0."
        elif cut:
            cause = "Somewhere between the translation and its score the gradient is cut off, or it has vanished."
        else:
            cause = "The other losses are so much larger that what the discriminator says hardly counts."
        return self.found(
            history,
            strength,
            f"The gradient of the adversarial loss is {game:.2g} at most, {share:.1g} of all that the generator is "
            f"told (limit {self.share:g}).",
            cause,
            ("gradient of the adversarial loss", "watch.reach.game", None),
            ("its part of all gradients", "watch.reach.share", self.share),
            mild=not cut or unweighed,
            remedies=lambda builder: (
                advice("look for a detach or a no_grad between translations and their scores")
                if cut and not unweighed else None,
                louder(builder),
                *weaken_discriminator(builder),
            ),
        )  # fmt: skip
