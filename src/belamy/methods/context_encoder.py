"""Context encoders: what is missing from the middle of a picture, made from a code of what surrounds it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Self

import torch
from pydantic import Field
from torch import Tensor, nn

from belamy.data import Batch
from belamy.data.holes import HoleShapes
from belamy.errors import UsageError
from belamy.methods import base
from belamy.methods.base import OPTIMIZERS, DataSpec, Player, Turn
from belamy.methods.construction import DISCRIMINATORS
from belamy.methods.filling import FillsHoles
from belamy.methods.gan import ADVERSARIAL
from belamy.methods.inpainting import INPAINTERS
from belamy.networks.context_encoder import central
from belamy.registry import Part
from belamy.seeds import Draws, SampleDraws


class Recipe(base.BaseRecipe):
    """A network that makes the middle of a picture from the rest."""

    data: str = "dead-leaves"
    """Whole pictures: a named data set, a folder of photographs, an archive or an array file."""
    generator: Annotated[Part, INPAINTERS] = Part(name="context-encoder", width=32, bottleneck=512, region="centre")
    """The network that fills."""
    discriminator: Annotated[Part, DISCRIMINATORS] = Part(name="pictures")
    """The network that judges the middle of a picture, of half its height and width, by itself."""
    adversarial: Annotated[Part, ADVERSARIAL] = Part(name="non-saturating")
    """What the two minimise."""
    overlap: int = Field(default=4, ge=0)
    """Pixels at the edge of the middle that are known and made all the same, so that what is made joins."""
    overlap_weight: float = Field(default=10.0, ge=0)
    """Of the squared error there, against that in the hole."""
    reconstruction_weight: float = Field(default=0.999, ge=0)
    """Of the squared error."""
    adversarial_weight: float = Field(default=0.001, ge=0)
    """Of the game with the discriminator."""
    mirror: bool = True
    """Show half of the pictures mirrored left to right."""
    generator_optimizer: Annotated[Part, OPTIMIZERS] = Part(name="adam", lr=2e-4, beta1=0.5)
    """How the generator learns."""
    discriminator_optimizer: Annotated[Part, OPTIMIZERS] = Part(name="adam", lr=2e-5, beta1=0.5)
    """How the discriminator learns: ten times more slowly."""

    @classmethod
    def tiny(cls) -> Self:
        """Thin networks on few digits."""
        return cls(
            data="mnist", train_samples=96, batch=8, ema_half_life=32, overlap=2,
            generator=Part(name="context-encoder", width=4, bottleneck=8, region="centre"),
            discriminator=Part(name="dense-fashion"),
        )  # fmt: skip


class Method(FillsHoles):
    r"""A generator F sees a picture x without its middle and makes that; a discriminator judges the middle alone.

    .. math:: L_D = -\log D(x_c) - \log(1 - D(F(\hat x)_c)), \qquad
        L_F = \lambda_r \|w \odot (F(\hat x) - x)_c\|^2 - \lambda_a \log D(F(\hat x)_c)

    with the mean over the values of the central quarter c; w² is 10 on the pixels at its edge that are known, 1 in the
    hole, and the weights are 0.999 and 0.001. The discriminator does not see the context, whose seam would tell it all.

    *Departs from the paper*: the generator's adversarial loss is the one that does not saturate, as in its code.

    References:
        Pathak, Krähenbühl, Donahue, Darrell & Efros 2016, arXiv 1604.07379, equations 1 to 3 and section 5.1.

    Args:
        recipe: What decides the outcome.
        spec: What the data decide.

    Raises:
        UsageError: An overlap that leaves no hole.
    """

    averaged = ("generator",)

    def __init__(self, recipe: Recipe, spec: DataSpec) -> None:
        super().__init__(recipe, spec, HoleShapes("centre", 0.25, 0.25, recipe.overlap))
        channels, height, width = spec.shape
        self.rows, self.columns = central((height, width))
        if 2 * recipe.overlap >= min(height, width) // 2:
            raise UsageError(
                f"The overlap is {recipe.overlap}, which leaves no hole in a middle of {width // 2}x{height // 2}. "
                f"Type --overlap {min(height, width) // 16}."
            )
        self.generator = INPAINTERS.build(recipe.generator, shape=spec.shape)
        middle = (channels, height // 2, width // 2)
        self.discriminator: Any = DISCRIMINATORS.build(recipe.discriminator, shape=middle)
        self.adversarial: Any = ADVERSARIAL.build(recipe.adversarial)

    @property
    def players(self) -> dict[str, Player]:
        """Discriminator and generator."""
        return {
            "discriminator": Player(self.discriminator, self.recipe.discriminator_optimizer),
            "generator": Player(self.generator, self.recipe.generator_optimizer),
        }

    def networks(self) -> dict[str, nn.Module]:
        """Generator and discriminator."""
        return {"generator": self.generator, "discriminator": self.discriminator}

    def inputs(self) -> dict[str, tuple[tuple[int, ...] | Tensor, ...]]:
        """A picture and what is known of it; the middle of a picture."""
        channels, height, width = self.spec.shape
        return {
            "generator": (self.spec.shape, (1, height, width)),
            "discriminator": ((channels, height // 2, width // 2),),
        }

    def play(self, data: Iterator[Batch], draw: Draws) -> Iterator[Turn]:
        """A turn of the discriminator, then one of the generator."""
        wanted, known = self.drawn(next(data), draw)
        with torch.set_grad_enabled(draw.parts == 1):  # passes of all parts would wait in memory
            made = self.filled(wanted, known)
        real, fake = self.discriminator(self.middle(wanted)), self.discriminator(self.middle(made).detach())
        signals = {"real": real.detach(), "fake": fake.detach()}
        yield Turn("discriminator", {"adversarial": self.adversarial.discriminator(real, fake)}, signals=signals)
        made = made if draw.parts == 1 else self.filled(wanted, known)
        weights = {"reconstruction": self.recipe.reconstruction_weight, "adversarial": self.recipe.adversarial_weight}
        yield Turn("generator", self.generator_terms(wanted, known, made), weights)

    def generator_terms(self, wanted: Tensor, known: Tensor, made: Tensor) -> dict[str, Tensor]:
        """The squared error of the middle, and what the discriminator says of it.  # [N] each"""
        middle, there = self.middle(made), self.middle(wanted)
        weight = 1 + (self.recipe.overlap_weight - 1) * self.middle(known)
        scores, real = self.discriminator(middle), None
        if self.adversarial.relativistic:
            with torch.no_grad():
                real = self.discriminator(there)
        return {
            "reconstruction": (weight * (middle - there).square()).flatten(1).mean(1),
            "adversarial": self.adversarial.generator(scores, real),
        }

    def middle(self, maps: Tensor) -> Tensor:
        """The central quarter of maps.  # [N, C, H, W] to [N, C, H/2, W/2]"""
        return maps[..., self.rows, self.columns]

    def evaluate(self, batch: Batch, draw: Draws) -> Mapping[str, Tensor]:
        """The squared error of the middle and that with the discriminator's part."""
        wanted = batch[self.target]
        known = self.known(wanted, SampleDraws(draw.seed, batch.indices.tolist()))
        terms = self.generator_terms(wanted, known, self.filled(wanted, known))
        recipe = self.recipe
        total = (
            recipe.reconstruction_weight * terms["reconstruction"] + recipe.adversarial_weight * terms["adversarial"]
        )
        return {"reconstruction": terms["reconstruction"], "loss": total}
