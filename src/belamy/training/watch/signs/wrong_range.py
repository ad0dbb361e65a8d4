"""Wrong scaling: real and generated images lie in different ranges."""

from __future__ import annotations

from belamy.training.watch.sign import BaseSign, Finding, RunHistory


class Sign(BaseSign):
    """What the discriminator is shown as real never goes where half of the generator's range lies.

    Args:
        share: Share of the generated images' range that the real images may leave empty at one end.
        looks: Looks over which it must last.
    """

    title = "wrong scaling"
    specific = True
    players = ("generator", "discriminator")
    modalities = ("image",)
    needs = tuple(f"median watch.shown.{kind}.{end}" for kind in ("real", "fake") for end in ("low", "high"))
    share: float = 0.3
    looks: int = 3

    def judge(self, history: RunHistory, seen: list[float]) -> Finding | None:
        low, high, fake_low, fake_high = seen
        empty = max(low - fake_low, fake_high - high, 0.0) / max(fake_high - fake_low, 1e-6)
        return self.found(
            history,
            empty / self.share,
            f"The discriminator is shown real images in [{low:.2g}, {high:.2g}] and generated ones in [{fake_low:.2g}, "
            f"{fake_high:.2g}]: {empty:.0%} of that range stays empty (limit {self.share:.0%}).",
            "Real and generated images are scaled differently, so the discriminator tells them apart by their range.",
            ("lowest real value", "watch.shown.real.low", None),
            ("lowest generated value", "watch.shown.fake.low", None),
            remedies=lambda builder: (
                builder.field("real_range", lambda _: "generator", "show real images in the generator's range"),
            ),
        )
