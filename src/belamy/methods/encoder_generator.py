"""What games with an encoder share: an encoder, a generator, a discriminator, and how the game is played."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import torch
from pydantic import Field
from torch import Tensor, nn

from belamy.losses.objective import Objective
from belamy.losses.penalties.gradients import squared_slope
from belamy.methods import base
from belamy.methods.autoencoder import ENCODERS
from belamy.methods.base import OPTIMIZERS, DataSpec, Player
from belamy.methods.coding import Coding
from belamy.methods.construction import DISCRIMINATORS, GENERATORS
from belamy.methods.gan import ADVERSARIAL, PRIORS
from belamy.methods.requirements import MAIN, common_kind
from belamy.registry import Part
from belamy.seeds import Draws

Inputs = tuple[Tensor, ...]
"""What a discriminator is given: images, or images and codes."""


class EncoderGeneratorRecipe(base.BaseRecipe):
    """What recipes of these games have in common."""

    encoder: Annotated[Part, ENCODERS] = Part(name="vae-digits")
    """The network that maps an image to its code."""
    generator: Annotated[Part, GENERATORS] = Part(name="digits")
    """The network that makes an image from a code."""
    discriminator: Annotated[Part, DISCRIMINATORS] = Part(name="digits")
    """The network that judges images."""
    latent: int = Field(default=64, gt=0, le=65536)
    """Size of the code."""
    adversarial: Annotated[Part, ADVERSARIAL] = Part(name="non-saturating")
    """What the players minimise in the game."""
    slope_weight: float = Field(default=0.0, ge=0)
    """Factor of R1 and R2, half the squared slope of the scores at what is real and at what is made; 0 for none."""
    slope_every: int = Field(default=8, gt=0)
    """Take the slopes on each so-manieth step, so many times as heavy."""
    encoder_optimizer: Annotated[Part, OPTIMIZERS] = Part(name="adam", lr=2e-4, beta1=0.5)
    """How the encoder learns."""
    generator_optimizer: Annotated[Part, OPTIMIZERS] = Part(name="adam", lr=2e-4, beta1=0.5)
    """How the generator learns."""
    discriminator_optimizer: Annotated[Part, OPTIMIZERS] = Part(name="adam", lr=2e-4, beta1=0.5)
    """How the discriminator learns."""


class EncoderGeneratorMethod(Coding):
    """An encoder and a generator, and a discriminator that learns against them.

    Args:
        recipe: What decides the outcome.
        spec: What the data decide.
        prior: Distribution of the codes that samples are drawn from.
        discriminator: Judges.
    """

    averaged = ("encoder", "generator")

    def __init__(self, recipe: Any, spec: DataSpec, prior: Part, discriminator: nn.Module) -> None:
        super().__init__(recipe, spec)
        self.prior: Any = PRIORS.build(prior, latent=recipe.latent)
        self.encoder: nn.Module = ENCODERS.build(recipe.encoder, latent=recipe.latent, shape=spec.shape)
        self.generator: nn.Module = GENERATORS.build(recipe.generator, latent=recipe.latent, shape=spec.shape)
        self.discriminator: Any = discriminator
        self.objective = Objective(ADVERSARIAL.build(recipe.adversarial))
        self.value_range: tuple[float, float] = self.generator.value_range

    @classmethod
    def requires(cls, recipe: Any) -> Mapping[str, str]:
        """Data of the kind that encoder and generator are for."""
        return {MAIN: common_kind((ENCODERS, recipe.encoder), (GENERATORS, recipe.generator))}

    @property
    def players(self) -> dict[str, Player]:
        """Discriminator, encoder and generator."""
        names = ("discriminator", "encoder", "generator")
        return {name: Player(getattr(self, name), getattr(self.recipe, f"{name}_optimizer")) for name in names}

    def networks(self) -> dict[str, nn.Module]:
        """Encoder, generator and discriminator."""
        return {"encoder": self.encoder, "generator": self.generator, "discriminator": self.discriminator}

    def inputs(self) -> dict[str, tuple[tuple[int, ...] | Tensor, ...]]:
        """Images for the encoder and the discriminator, codes for the generator."""
        shape = self.spec.shape
        return {"encoder": (shape,), "generator": ((self.recipe.latent,),), "discriminator": (shape,)}

    def real(self, images: Tensor) -> Tensor:
        """Images in [-1, 1] as the generator would make them and the discriminator sees them."""
        return base.to_range(images, self.value_range)

    def slopes(self, draw: Draws, real: Inputs, *fakes: Inputs) -> tuple[dict[str, Tensor], dict[str, float]]:
        """R1 and R2 as terms of the discriminator's turn, and their weights; none on steps where they are not due.

        Args:
            draw: The step's numbers.
            real: What the discriminator is given of the data.
            fakes: What it is given besides; R2 is the mean over them.
        """
        if not self.recipe.slope_weight or draw.step % self.recipe.slope_every:
            return {}, {}
        at_fakes = torch.stack([squared_slope(self.discriminator, *fake) for fake in fakes]).mean(0)
        terms = {"r1": squared_slope(self.discriminator, *real) / 2, "r2": at_fakes / 2}
        return terms, dict.fromkeys(terms, self.recipe.slope_every * self.recipe.slope_weight)

    def generate(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images ``[n, C, H, W]`` in [-1, 1] from codes."""
        return base.from_range(self.generator(latents), self.value_range).clamp(-1, 1)

    def squared_error(self, images: Tensor) -> Tensor:
        """``[N]``: mean squared error of reconstructions, on the scale [0, 1]."""
        return (self.reconstruct(images) - images).square().flatten(1).mean(1) / 4
