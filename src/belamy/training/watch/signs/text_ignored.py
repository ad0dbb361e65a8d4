"""The text is ignored: whatever is asked for in words, pictures are the same, or others than were asked for."""

from __future__ import annotations

from belamy.training.watch.remedies import advice, longer
from belamy.training.watch.sign import EASED, RISING, BaseSign, Finding, RunHistory

CHANCE = 0.5


class Sign(BaseSign):
    """Pictures fit the captions that they were drawn by hardly better than other captions, as a regression of words on
    pictures tells.

    Only where it tells held-out pictures' captions well; while pictures fit better from look to look, it is no failure
    yet.

    Args:
        share: Of the way from chance to what real pictures come to, below which texts have no effect.
        told: What real pictures must come to.
        change: By another text, over what two pictures of the data differ by, below which nothing is heard of it.
        looks: Looks that are averaged.
        grace: Share of the run in which pictures may still be unrecognisable.
        ripe: Share of the run before which it warns at most.
    """

    title = "text ignored"
    specific = True
    capabilities = ("Samples", "TakesText")
    modalities = ("image",)
    needs = ("mean watch.text.fits", "last watch.text.fits_limit", "median watch.text.by_text")
    share: float = 0.1
    told: float = 0.65
    change: float = 0.01
    looks: int = 5
    grace: float = 0.3
    ripe: float = 0.5

    def judge(self, history: RunHistory, seen: list[float]) -> Finding | None:
        mean, possible, changes = seen
        if possible < self.told:
            return None
        way = (mean - CHANCE) / (possible - CHANCE)
        rising = history.rise("watch.text.fits", self.looks) > RISING
        unmatched = getattr(history.recipe, "mismatch", None) == 0
        deaf = changes < self.change
        if deaf:
            cause = "Nothing of the text reaches what is drawn."
        elif unmatched:
            cause = "Nobody shows the discriminator wrong captions, so it need not read them."
        else:
            cause = "What is made of the text is not held against it, or texts and pictures do not belong together."
        return self.found(
            history,
            2.0 if deaf else (2 - way / self.share) * (EASED if rising else 1.0),
            f"A picture fits its own caption better than another in {mean:.0%} of cases (chance 50%, pictures of the "
            f"data {possible:.0%}, limit {CHANCE + self.share * (possible - CHANCE):.0%}); another text changes it by "
            f"{changes:.0%} of what two pictures differ by.{' That is rising.' if rising else ''}",
            cause,
            ("how often a picture fits its own caption", "watch.text.fits", possible),
            ("change by another text", "watch.text.by_text", None),
            remedies=lambda builder: (
                advice("check that pictures and captions belong together: belamy data"),
                builder.field("mismatch", lambda now: now or 0.5, "show the discriminator wrong captions (GAN-CLS)"),
                longer(builder),
            ),
        )
