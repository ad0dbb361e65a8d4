"""The recurrent conditional GAN of series."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Self

import torch
from pydantic import Field
from torch import Tensor
from torch.nn.functional import softplus

from belamy.data import Batch
from belamy.methods import base
from belamy.methods.base import OPTIMIZERS, DataSpec, Player, Turn
from belamy.networks.rcgan import SeriesGenerator, StepDiscriminator
from belamy.registry import Part
from belamy.seeds import Draws


class Recipe(base.BaseRecipe):
    """A recurrent GAN of series, conditional where the data have labels."""

    data: str = "sines"
    """A named data set, a CSV file of series, or a folder with one file for each."""
    latent: int = Field(default=5, gt=0, le=4096)
    """Numbers drawn at each step of a series."""
    hidden: int = Field(default=100, gt=0, le=4096)
    """Size of the state of both LSTMs."""
    critic_steps: int = Field(default=1, gt=0)
    """Discriminator updates for one generator update."""
    generator_optimizer: Annotated[Part, OPTIMIZERS] = Part(name="adam", lr=1e-3, beta1=0.9)
    """How the generator learns."""
    discriminator_optimizer: Annotated[Part, OPTIMIZERS] = Part(name="sgd", lr=0.1)
    """How the discriminator learns."""
    train_samples: int = Field(default=600_000, gt=0, le=10**12)
    """Training samples to see, repetitions counted: the length of the run."""
    batch: int = Field(default=28, gt=0, le=65536)
    """Samples per step, over all processes together."""

    @classmethod
    def tiny(cls) -> Self:
        """Few waves of three classes, small states."""
        return cls(data="waves:count=200", latent=2, hidden=8, train_samples=320, batch=16, ema_half_life=64)


class Method(base.BaseMethod):
    r"""Two LSTMs: the generator gets a new latent at every step, the discriminator answers at every step.

    .. math:: \mathcal L_D = \tfrac1T\sum_t -\log D_t(x) - \log(1 - D_t(G(z))), \qquad
              \mathcal L_G = \tfrac1T\sum_t -\log D_t(G(z)), \quad z_{1..T} \sim N(0, I)

    With labels, the class joins the input of both networks at every step.

    *Departs from the paper's code*: layers start as PyTorch's do, save for forget gates of 1; the generator's turn
    takes the labels of the discriminator's batch instead of another batch's; one discriminator update per generator
    update by default instead of five; series are scaled to [-1, 1] by the training split's range.

    References:
        Esteban et al. 2017, arXiv 1706.02633, section 3 (losses, conditions) and its published settings of the sines.

    Args:
        recipe: What decides the outcome.
        spec: What the data decide: (steps, channels) and the classes.
    """

    averaged = ("generator",)

    def __init__(self, recipe: Recipe, spec: DataSpec) -> None:
        super().__init__(recipe, spec)
        shape, classes = spec.shape, len(spec.classes)
        self.generator = SeriesGenerator(recipe.latent, shape, classes, recipe.hidden)
        self.discriminator = StepDiscriminator(shape, classes, recipe.hidden)

    @classmethod
    def requires(cls, recipe: base.BaseRecipe) -> Mapping[str, str]:
        """Series."""
        return {"main": "series"}

    @property
    def players(self) -> dict[str, Player]:
        """Discriminator and generator."""
        return {
            "discriminator": Player(self.discriminator, self.recipe.discriminator_optimizer),
            "generator": Player(self.generator, self.recipe.generator_optimizer),
        }

    def inputs(self) -> dict[str, tuple[tuple[int, ...] | Tensor, ...]]:
        """Latents or series, and labels where the data have them."""
        labels = (torch.zeros(2, dtype=torch.long),) if self.spec.classes else ()
        return {"generator": ((self.latent,), *labels), "discriminator": (self.spec.shape, *labels)}

    @property
    def latent(self) -> int:
        """How many numbers a series is made from: those of all steps."""
        return int(self.spec.shape[0] * self.recipe.latent)

    def play(self, data: Iterator[Batch], draw: Draws) -> Iterator[Turn]:
        """Discriminator turns, then one of the generator."""
        for _ in range(self.recipe.critic_steps):
            batch = next(data)
            with torch.no_grad():
                fake = self.generator(draw.normal("latents", len(batch), self.latent), batch.labels)
            real_logits = self.discriminator(batch.main, batch.labels)
            fake_logits = self.discriminator(fake, batch.labels)
            terms = {
                "adversarial-real": softplus(-real_logits).mean(1),
                "adversarial-fake": softplus(fake_logits).mean(1),
            }
            signals = {"real": real_logits.detach().mean(1), "fake": fake_logits.detach().mean(1)}
            yield Turn("discriminator", terms, signals=signals)
        fake = self.generator(draw.normal("latents", len(batch), self.latent), batch.labels)
        logits = self.discriminator(fake, batch.labels)
        yield Turn("generator", {"adversarial": softplus(-logits).mean(1)})

    def latents(self, seed: int, indices: Iterable[int]) -> Tensor:
        """``[n, steps * latent]``: the latents of each sample index, step after step."""
        return base.normal_latents(seed, indices, self.latent)

    def generate(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """Series ``[n, steps, channels]`` in [-1, 1]."""
        made: Tensor = self.generator(latents, labels)
        return made
