"""Numbers of a recipe's parts that change over a run: weights of penalties, rates, half-lives, probabilities."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from belamy.errors import UsageError, nearest
from belamy.methods.base import OPTIMIZERS, BaseMethod
from belamy.methods.recipe import RAMPS
from belamy.registry import Part, Registry, part_fields
from belamy.training.averaging import Averages

HALF_LIFE = "ema_half_life"


class RampedNumber(NamedTuple):
    """A number that can change: the recipe's own value, and where it is held."""

    own: float
    holders: tuple[Any, ...]
    attribute: str
    part: Part | None = None

    def set(self, value: float) -> None:
        """Let all holders have a value."""
        for holder in self.holders:
            if isinstance(held := getattr(holder, self.attribute), Tensor):
                held.fill_(value)
            else:
                setattr(holder, self.attribute, value)


class Ramps:
    """The ramps of a run, which set numbers of its parts before each step.

    A value is a function of the samples seen alone, so a resumed run goes on with the values of an uninterrupted one.
    A ramp of ``ema_half_life`` takes the place of the usual rise of the half-life with the samples seen.

    Args:
        method: Holds the parts, but optimisers.
        optimizers: By the player that learns by them.
        averages: Of weights.

    Raises:
        UsageError: A ramp of something that cannot change, of the same thing twice, or from a negative value.
    """

    def __init__(self, method: BaseMethod, optimizers: Mapping[str, Any], averages: Averages) -> None:
        recipe = method.recipe
        self.ramps = [RAMPS.build(part, total=recipe.train_samples) for part in recipe.ramps]
        self.numbers: dict[str, RampedNumber] = {}
        known = dict(_found(method, optimizers, averages)) if self.ramps else {}
        for ramp in self.ramps:
            if ramp.of not in known:
                raise UsageError(
                    f"ramps name '{ramp.of}', but no number of this recipe that can change over a run is called so. "
                    f"{nearest(ramp.of, known)}"
                )
            if ramp.of in self.numbers:
                raise UsageError(f"ramps name '{ramp.of}' twice. Leave one out.")
            if ramp.start < 0:
                raise UsageError(f"The ramp of {ramp.of} starts at {ramp.start:g}, but it must not be negative.")
            _check_optimizer(known[ramp.of], ramp)
            self.numbers[ramp.of] = known[ramp.of]
        if HALF_LIFE in self.numbers:
            averages.rise = 1e-9  # no bound

    def apply(self, samples: int) -> None:
        """Set every number to its value after so many samples."""
        for ramp in self.ramps:
            number, share = self.numbers[ramp.of], ramp(samples)
            number.set(number.own if share >= 1 else ramp.start + (number.own - ramp.start) * share)


def _found(method: BaseMethod, optimizers: Mapping[str, Any], averages: Averages) -> Iterator[tuple[str, RampedNumber]]:
    """Every number that can change, by name."""
    recipe = method.recipe
    if averages.networks:
        yield HALF_LIFE, RampedNumber(float(averages.half_life), (averages,), "half_life")
    for field, slot in part_fields(type(recipe)).items():
        parts: Iterable[Part] = getattr(recipe, field) if slot.many else (getattr(recipe, field),)
        for part in parts:
            learns = slot.registry.package == OPTIMIZERS.package
            if learns:
                players = method.players.items()
                holders = tuple(optimizers[name] for name, player in players if player.optimizer is part)
            else:
                made = slot.registry.load(part.name)
                holders = tuple(module for module in method.modules() if type(module) is made)
            prefix = f"{field}.{part.name}" if slot.many else field
            for name, found in _numbers(slot.registry, part, holders):
                yield f"{prefix}.{name}", found._replace(part=part if learns else None)


def _numbers(registry: Registry, part: Part, holders: tuple[Any, ...]) -> Iterator[tuple[str, RampedNumber]]:
    """The options of a part that it holds as real numbers under their own names, all its holders alike."""
    for name, option in registry.options(part.name).items():
        if option.annotation is not float or not holders:
            continue
        own = part.options.get(name, option.default)
        held = [getattr(holder, name, None) for holder in holders]
        if all(isinstance(value, float | int) or (isinstance(value, Tensor) and not value.dim()) for value in held):
            yield name, RampedNumber(float(own), holders, name)


def _check_optimizer(number: RampedNumber, ramp: Any) -> None:
    """Refuse a number that PyTorch refuses an optimiser."""
    if number.part is None:
        return
    part = Part(name=number.part.name, **{**number.part.options, number.attribute: ramp.start})
    try:
        OPTIMIZERS.build(part, parameters=[nn.Parameter(torch.zeros(1))])
    except ValueError as error:
        raise UsageError(f"The ramp of {ramp.of} cannot start at {ramp.start:g}: {error}.") from None
