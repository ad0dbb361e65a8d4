"""What the recipe ``pictures`` becomes for a user's own pictures and the time that there is."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median_low
from typing import Any

from belamy.data import Dataset
from belamy.errors import UsageError
from belamy.methods.base import BaseRecipe
from belamy.modalities import modality
from belamy.modalities.sizes import Size, text_of
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
EVEN = 0.04
"""How far apart two proportions, width by height, may lie and still be one."""
MOST = 0.9
"""The share of files of one proportion from which on pictures keep it."""
LONGEST = 4.0
"""How many times as long as the other a side may be."""
COARSEST = 4
"""The shorter side of the smallest maps of the networks, in pixels."""
GAIN = 1.15
"""How many times faster bfloat16 must be to be taken."""


@dataclass(frozen=True)
class PictureFacts:
    """What the choices are made from.

    Args:
        count: Training pictures.
        shape: (channels, height, width) as opened.
        side: The usual short side of the files, in pixels.
        ratio: Width by height of the files; 1 where they have none in common.
        alike: The share of files that have it.
        sizes: How many sizes the files have; 0 where that is not known.
        classes: How many classes the labels tell apart.
        smallest: Training pictures of the smallest class.
    """

    count: int
    shape: tuple[int, ...]
    side: int
    ratio: float
    alike: float
    sizes: int
    classes: int
    smallest: int

    @classmethod
    def of(cls, data: Dataset) -> PictureFacts:
        """The facts of opened pictures."""
        train, smallest = data.indices("train"), 0
        if data.labels is not None and data.classes:
            smallest = int(data.labels[train].bincount(minlength=len(data.classes)).min())
        known = [(int(width), int(height)) for size, count in data.origin.sizes.items()
                 for width, height in [size.split("x")] * count]  # fmt: skip
        files = known or [(data.shape[2], data.shape[1])]
        ratios = [width / height for width, height in files]
        ratio = next((ratio for ratio in (1.0, median_low(ratios)) if share(ratios, ratio) >= MOST), 1.0)
        side = median_low([min(size) for size in files])
        return cls(
            len(train), data.shape, side, ratio, share(ratios, ratio), len(set(known)), len(data.classes), smallest
        )

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

        known: dict[str | None, Dataset] = {None: data, text_of(data.shape[1:]): data}

        def tried(size: str | None, width: int) -> Planned:
            wanted = recipe if size is None else recipe.changed(size=size)
            if size not in known:
                known[size] = opened(wanted)
            made = settled(wanted, given, facts, width, int(given.get("train_samples", SHAPES)))
            precision, rate = fastest(made, known[size], speed, precisions)
            return Planned(made, known[size], precision, rate)

        def seen(plan: Planned) -> float:
            return plan.recipe.train_samples if minutes is None else 60 * minutes * plan.speed

        def enough(plan: Planned, width: int) -> bool:
            side = math.sqrt(math.prod(plan.data.shape[1:]))
            return seen(plan) >= SHAPES * side / 64 * (width / WIDTHS[0]) ** GROWTH

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


def share(ratios: Sequence[float], ratio: float) -> float:
    """The share of proportions that are nearly this one.

    Example:
        >>> share([1.5, 1.49, 1.0, 0.75], 1.5)
        0.5
    """
    return sum(abs(math.log(each / ratio)) <= EVEN for each in ratios) / len(ratios)


def sides(facts: PictureFacts) -> list[str | None]:
    """The sizes to try, the largest first: the shorter sides, and what the proportion of the pictures makes of them."""
    own = min(facts.shape[1:]) // STEP * STEP
    largest = max(own, min(facts.side, SIZES[0]))
    shorter = sorted({own, *(size for size in SIZES if size <= largest)}, reverse=True)
    return [*dict.fromkeys(text_of(shaped(short, facts.ratio)) for short in shorter)]


def shaped(short: int, ratio: float) -> Size:
    """The (height, width) of a shorter side and about a proportion that can be halved most often.

    Example:
        >>> shaped(64, 1.5), shaped(96, 16 / 9), shaped(48, 3 / 4), shaped(64, 1.0)
        ((64, 96), (96, 176), (64, 48), (64, 64))
    """
    exact = short * min(max(ratio, 1 / ratio), LONGEST)
    unit = STEP
    while short % (2 * unit) == 0 and short >= COARSEST * 2 * unit:
        unit *= 2
    while unit > STEP and abs(unit * round(exact / unit) / exact - 1) > EVEN:
        unit //= 2
    long = max(unit * round(exact / unit), short)
    return (short, long) if ratio >= 1 else (long, short)


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


def proportions(facts: PictureFacts, shape: Sequence[int], fit: str) -> list[str]:
    """What becomes of files that are no squares; nothing where all are squares and stay so."""
    height, width = shape[1:]
    square = height == width
    if square and facts.ratio == 1 and facts.alike == 1:
        return []
    does = {"crop": "cropped", "pad": "padded", "stretch": "stretched"}[fit]
    if (height, width) != shaped(min(height, width), facts.ratio):
        return [f"shape: {'squares' if square else f'{width}x{height}'}, as you chose; the files are {does} to it"]
    if facts.alike < MOST:
        return [f"shape: squares, for the files have {facts.sizes:,} sizes of several proportions; they are {does}"]
    name = "squares" if square else f"{max(width, height) / min(width, height):.2f} times as "
    name += "" if square else "wide as high" if width > height else "high as wide"
    if max(facts.ratio, 1 / facts.ratio) > LONGEST:
        return [f"shape: {name}, and longer than that is not taken; the files are {does}"]
    those = "all files" if facts.alike == 1 else f"{facts.alike:.1%} of the files; the others are {does}"
    return [f"shape: {name}, like {those}"]


def reasons(recipe: Any, facts: PictureFacts, plan: Planned, minutes: float | None) -> tuple[str, ...]:
    """Each choice, and what it was made for."""
    channels, height, width = plan.data.shape
    kept = {1: "grey", 3: "colour"}.get(channels, f"{channels} channels")
    of = f", {facts.classes} classes" if facts.classes else ""
    time = f" in {minutes:.3g} minutes of training" if minutes is not None else ""
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
        *proportions(facts, plan.data.shape, recipe.fit),
        f"size: {width}x{height}; {recipe.train_samples:,} samples{time}, {passes:,.0f} passes, "
        f"at {plan.speed:,.0f} a second in {plan.precision} as measured here",
        f"networks: generator {recipe.generator}, discriminator {recipe.discriminator}",
        f"labels: {labels}",
        f"augmentation: {views}",
        f"penalties: {', '.join(map(str, recipe.penalties)) or 'none'}; average over {recipe.ema_half_life:,} samples",
    )
