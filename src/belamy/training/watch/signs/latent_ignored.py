"""The latent is ignored: of one text there is one picture."""

from __future__ import annotations

from belamy.training.watch.remedies import advice
from belamy.training.watch.sign import BaseSign, Finding, RunHistory


class Sign(BaseSign):
    """Samples of one text and other latents differ hardly, beside samples of one latent and other texts.

    Where neither changes anything, samples have collapsed, and it says nothing.

    Args:
        share: Of the change by another text, below which latents have no effect.
        change: What another text must change, over what two pictures of the data differ by.
        looks: Looks over which it must last.
        grace: Share of the run before which it says nothing.

    References:
        Seen by Reed et al. 2016, arXiv 1605.05396, section 5; in pictures by other pictures by Isola et al. 2016, arXiv
        1611.07004, section 3.1.
    """

    title = "latent ignored"
    specific = True
    capabilities = ("Samples", "TakesText")
    modalities = ("image",)
    needs = ("max watch.text.by_latent", "median watch.text.by_text")
    share: float = 0.05
    change: float = 0.1
    looks: int = 4
    grace: float = 0.2

    def judge(self, history: RunHistory, seen: list[float]) -> Finding | None:
        by_latent, by_text = seen
        if by_text < self.change:
            return None
        ratio = by_latent / by_text
        return self.found(
            history,
            2 - ratio / self.share,
            f"Another latent changes a sample by {ratio:.1%} of what another text does (limit {self.share:.0%}).",
            "The text says all that a picture needs to pass.",
            ("change by another latent", "watch.text.by_latent", None),
            ("change by another text", "watch.text.by_text", None),
            remedies=lambda builder: (
                builder.field(
                    "augmentation",
                    lambda now: now or 32,
                    "draw what it is told around a text (conditioning augmentation)",
                ),
                builder.field(
                    "interpolation", lambda now: now or 1.0, "let it learn texts between two captions (GAN-INT)"
                ),
                advice("look at one text by several latents: belamy walk RUN --text TEXT --seeds 0 1"),
            ),
        )
