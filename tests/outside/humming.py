"""A waveform as a sum of a few sines whose loudness is drawn: a normal distribution, fitted to sounds step by step."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from math import pi
from typing import Annotated, Self

import torch
from torch import Tensor, nn

from belamy.data import Batch
from belamy.methods import base
from belamy.methods.base import OPTIMIZERS, DataSpec, Player, Sampling, Turn
from belamy.registry import Part
from belamy.seeds import Draws


class Recipe(base.BaseRecipe):
    """Sines of even spacing."""

    modality: str | None = "audio"
    tones: int = 16
    """Sines."""
    optimizer: Annotated[Part, OPTIMIZERS] = Part(name="adam", lr=1e-2)
    """How the loudness is learned."""

    @classmethod
    def tiny(cls) -> Self:
        return cls(tones=4, train_samples=64, batch=8)


class Loudness(nn.Module):
    """Spectrum of log-power."""

    def __init__(self, tones: int) -> None:
        super().__init__()
        self.level = nn.Parameter(torch.zeros(tones))

    def forward(self, phases: Tensor) -> Tensor:
        return (self.level / 2).exp() * phases


class Method(base.BaseMethod):
    """One player."""

    averaged = ("loudness",)

    def __init__(self, recipe: Recipe, spec: DataSpec) -> None:
        super().__init__(recipe, spec)
        self.loudness = Loudness(recipe.tones)
        length = spec.shape[-1]
        times = torch.arange(length) / length
        cycles = torch.linspace(1, length / 4, recipe.tones).round()
        self.register_buffer("sines", (2 * pi * cycles[:, None] * times).sin(), persistent=False)

    @classmethod
    def requires(cls, recipe: Recipe) -> Mapping[str, str]:
        return {"audio": "audio"}

    @property
    def players(self) -> dict[str, Player]:
        return {"loudness": Player(self.loudness, self.recipe.optimizer)}

    def inputs(self) -> dict[str, tuple[tuple[int, ...] | Tensor, ...]]:
        return {"loudness": ((self.recipe.tones,),)}

    def terms(self, batch: Batch) -> dict[str, Tensor]:
        """The negative log-likelihood of the projections."""
        power = (batch.main.mean(1) @ self.sines.T * 2 / self.sines.shape[1]).square()  # [n, tones]
        level = self.loudness.level
        return {"likelihood": (level + power / (level.exp() + 1e-4)).mean(1)}

    def play(self, data: Iterator[Batch], draw: Draws) -> Iterator[Turn]:
        yield Turn("loudness", self.terms(next(data)))

    def evaluate(self, batch: Batch, draw: Draws) -> Mapping[str, Tensor]:
        return {"loss": self.terms(batch)["likelihood"]}

    def latents(self, seed: int, indices: Iterable[int]) -> Tensor:
        return base.normal_latents(seed, indices, self.recipe.tones)

    def generate(self, latents: Tensor, labels: Tensor | None = None, *, sampling: Sampling | None = None) -> Tensor:
        total = (sampling.steps if sampling else None) or 4
        made = torch.zeros(len(latents), *self.spec.shape, device=latents.device, dtype=latents.dtype)
        for step, part in enumerate((self.loudness(latents)[:, :, None] * self.sines).chunk(total, 1)):
            made = made + part.sum(1, keepdim=True)
            if sampling:
                sampling.report(step + 1, total)
        return made.clamp(-1, 1)
