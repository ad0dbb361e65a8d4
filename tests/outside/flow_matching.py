"""Flow matching: straight paths from noise to data, by a dense network; samples by Euler's steps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from math import prod
from typing import Annotated, Self

import torch
from torch import Tensor, nn

from belamy.data import Batch
from belamy.methods import base
from belamy.methods.base import OPTIMIZERS, DataSpec, Player, Turn
from belamy.registry import Part
from belamy.seeds import Draws


class Recipe(base.BaseRecipe):
    """A dense velocity field."""

    width: int = 256
    """Units of the hidden layers."""
    steps: int = 20
    """Euler steps of a sample."""
    optimizer: Annotated[Part, OPTIMIZERS] = Part(name="adam", lr=1e-3)
    """How the field learns."""

    @classmethod
    def tiny(cls) -> Self:
        return cls(width=8, steps=2, train_samples=64, batch=8)


class Field(nn.Module):
    """The velocity at a place and a time."""

    def __init__(self, size: int, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(size + 8, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, size)
        )
        nn.init.zeros_(self.layers[-1].weight)  # type: ignore[arg-type]

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        angles = t[:, None] * torch.tensor([1.0, 2.0, 4.0, 8.0], device=t.device, dtype=t.dtype)
        return self.layers(torch.cat([x, angles.sin(), angles.cos()], 1))  # type: ignore[no-any-return]


class Method(base.BaseMethod):
    """One player."""

    averaged = ("field",)

    def __init__(self, recipe: Recipe, spec: DataSpec) -> None:
        super().__init__(recipe, spec)
        self.field = Field(prod(spec.shape), recipe.width)

    @classmethod
    def requires(cls, recipe: Recipe) -> Mapping[str, str]:
        return {"main": "any"}

    @property
    def players(self) -> dict[str, Player]:
        return {"field": Player(self.field, self.recipe.optimizer)}

    def inputs(self) -> dict[str, tuple[tuple[int, ...] | Tensor, ...]]:
        return {"field": ((prod(self.spec.shape),), ())}

    def play(self, data: Iterator[Batch], draw: Draws) -> Iterator[Turn]:
        x = next(data).main.flatten(1)
        noise, t = draw.normal("noise", *x.shape), draw.uniform("time", len(x))
        made = self.field(t[:, None] * x + (1 - t[:, None]) * noise, t)
        yield Turn("field", {"velocity": (made - (x - noise)).square().mean(1)})

    def latents(self, seed: int, indices: Iterable[int]) -> Tensor:
        return base.normal_latents(seed, indices, prod(self.spec.shape))

    def generate(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        x = latents
        for step in range(self.recipe.steps):
            x = x + self.field(x, torch.full_like(x[:, 0], step / self.recipe.steps)) / self.recipe.steps
        return x.unflatten(1, self.spec.shape)
