"""Hyper-parameters that are drawn: ``generator_optimizer.lr=1e-5..1e-2:log``."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log
from typing import Any

import torch

from belamy.errors import UsageError, nearest
from belamy.methods.base import BaseRecipe
from belamy.registry import Part
from belamy.seeds import generator

_HOW = "Write FIELD=LOW..HIGH, FIELD=LOW..HIGH:log, FIELD=LOW..HIGH:int or FIELD=ONE|OTHER."


@dataclass(frozen=True)
class Vary:
    """A range of values for one or several fields, which then share each draw.

    Args:
        paths: Fields of the recipe, or options of their parts: ``latent``, ``generator_optimizer.lr``,
            ``penalties.r1.weight``.
        choices: Values to choose from; empty for a range.
        low: Lower end of the range.
        high: Upper end of the range.
        scale: ``linear``, ``log`` or ``int``.
    """

    paths: tuple[str, ...]
    choices: tuple[str, ...] = ()
    low: float = 0.0
    high: float = 0.0
    scale: str = "linear"

    @classmethod
    def parse(cls, text: str) -> Vary:
        """A range from ``FIELD=LOW..HIGH[:log|:int]`` or ``FIELD=ONE|OTHER``; ``+`` joins fields that vary together.

        Raises:
            UsageError: It is written otherwise, or the range is empty.

        Example:
            >>> Vary.parse("latent=16..128:int").scale
            'int'
        """
        names, equals, values = text.partition("=")
        paths = tuple(name.strip().replace("-", "_") for name in names.split("+"))
        if not equals or not all(paths) or not values:
            raise UsageError(f"--vary '{text}' names no range. {_HOW}")
        if ".." not in values:
            choices = tuple(value.strip() for value in values.split("|"))
            if len(choices) < 2 or not all(choices):
                raise UsageError(f"--vary '{text}' leaves no choice. {_HOW}")
            return cls(paths, choices)
        ends, _, scale = values.partition(":")
        low, _, high = ends.partition("..")
        try:
            made = cls(paths, (), float(low), float(high), scale or "linear")
        except ValueError:
            raise UsageError(f"--vary '{text}': the ends of the range must be numbers. {_HOW}") from None
        if made.scale not in ("linear", "log", "int"):
            raise UsageError(f"--vary '{text}': '{scale}' is no scale. {nearest(scale, ('linear', 'log', 'int'))}")
        if not made.low < made.high or made.high - made.low == float("inf"):
            raise UsageError(f"--vary '{text}': the lower end must be below the upper.")
        if made.scale == "log" and made.low <= 0:
            raise UsageError(f"--vary '{text}': on a logarithmic scale the lower end must be above 0.")
        return made

    def draw(self, seed: int, number: int) -> Any:
        """The value of a draw; it depends on the seed, the fields and the number alone."""
        share = float(torch.rand((), generator=generator(seed, "vary", "+".join(self.paths), number)))
        if self.choices:
            return self.choices[int(share * len(self.choices))]
        if self.scale == "int":
            low, high = round(self.low), round(self.high)
            return low + int(share * (high - low + 1))
        if self.scale == "log":
            return exp(log(self.low) + share * (log(self.high) - log(self.low)))
        return self.low + share * (self.high - self.low)

    def apply(self, recipe: BaseRecipe, value: Any) -> BaseRecipe:
        """The recipe with the value in all the fields.

        Raises:
            UsageError: The recipe has no such field or part, or does not allow the value.
        """
        for path in self.paths:
            name, _, rest = path.partition(".")
            name = recipe.present_name(name)
            if name not in type(recipe).model_fields:
                raise UsageError(f"--vary {path}: this recipe has no field '{name}'. "
                                 f"{nearest(name, type(recipe).model_fields)}")  # fmt: skip
            recipe = recipe.changed(**{name: _put(getattr(recipe, name), path, rest, value)})
        return recipe


def _put(held: Any, path: str, rest: str, value: Any) -> Any:
    """What a field holds after the value is put at ``rest`` within it."""
    if not rest:
        return value
    if isinstance(held, Part):
        return Part(name=held.name, **{**held.options, rest: value})
    if isinstance(held, tuple) and all(isinstance(part, Part) for part in held):
        name, _, option = rest.partition(".")
        name = name.replace("_", "-")
        if name not in [part.name for part in held] or not option:
            known = [part.name for part in held]
            raise UsageError(f"--vary {path}: the recipe's parts there hold no '{name}'. {nearest(name, known)}")
        return tuple(_put(part, path, option, value) if part.name == name else part for part in held)
    raise UsageError(f"--vary {path}: '{path.partition('.')[0]}' has no options. Leave '.{rest}' out.")
