"""Translation of pictures by a network of two layers that learns from pairs, by their absolute difference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Self

from torch import Tensor, nn

from belamy.data import Batch
from belamy.methods import base
from belamy.methods.base import OPTIMIZERS, DataField, DataSpec, Player, Turn
from belamy.registry import Part
from belamy.seeds import Draws, SampleDraws


class Recipe(base.BaseRecipe):
    """A small network."""

    width: int = 8
    """Channels between the layers."""
    optimizer: Annotated[Part, OPTIMIZERS] = Part(name="adam", lr=1e-2)
    """How the network learns."""

    @classmethod
    def tiny(cls) -> Self:
        return cls(width=2, train_samples=64, batch=8)


class Method(base.BaseMethod):
    """One player."""

    averaged = ("network",)
    source, target = "image", "target"

    def __init__(self, recipe: Recipe, spec: DataSpec) -> None:
        super().__init__(recipe, spec)
        given, made = (spec.fields[name].shape[0] for name in (self.source, self.target))
        self.network = nn.Sequential(
            nn.Conv2d(given, recipe.width, 3, padding=1), nn.ReLU(), nn.Conv2d(recipe.width, made, 3, padding=1),
            nn.Tanh(),
        )  # fmt: skip

    @classmethod
    def requires(cls, recipe: Recipe) -> Mapping[str, str]:
        return {"image": "image", "target": "image"}

    @property
    def output(self) -> DataField:
        return self.spec.fields[self.target]

    @property
    def players(self) -> dict[str, Player]:
        return {"network": Player(self.network, self.recipe.optimizer)}

    def inputs(self) -> dict[str, tuple[tuple[int, ...] | Tensor, ...]]:
        return {"network": (self.spec.fields[self.source].shape,)}

    def play(self, data: Iterator[Batch], draw: Draws) -> Iterator[Turn]:
        yield Turn("network", self.terms(next(data)))

    def terms(self, batch: Batch) -> dict[str, Tensor]:
        made: Tensor = self.network(batch[self.source])
        return {"l1": (made - batch[self.target]).abs().flatten(1).mean(1)}

    def evaluate(self, batch: Batch, draw: Draws) -> Mapping[str, Tensor]:
        return self.terms(batch)

    def translate(self, source: Tensor, draws: SampleDraws) -> Tensor:
        return self.network(source)  # type: ignore[no-any-return]

    def show(self, batch: Batch, draws: SampleDraws) -> Mapping[str, tuple[DataField, Tensor]]:
        made = self.translate(batch[self.source], draws)
        fields = self.spec.fields
        return {
            "input": (fields[self.source], batch[self.source]),
            "output": (self.output, made),
            "target": (self.output, batch[self.target]),
        }
