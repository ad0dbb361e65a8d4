"""A recipe is fitted to its data and to the time that there is, before a run begins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import median
from typing import Any, NamedTuple

from belamy.data import Dataset
from belamy.methods.base import BaseRecipe
from belamy.progress import Reporter
from belamy.registry import Part
from belamy.training.distribution import World
from belamy.training.plans import PLANS, Plan
from belamy.training.setup import Options, open_recipe_data, trained_at

SHARE = 0.9
"""Of the time, what is left for training beside snapshots, checkpoints and the report."""
BUSY = 0.7
"""The share of its own speed at which a machine trains, below which that is said."""


class Wishes(NamedTuple):
    """What a recipe is fitted by.

    Args:
        plan: The name of its plan; empty to choose nothing but the number of samples.
        given: The fields that the user chose; a plan leaves them alone.
        minutes: How long it may train; None where samples are counted, or for what the plan takes then.
    """

    plan: str
    given: Mapping[str, Any]
    minutes: float | None


def planned(
    recipe: BaseRecipe, wishes: Wishes, options: Options, team: World, say: Reporter
) -> tuple[BaseRecipe, Dataset, Options]:
    """The recipe, its data and the precision, chosen by what a few steps on this machine show, and told line by line.

    They are chosen for the machine by itself: what else is computed for a moment must not decide on a run of hours.

    Raises:
        BelamyError: The data cannot be read, or are of another kind than the plan is for.
    """

    def opened(wanted: BaseRecipe) -> Dataset:
        return open_recipe_data(wanted, options.offline, say.read)

    shares: list[float] = []

    def speed(wanted: BaseRecipe, data: Dataset, precision: str) -> float:
        found = trained_at(wanted, data.spec, data, replace(options, precision=precision), team)
        shares.append(found.now / found.alone if found.alone else 1.0)
        return float(team.leader_says(str(found.alone)))  # all processes must choose the same

    if not wishes.plan:
        data = opened(recipe)
        samples = 60 * (wishes.minutes or 0) * SHARE * speed(recipe, data, options.precision)
        tell_busy(shares, say)
        return recipe.changed(train_samples=max(int(samples), recipe.batch)), data, options
    plan: Plan = PLANS.build(Part(name=wishes.plan))
    precisions = ("float32", "bfloat16") if options.precision == "auto" else (options.precision,)
    found = plan(recipe, wishes.given, opened, speed, precisions, SHARE * wishes.minutes if wishes.minutes else None)
    for line in found.reasons:
        say.say(f"Plan: {line}.")
    tell_busy(shares, say)
    return found.recipe, found.data, replace(options, precision=found.precision)


def tell_busy(shares: Sequence[float], say: Reporter) -> None:
    """Say that other work takes the processor, where it does.

    Args:
        shares: Of the machine's own speed, what each of several trials came to.
        say: Where.
    """
    share = median(shares)
    if share < BUSY:
        say.say(
            f"This machine is busy: trial steps got {share:.0%} of the processor time that they asked for. The length "
            f"is chosen for the machine by itself; while other work goes on, training takes about {1 / share:.1f} "
            "times as long. End the other work, or give fewer --minutes."
        )
