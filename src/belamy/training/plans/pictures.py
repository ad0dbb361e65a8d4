"""What the recipe ``pictures`` becomes for a user's own pictures and the time that there is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median_low
from typing import Any

from belamy.data import Dataset
from belamy.errors import UsageError
from belamy.methods.base import BaseRecipe
from belamy.modalities import modality
from belamy.registry import Part
from belamy.training.plans import Planned, Speed

PLAYERS = ("generator", "discriminator")
SIZES = (128, 96, 64, 48, 32)
"""Sides that are tried, the largest first."""
WIDTHS = (16, 24, 32, 48)
"""Widths of the networks that are tried, the narrowest first."""
SHAPES = 100_000
"""Samples after which networks of the narrowest width make shapes at 64 pixels; of twice the side it takes twice."""
MINUTES = 30.0
"""The time where neither it nor the number of samples is given."""
ENOUGH = 50_000
"""Training pictures from which on the discriminator is shown them as they are."""
SMALLEST_CLASS = 30
"""Training pictures of a class below which labels are left alone."""
GROWTH = 4.0
"""Networks of twice the width want 2^GROWTH times the samples."""
CALM = 1.7
"""Networks of twice the width learn at a rate 2^CALM times as small."""
NOTHING = "unconditional"
"""The condition of networks that are told no labels."""
STEP = 4
"""The networks take sides that are multiples of it."""
GAIN = 1.15
"""How many times faster bfloat16 must be to be taken."""


@dataclass(frozen=True)
class PictureFacts:
    """What the choices are made from.

    Args:
        count: Training pictures.
        shape: (channels, height, width) as opened.
        side: The usual short side of the files, in pixels.
        classes: How many classes the labels tell apart.
        smallest: Training pictures of the smallest class.
    """

    count: int
    shape: tuple[int, ...]
    side: int
    classes: int
    smallest: int

    @classmethod
    def of(cls, data: Dataset) -> PictureFacts:
        """The facts of opened pictures."""
        train, smallest = data.indices("train"), 0
        if data.labels is not None and data.classes:
            smallest = int(data.labels[train].bincount(minlength=len(data.classes)).min())
        sides = [min(map(int, size.split("x"))) for size, count in data.origin.sizes.items() for _ in range(count)]
        side = median_low(sides) if sides else min(data.shape[1:])
        return cls(len(train), data.shape, side, len(data.classes), smallest)

    @property
    def conditional(self) -> bool:
        """Whether there is enough of each class to learn it."""
        return self.classes > 1 and self.smallest >= SMALLEST_CLASS


class Plan:
    """Chooses size, width, precision, condition, augmentation, average and length.

    The largest size is taken at which the narrowest networks see enough in the time, then the widest networks that
    do. The evidence for the numbers stands in docs/pictures.md.
    """

    def __call__(
        self,
        recipe: BaseRecipe,
        given: Mapping[str, Any],
        opened: Callable[[BaseRecipe], Dataset],
        speed: Speed,
        precisions: Sequence[str],
        minutes: float | None,
    ) -> Planned:
        """The recipe for the pictures that it names; see :class:`belamy.training.plans.Plan`.

        Raises:
            UsageError: The data are no pictures.
        """
        data = opened(recipe)
        check_pictures(data, recipe)
        facts = PictureFacts.of(data)
        if minutes is None and "train_samples" not in given:
            minutes = MINUTES

        known: dict[int | None, Dataset] = {None: data, min(data.shape[1:]): data}

        def tried(size: int | None, width: int) -> Planned:
            sized = recipe if size is None else recipe.changed(size=size)
            if size not in known:
                known[size] = opened(sized)
            made = settled(sized, given, facts, width, int(given.get("train_samples", SHAPES)))
            precision, rate = fastest(made, known[size], speed, precisions)
            return Planned(made, known[size], precision, rate)

        def seen(plan: Planned) -> float:
            return plan.recipe.train_samples if minutes is None else 60 * minutes * plan.speed

        def enough(plan: Planned, width: int) -> bool:
            return seen(plan) >= SHAPES * max(plan.data.shape[1:]) / 64 * (width / WIDTHS[0]) ** GROWTH

        chosen, sizes = WIDTHS[0], [None] if "size" in given else sides(facts)
        for size in sizes:
            plan = tried(size, chosen)
            if enough(plan, chosen):
                break
        for width in () if {*PLAYERS} & set(given) else WIDTHS[1:]:
            wider = tried(size, width)
            if not enough(wider, width):
                break
            plan, chosen = wider, width
        samples = max(int(seen(plan)), recipe.batch)
        made = settled(
            recipe.changed(size=plan.recipe.size), given, facts, chosen, int(given.get("train_samples", samples))
        )
        return replace(plan, recipe=made, reasons=reasons(made, facts, plan, minutes))


def check_pictures(data: Dataset, recipe: BaseRecipe) -> None:
    """Refuse data of another kind, and name the recipe for it."""
    if data.field.modality == "image":
        return
    kind = modality(data.field.modality)
    raise UsageError(
        f"'pictures' learns pictures, but {data.name} holds {kind.words[1]}. "
        f"Type: belamy train {getattr(kind, 'recipe', 'RECIPE')} --data {recipe.data}"
    )


def sides(facts: PictureFacts) -> list[int | None]:
    """The sides to try, the largest first; None for pictures that are no squares, which stay as they are."""
    height, width = facts.shape[1:]
    if height != width:
        return [None]
    own = height // STEP * STEP
    largest = max(own, min(facts.side, SIZES[0]))
    return [*sorted({own, *(size for size in SIZES if size <= largest)}, reverse=True)]


def settled(recipe: BaseRecipe, given: Mapping[str, Any], facts: PictureFacts, width: int, samples: int) -> BaseRecipe:
    """All fields that the facts decide, but for those that the user chose."""
    chosen: dict[str, Any] = {name: Part(name="pictures", width=width) for name in PLAYERS}
    chosen |= {
        "train_samples": samples,
        "ema_half_life": max(min(samples // 20, 20_000), 1),
    }
    for field in {f"{name}_optimizer" for name in PLAYERS} - set(given):
        options = getattr(recipe, field).options
        rate = float(f"{options['lr'] * (WIDTHS[0] / width) ** CALM:.2g}")
        chosen[field] = Part(name=getattr(recipe, field).name, **{**options, "lr": rate})
    if not facts.conditional:
        chosen |= {f"{name}_condition": Part(name=NOTHING) for name in PLAYERS}
    if facts.count >= ENOUGH:
        chosen["views"] = ()
    return recipe.changed(**{**chosen, **given})


def fastest(recipe: BaseRecipe, data: Dataset, speed: Speed, precisions: Sequence[str]) -> tuple[str, float]:
    """The first of the precisions, or another that trains clearly faster here, and its samples per second."""
    rates = {precision: speed(recipe, data, precision) for precision in precisions}
    first, best = precisions[0], max(rates, key=lambda precision: rates[precision])
    chosen = best if rates[best] > GAIN * rates[first] else first
    return chosen, rates[chosen]


def reasons(recipe: Any, facts: PictureFacts, plan: Planned, minutes: float | None) -> tuple[str, ...]:
    """Each choice, and what it was made for."""
    channels, height, width = plan.data.shape
    kept = {1: "grey", 3: "colour"}.get(channels, f"{channels} channels")
    of = f", {facts.classes} classes" if facts.classes else ""
    time = f" in {minutes:g} minutes" if minutes is not None else ""
    passes = recipe.train_samples / max(facts.count, 1)
    told = [name for name in PLAYERS if getattr(recipe, f"{name}_condition").name != NOTHING]
    if not facts.classes:
        labels = "none"
    elif told:
        labels = f"told to {'both networks' if len(told) == 2 else f'the {told[0]} alone'}"
    elif facts.conditional:
        labels = "left alone, as you chose"
    else:
        labels = f"left alone: the smallest class has {facts.smallest} pictures, fewer than {SMALLEST_CLASS}"
    views = ", ".join(str(view) for view in recipe.views) or "none"
    return (
        f"data: {facts.count:,} pictures to learn from, {kept}, {facts.side} pixels in the files{of}",
        f"size: {width}x{height}; {recipe.train_samples:,} samples{time}, {passes:,.0f} passes, "
        f"at {plan.speed:,.0f} a second in {plan.precision} as measured here",
        f"networks: generator {recipe.generator}, discriminator {recipe.discriminator}",
        f"labels: {labels}",
        f"augmentation: {views}",
        f"penalties: {', '.join(map(str, recipe.penalties)) or 'none'}; average over {recipe.ema_half_life:,} samples",
    )
