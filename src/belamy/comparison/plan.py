"""What is compared: recipes, seeds, draws and the budget, as plain data in the comparison's folder."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from belamy import recipes
from belamy.comparison.outcome import MERIT
from belamy.comparison.vary import Vary
from belamy.errors import RunError, UsageError
from belamy.methods.base import BaseRecipe
from belamy.runs import files

FORMAT = 1
_DATA = ("data", "modality", "other", "size", "fit", "channels", "alpha", "rate", "length", "labels", "levels", "only")
"""Fields that decide what is learned from: the same for all that are compared."""


class Variant(BaseModel):
    """One of the things compared: a named recipe with some fields changed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    label: str
    """What it is called in tables."""
    recipe: str
    """The name of the recipe."""
    fields: dict[str, Any] = {}
    """The fields changed, as plain data."""

    def made(self) -> BaseRecipe:
        """The recipe."""
        return recipes.get(self.recipe).changed(**self.fields)


@dataclass(frozen=True)
class Trial:
    """One run of a comparison.

    Args:
        key: Its folder's name.
        variant: Which variant it belongs to.
        seed: Of the run.
        draw: Number of the hyper-parameter draw.
        varied: The hyper-parameters drawn, by the fields they are put into.
    """

    key: str
    variant: Variant
    seed: int
    draw: int
    varied: Mapping[str, Any]


class Plan(BaseModel):
    """What is compared, and how; the trials follow from it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int = FORMAT
    variants: tuple[Variant, ...] = Field(min_length=1)
    """What is compared."""
    seeds: int = Field(gt=0, le=10_000)
    """How many seeds each variant runs with, from 0 on."""
    draws: int = Field(default=1, gt=0, le=100_000)
    """How many hyper-parameter draws there are, the same for all variants."""
    vary: tuple[str, ...] = ()
    """The ranges that are drawn from."""
    samples: int | None = Field(default=None, gt=0)
    """Budget of each trial in training samples."""
    seconds: float | None = Field(default=None, gt=0)
    """Budget of each trial in seconds of training."""
    judged: int = Field(default=10_000, ge=2, le=1_000_000)
    """How many samples of each trial are judged."""
    fingerprint: str
    """Of the data."""
    weights: str = ""
    """Digest of the judge's weights; empty where no samples are judged."""
    merit: str = MERIT
    """The number that trials are compared by; lower is better."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.samples is None) == (self.seconds is None):
            raise ValueError("one budget, samples or seconds")
        if len({variant.label for variant in self.variants}) < len(self.variants):
            raise ValueError("two variants are the same")
        return self

    def save(self, folder: Path) -> None:
        """Write the plan."""
        files.write_json(folder / "plan.json", self.model_dump(mode="json"))

    @classmethod
    def open(cls, folder: Path) -> Plan | None:
        """The plan in a folder, None if there is none.

        Raises:
            RunError: It is damaged, of a newer format, or holds a link.
        """
        path = folder / "plan.json"
        if not path.is_file():
            return None
        files.refuse_links(folder)
        facts = files.read_json(path)
        version = facts.get("format") if isinstance(facts, dict) else None
        if isinstance(version, int) and version > FORMAT:
            raise RunError(
                f"{path} was written by a newer Belamy (format {version}; this one knows {FORMAT}). Upgrade."
            )
        try:
            return cls.model_validate(facts)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "the plan"
            raise RunError(
                f"{path} is damaged: {where}: {first['msg']}. Restore it, or compare into a new --out."
            ) from None

    def grown(self, config: Plan) -> Plan:
        """This plan with the variants, seeds and draws that another adds to it.

        Raises:
            UsageError: The other differs in what must be the same for all trials.
        """
        for name in ("samples", "seconds", "vary", "judged", "fingerprint", "weights"):
            mine, other = getattr(self, name), getattr(config, name)
            if mine != other:
                raise UsageError(
                    f"The comparison was planned with {name} = {_told(mine)}, but now it is {_told(other)}: its trials "
                    f"would not be comparable. Leave that as it was, or give another --out."
                )
        known = {variant.label: variant for variant in self.variants}
        added = []
        for variant in config.variants:
            if variant.label not in known:
                added.append(variant)
            elif variant != known[variant.label]:
                raise UsageError(f"'{variant.label}' was another recipe when this comparison was planned. "
                                 f"Give another --out.")  # fmt: skip
        return self.model_copy(update={
            "variants": (*self.variants, *added),
            "seeds": max(self.seeds, config.seeds),
            "draws": max(self.draws, config.draws),
        })  # fmt: skip

    def trials(self) -> list[Trial]:
        """All trials, seed by seed and draw by draw, so that whatever is finished is balanced."""
        names = _slugs([variant.label for variant in self.variants])
        ranges = self._ranges()
        drawn = [{path: each.draw(0, number) for path, each in ranges.items()} for number in range(self.draws)]
        return [
            Trial(f"{name}-seed-{seed}{f'-draw-{number}' if number else ''}", variant, seed, number, drawn[number])
            for seed in range(self.seeds)
            for number in range(self.draws)
            for variant, name in zip(self.variants, names, strict=True)
        ]

    def recipe(self, trial: Trial) -> BaseRecipe:
        """Everything that decides how a trial comes out; under a budget of seconds ``samples`` is not settled yet.

        Raises:
            UsageError: The variant does not take a drawn hyper-parameter.
        """
        budget = {} if self.samples is None else {"samples": self.samples}
        recipe = recipes.get(trial.variant.recipe).changed(**{**trial.variant.fields, **budget, "seed": trial.seed})
        for path, each in self._ranges().items():
            recipe = each.apply(recipe, trial.varied[path])
        return recipe

    def _ranges(self) -> dict[str, Vary]:
        """The ranges that are drawn from, by their fields."""
        return {"+".join(each.paths): each for each in map(Vary.parse, self.vary)}


def same_data(variants: tuple[Variant, ...]) -> BaseRecipe:
    """A recipe that names the data of all variants.

    Raises:
        UsageError: They learn from different data.
    """
    made = [variant.made() for variant in variants]
    for recipe, variant in zip(made, variants, strict=True):
        for name in _DATA:
            mine, first = getattr(recipe, name), getattr(made[0], name)
            if mine != first:
                raise UsageError(
                    f"'{variants[0].label}' and '{variant.label}' differ in {name}: {_told(first)} and {_told(mine)}. "
                    f"Give all the same, e.g. --data {made[0].data}."
                )
    return made[0]


def _slugs(labels: list[str]) -> list[str]:
    """Names for folders: the labels' letters and digits, numbered where two would be the same."""
    made: list[str] = []
    for label in labels:
        base = re.sub(r"[^a-z0-9]+", "-", label.lower()).strip("-")[:60] or "variant"
        name, number = base, 2
        while name in made:
            name, number = f"{base}-{number}", number + 1
        made.append(name)
    return made


def _told(value: Any) -> str:
    return "none" if value is None or value == () else f"{value:,}" if isinstance(value, int) else str(value)
