"""Changes of a recipe that may help, made only of options that the recipe and its parts really have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from belamy.errors import UsageError
from belamy.methods.base import BaseRecipe
from belamy.registry import Part, PartField, part_fields
from belamy.training.watch.finding import Remedy

Change = Callable[[Any], Any]
Remedies = tuple[Remedy | None, ...]
FILTERS = ("width", "features", "filters")
"""Options of networks that say how many filters they have."""


class RemedyBuilder:
    """Makes remedies for a recipe; a remedy that the recipe cannot take, or has taken already, is None.

    Args:
        recipe: What is to be changed.
    """

    def __init__(self, recipe: BaseRecipe) -> None:
        self.recipe = recipe

    def option(self, field: str, key: str, change: Change, why: str) -> Remedy | None:
        """Another value for an option of the part in a field.

        Args:
            field: E.g. ``discriminator``.
            key: E.g. ``dropout``.
            change: From the present value to the new one.
            why: What it does, in words.
        """
        return self._optioned(
            field, key, lambda now: _rounded(change(now)) if isinstance(now, int | float) else now, why
        )

    def choice(self, field: str, key: str, value: str, why: str) -> Remedy | None:
        """A word for an option of the part in a field, where it takes one.

        Args:
            field: E.g. ``generator``.
            key: E.g. ``padding``.
            value: E.g. ``reflect``.
            why: What it does, in words.
        """
        return self._optioned(field, key, lambda now: value if isinstance(now, str) else now, why)

    def _optioned(self, field: str, key: str, change: Callable[[Any], Any], why: str) -> Remedy | None:
        """Another value for an option of the part in a field; None where it has none, or stays as it is."""
        slot = self.slot(field)
        if slot is None or slot.many:
            return None
        part: Part = getattr(self.recipe, field)
        known = slot.registry.options(part.name)
        if key not in known:
            return None
        now = part.options.get(key, known[key].default)
        if (new := change(now)) == now:
            return None
        start, name = f"--{_dashed(field)}.", _dashed(key)
        words = (f"{start}{'' if new else 'no-'}{name}",) if isinstance(new, bool) else (f"{start}{name}", f"{new}")
        return self.made({field: Part(name=part.name, **{**part.options, key: new})}, words, why)

    def rate(self, player: str, factor: float, learns: str, learn: str) -> Remedy | None:
        """Another learning rate for a player, or for the only one that there is."""
        field = f"{player}_optimizer"
        known = field in type(self.recipe).model_fields
        why = f"the {player} {learns}" if known else learn
        return self.option(field if known else "optimizer", "lr", lambda now: now * factor, why)

    def field(self, field: str, change: Change, why: str) -> Remedy | None:
        """Another value for a plain field."""
        if field not in type(self.recipe).model_fields:
            return None
        now = getattr(self.recipe, field)
        new = change(now)
        new = _rounded(new) if isinstance(new, float) else new
        if new == now:
            return None
        words = (f"--{'' if new else 'no-'}{_dashed(field)}",) if isinstance(new, bool) else (
            f"--{_dashed(field)}", f"{new}")  # fmt: skip
        return self.made({field: new}, words, why)

    def part(self, field: str, part: str, why: str) -> Remedy | None:
        """Another part in a field, or one more where the field holds several."""
        slot, wanted = self.slot(field), Part.parse(part)
        if slot is None or wanted.name not in slot.registry.names():
            return None
        held: Any = getattr(self.recipe, field)
        if wanted.name in ([each.name for each in held] if slot.many else [held.name]):
            return None
        new = (*held, wanted) if slot.many else wanted
        return self.made({field: new}, (f"--{_dashed(field)}", *map(str, new if slot.many else [new])), why)

    def made(self, changes: dict[str, Any], words: tuple[str, ...], why: str) -> Remedy | None:
        """The remedy, if the recipe takes it."""
        try:
            self.recipe.changed(**changes)
        except UsageError:
            return None
        return Remedy(why, changes, words)

    def slot(self, field: str) -> PartField | None:
        """The registry of a field that holds parts."""
        return part_fields(type(self.recipe)).get(field)


def weaken_discriminator(builder: RemedyBuilder) -> Remedies:
    """When the discriminator overpowers the generator."""
    return (
        pairing(builder),
        builder.field("critic_steps", lambda now: max(1, now // 2), "let it learn less often"),
        slower(builder, "discriminator"),
        more_dropout(builder),
    )


def strengthen_discriminator(builder: RemedyBuilder) -> Remedies:
    """When the generator overpowers the discriminator."""
    return (
        faster(builder, "discriminator"),
        slower(builder, "generator"),
        larger_batches(builder),
        *(builder.option("discriminator", key, lambda now: now * 2, "give it more filters") for key in FILTERS),
    )


def more_variety(builder: RemedyBuilder) -> Remedies:
    """Against collapse: what lets a discriminator see the lack of variety; without one, more training."""
    return (pairing(builder), smoother(builder)) if hasattr(builder.recipe, "adversarial") else (longer(builder),)


def calm(builder: RemedyBuilder, player: str) -> Remedies:
    """When a player's steps are too large."""
    return slower(builder, player, 10), clipped(builder)


