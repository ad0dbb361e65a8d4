"""Recipes that choose their settings for the data and the time at hand: one file for each, named like its recipe."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from belamy.data import Dataset
from belamy.methods.base import BaseRecipe
from belamy.registry import Registry

Speed = Callable[[BaseRecipe, Dataset, str], float]
PLANS = Registry("belamy.training.plans", "plan", "Plan")


@dataclass(frozen=True)
class Planned:
    """What a recipe became.

    Args:
        recipe: All of it.
        data: The data at the size that was chosen.
        precision: ``float32`` or ``bfloat16``.
        speed: Samples per second that it trains at.
        reasons: A line for each choice, with what it was made for.
    """

    recipe: BaseRecipe
    data: Dataset
    precision: str
    speed: float
    reasons: tuple[str, ...] = ()


class Plan(Protocol):
    """What the class ``Plan()`` of a file here must have."""

    def __call__(
        self,
        recipe: BaseRecipe,
        given: Mapping[str, Any],
        opened: Callable[[BaseRecipe], Dataset],
        speed: Speed,
        precisions: Sequence[str],
        minutes: float | None,
    ) -> Planned:
        """What the recipe becomes.

        Args:
            recipe: As it is named.
            given: The fields that the user chose; none of them is changed.
            opened: Opens the data that a recipe names.
            speed: Samples per second that a recipe trains at on these data, in a precision.
            precisions: Those to choose from.
            minutes: How long it may train; None where ``train_samples`` says it.
        """
        ...
