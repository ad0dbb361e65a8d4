"""A network that grows while it trains: first four coarse pixels a side, from the middle of the run on twice as many.

All blocks are built at the start, so that weights, averages and optimisers have their places in every checkpoint; a
buffer says which are active, and is itself a function of the progress. A block that is not active gets no gradient, and
its optimiser begins when it does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, Self

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate

from belamy.data import Batch
from belamy.methods import base
from belamy.methods.base import OPTIMIZERS, DataSpec, Player, Turn
from belamy.registry import Part
from belamy.seeds import Draws


class Recipe(base.BaseRecipe):
    """Two resolutions."""

    optimizer: Annotated[Part, OPTIMIZERS] = Part(name="adam", lr=1e-2)
    """How the blocks learn."""

    @classmethod
    def tiny(cls) -> Self:
        return cls(train_samples=64, batch=8, ema_half_life=16)


class Growing(nn.Module):
    """A coarse picture, and a block that refines it once it is active."""

    active: Tensor

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        channels, self.side = shape[0], shape[1]
        self.coarse = nn.Linear(4, channels * (self.side // 2) ** 2)
        self.fine = nn.Conv2d(channels, channels, 3, padding=1)
        self.register_buffer("active", torch.zeros((), dtype=torch.long))

    def forward(self, latents: Tensor) -> Tensor:
        made = self.coarse(latents).unflatten(1, (-1, self.side // 2, self.side // 2))
        large = interpolate(made, scale_factor=2.0)
        return large + self.fine(large) if int(self.active) else large


class Method(base.BaseMethod):
    """One player that learns the mean picture from noise."""

    averaged = ("network",)

    def __init__(self, recipe: Recipe, spec: DataSpec) -> None:
        super().__init__(recipe, spec)
        self.network = Growing(spec.shape)

    @property
    def players(self) -> dict[str, Player]:
        return {"network": Player(self.network, self.recipe.optimizer)}

    def inputs(self) -> dict[str, tuple[tuple[int, ...] | Tensor, ...]]:
        return {"network": ((4,),)}

    def play(self, data: Iterator[Batch], draw: Draws) -> Iterator[Turn]:
        self.network.active.fill_(draw.progress >= 0.5)
        images = next(data).main
        wanted = images if int(self.network.active) else interpolate(avg_pool2d(images, 2), scale_factor=2.0)
        made = self.network(draw.normal("latents", len(images), 4))
        yield Turn("network", {"distance": (made - wanted).square().flatten(1).mean(1)})

    def latents(self, seed: int, indices: Iterable[int]) -> Tensor:
        return base.normal_latents(seed, indices, 4)

    def generate(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.network(latents)  # type: ignore[no-any-return]