def larger_batches(builder: RemedyBuilder) -> Remedy | None:
    """Twice as many samples in a step."""
    return builder.field("batch", lambda now: min(now * 2, 65536), "larger batches show more of the data at once")


def longer(builder: RemedyBuilder) -> Remedy | None:
    """Twice as many samples in the run."""
    return builder.field("train_samples", lambda now: now * 2, "train longer")


def augmentation(builder: RemedyBuilder) -> Remedy | None:
    """When the data are few."""
    return builder.part("views", "diff-augment", "augment what the discriminator sees")


def more_dropout(builder: RemedyBuilder) -> Remedy | None:
    """A discriminator that forgets more."""
    return builder.option("discriminator", "dropout", lambda now: min(0.7, now + 0.3), "raise its dropout")


def pairing(builder: RemedyBuilder) -> Remedy | None:
    """A loss that cannot be flat while one generated image is worse than a real one."""
    return builder.part("adversarial", "relativistic-pairing", "compare each generated image with a real one")


def smoother(builder: RemedyBuilder, why: str = "keep the discriminator smooth near real images") -> Remedy | None:
    """A penalty on the discriminator's gradient near real images."""
    return builder.part("penalties", "r1", why)


def clipped(builder: RemedyBuilder) -> Remedy | None:
    """A bound on the gradients, or a lower one."""
    return builder.field("clip_norm", lambda now: (now or 2.0) / 2, "cut the largest gradients")


def more(builder: RemedyBuilder, weight: str, least: float, why: str) -> Remedy | None:
    """A weight four times as large, or one where there is none."""
    return builder.field(weight, lambda now: now * 4 if now else least, why)


def less(builder: RemedyBuilder, weight: str, why: str) -> Remedy | None:
    """A weight a quarter as large; none where it was to follow from others."""
    return builder.field(weight, lambda now: (now or 0.0) / 4, why)


def louder(builder: RemedyBuilder) -> Remedy | None:
    """What the discriminator says counts more, against the distance from a target where it has no weight itself."""
    own = builder.field("adversarial_weight", lambda now: now * 10 if now else 0.1, "count the discriminator more")
    return own or less(builder, "reconstruction_weight", "count the distance from the target less")


def advice(why: str) -> Remedy:
    """Advice in words, where no option makes the change."""
    return Remedy(why)


def slower(builder: RemedyBuilder, player: str, factor: float = 4) -> Remedy | None:
    """A lower learning rate for one player."""
    return builder.rate(player, 1 / factor, "learns more slowly", "learn more slowly")


def faster(builder: RemedyBuilder, player: str, factor: float = 4) -> Remedy | None:
    """A higher learning rate for one player."""
    return builder.rate(player, factor, "learns faster", "learn faster")


def _dashed(name: str) -> str:
    return name.replace("_", "-")


def _rounded(value: float) -> float:
    """Three digits, so that the command can be read."""
    return value if isinstance(value, int) else float(f"{value:.3g}")
