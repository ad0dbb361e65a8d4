"""Changes of a recipe that may help, made only of options that the recipe and its parts really have."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from belamy.errors import UsageError
from belamy.methods.base import BaseRecipe
from belamy.registry import Part, PartField, part_fields
from belamy.training.watch.finding import Remedy

Change = Callable[[Any], Any]


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
        slot = self.slot(field)
        if slot is None or slot.many:
            return None
        part: Part = getattr(self.recipe, field)
        known = slot.registry.options(part.name)
        if key not in known:
            return None
        now = part.options.get(key, known[key].default)
        new = _rounded(change(now)) if isinstance(now, int | float) else now
        if new == now:
            return None
        word = f"--{_dashed(field)}.{_dashed(key)}"
        return self.made({field: Part(name=part.name, **{**part.options, key: new})}, (word, f"{new}"), why)

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

    def without(self, field: str, names: Iterable[str], why: str) -> Remedy | None:
        """A field without some of the parts that it holds."""
        slot = self.slot(field)
        if slot is None or not slot.many:
            return None
        held: tuple[Part, ...] = getattr(self.recipe, field)
        new = tuple(part for part in held if part.name not in set(names))
        if len(new) == len(held):
            return None
        return self.made({field: new}, (f"--{_dashed(field)}", *map(str, new)), why)

    def made(self, changes: dict[str, Any], words: tuple[str, ...], why: str) -> Remedy | None:
        """The remedy, if the recipe takes it."""
        try:
            self.recipe.changed(**changes)
        except UsageError:
            return None
        return Remedy(why, changes, words)

    def slot(self, field: str) -> PartField | None:
        """The shelf of a field that holds parts."""
        return part_fields(type(self.recipe)).get(field)


def in_order(*remedies: Remedy | None) -> tuple[Remedy, ...]:
    """Those that there are."""
    return tuple(remedy for remedy in remedies if remedy is not None)


def weaken_discriminator(recipe: BaseRecipe) -> tuple[Remedy, ...]:
    """When the discriminator overpowers the generator: the slides' remedies in their order, then newer ones."""
    builder = RemedyBuilder(recipe)
    return in_order(
        builder.field("critic_steps", lambda now: max(1, now // 2), "let it learn less often"),
        builder.option("discriminator", "dropout", lambda now: min(0.7, now + 0.3), "raise its dropout"),
        slower(builder, "discriminator"),
        *(builder.option("discriminator", key, lambda now: max(1, now // 2), "give it fewer filters")
          for key in ("width", "features", "filters")),
        builder.part("targets", "noise", "add noise to the labels that the discriminator is told"),
        builder.part("targets", "flipping", "flip some of those labels"),
        builder.part("penalties", "r1", "keep the discriminator smooth near real images"),
        builder.part("views", "instance-noise", "blur the border by noise on what it sees, less and less"),
    )  # fmt: skip


def strengthen_discriminator(recipe: BaseRecipe) -> tuple[Remedy, ...]:
    """When the generator overpowers the discriminator: the opposites, lower rates for both, larger batches."""
    builder = RemedyBuilder(recipe)
    return in_order(
        faster(builder, "discriminator"),
        builder.field("critic_steps", lambda now: now * 2, "let the discriminator learn twice as often"),
        builder.option("discriminator", "dropout", lambda now: max(0.0, now - 0.3), "lower its dropout"),
        builder.without("targets", ("noise", "flipping"), "tell the discriminator true labels"),
        slower(builder, "generator"),
        *(builder.option("discriminator", key, lambda now: now * 2, "give it more filters")
          for key in ("width", "features", "filters")),
        slower_both(builder),
        builder.field("batch", lambda now: min(now * 2, 65536), "larger batches show more of the data at once"),
    )  # fmt: skip


def more_variety(recipe: BaseRecipe) -> tuple[Remedy, ...]:
    """Against collapse: what lets the discriminator see or punish the lack of variety, after the slides' remedies."""
    builder = RemedyBuilder(recipe)
    return in_order(
        *strengthen_discriminator(recipe),
        builder.part("penalties", "r1", "keep the discriminator smooth near real images"),
        builder.part("statistics", "minibatch-standard-deviation", "let the discriminator see how varied a batch is"),
        builder.part("adversarial", "relativistic-pairing", "compare each generated image with a real one"),
    )


def calm(recipe: BaseRecipe, player: str) -> tuple[Remedy, ...]:
    """When a player's steps are too large: a lower rate for it, clipping, a smoother discriminator, larger batches."""
    builder = RemedyBuilder(recipe)
    return in_order(
        slower(builder, player, 10),
        builder.field("clip_norm", lambda now: (now or 2.0) / 2, "cut the largest gradients"),
        builder.part("penalties", "r1", "keep the discriminator smooth near real images"),
        builder.field("batch", lambda now: min(now * 2, 65536), "larger batches have steadier gradients"),
    )


def advice(why: str) -> Remedy:
    """What to do where no option does it."""
    return Remedy(why)


def slower(builder: RemedyBuilder, player: str, factor: float = 4) -> Remedy | None:
    """A lower learning rate for one player."""
    field = f"{player}_optimizer"
    known = field in type(builder.recipe).model_fields
    owner = f"the {player} learns" if known else "learn"
    return builder.option(field if known else "optimizer", "lr", lambda now: now / factor, f"{owner} more slowly")


def faster(builder: RemedyBuilder, player: str, factor: float = 4) -> Remedy | None:
    """A higher learning rate for one player."""
    field = f"{player}_optimizer"
    known = field in type(builder.recipe).model_fields
    owner = f"the {player} learns" if known else "learn"
    return builder.option(field if known else "optimizer", "lr", lambda now: now * factor, f"{owner} faster")


def slower_both(builder: RemedyBuilder, factor: float = 2) -> Remedy | None:
    """Lower learning rates for both players."""
    pair = [slower(builder, player, factor) for player in ("generator", "discriminator")]
    if any(remedy is None for remedy in pair) or "optimizer" in type(builder.recipe).model_fields:
        return None
    changes: dict[str, Any] = {}
    words: list[str] = []
    for remedy in in_order(*pair):
        changes |= dict(remedy.changes)
        words += remedy.words
    return builder.made(changes, tuple(words), "both players learn more slowly")


def _dashed(name: str) -> str:
    return name.replace("_", "-")


def _rounded(value: float) -> float:
    """Three digits, so that the command can be read."""
    return value if isinstance(value, int) else float(f"{value:.3g}")
