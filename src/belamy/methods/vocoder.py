"""A vocoder learned against a discriminator: sounds of their spectrograms in one pass."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Self

import torch
from pydantic import Field
from torch import Tensor

from belamy.data import Batch
from belamy.errors import UsageError
from belamy.methods.base import OPTIMIZERS, DataSpec, Player, Turn
from belamy.methods.gan import ADVERSARIAL
from belamy.methods.patches import check_matching, discriminator_turn, judged, of_generator, patch_objective
from belamy.methods.pix2pix import PATCH_DISCRIMINATORS
from belamy.methods.requirements import kind_of
from belamy.methods.vocoding import VocoderMethod, VocoderRecipe
from belamy.registry import Part, Registry
from belamy.seeds import Draws, SampleDraws

VOCODERS = Registry("belamy.networks", "vocoder", "Vocoder")


class Recipe(VocoderRecipe):
    """A network that makes sounds of their spectrograms, and a discriminator of sounds."""

    generator: Annotated[Part, VOCODERS] = Part(name="vocos")
    """The network that makes sounds."""
    discriminator: Annotated[Part, PATCH_DISCRIMINATORS] = Part(name="multi-period")
    """The network that judges sounds."""
    adversarial: Annotated[Part, ADVERSARIAL] = Part(name="hinge")
    """What the two players minimise."""
    adversarial_weight: float = Field(default=1.0, ge=0)
    """Factor of that loss for the generator; 0 for no discriminator."""
    matching_weight: float = Field(default=1.0, ge=0)
    """Factor of the distance of the discriminator's features."""
    spectrogram_weight: float = Field(default=45.0, gt=0)
    """Factor of the distance of the spectrograms."""
    generator_optimizer: Annotated[Part, OPTIMIZERS] = Part(name="adam", lr=5e-4, beta1=0.9)
    """How the generator learns."""
    discriminator_optimizer: Annotated[Part, OPTIMIZERS] = Part(name="adam", lr=5e-4, beta1=0.9)
    """How the discriminator learns."""

    @classmethod
    def tiny(cls) -> Self:
        """Thin networks on few short hits."""
        return cls(
            data="drums:count=60",
            length=256,
            bands=8,
            frame=64,
            hop=16,
            generator=Part(name="vocos", width=4, hidden=8, depth=1),
            discriminator=Part(name="multi-period", width=1, periods=(2,), windows=(64,)),
            train_samples=96,
            batch=8,
            ema_half_life=16,
        )


class Method(VocoderMethod):
    r"""A generator makes of a spectrogram m the sound x again, by the spectrogram of what it makes and by a game.

    .. math:: L_G = \lambda\,|m(x) - m(G(m))|_1 + \alpha\,L_{adv} + \phi\,L_{features}

    References:
        Siuzdak 2023, "Vocos", arXiv 2306.00814, section 3.3 (hinge, λ = 45); Kong, Kim & Bae 2020, "HiFi-GAN", arXiv
        2010.05646, section 2.4.

    Args:
        recipe: What decides the outcome.
        spec: What the data decide.

    Raises:
        UsageError: The discriminator judges pictures.
    """

    averaged = ("generator",)

    def __init__(self, recipe: Recipe, spec: DataSpec) -> None:
        super().__init__(recipe, spec)
        shape = {"bands": recipe.bands, "frame": recipe.frame, "hop": recipe.hop}
        self.generator: Any = VOCODERS.build(recipe.generator, **shape)
        self.judging = recipe.adversarial_weight > 0
        self.objective_terms = () if self.judging else ("generator.spectrogram",)
        if self.judging and kind_of(PATCH_DISCRIMINATORS, recipe.discriminator) != "audio":
            raise UsageError(
                f"The discriminator '{recipe.discriminator.name}' judges pictures. Type --discriminator multi-period."
            )
        if self.judging:
            self.discriminator: Any = PATCH_DISCRIMINATORS.build(recipe.discriminator, shape=spec.shape)
            check_matching(self.discriminator, recipe.discriminator.name, recipe.matching_weight)
            self.objective = patch_objective(recipe.adversarial)

    @property
    def players(self) -> dict[str, Player]:
        """The generator, and the discriminator if there is one."""
        found = {"generator": Player(self.generator, self.recipe.generator_optimizer)}
        if self.judging:
            found["discriminator"] = Player(self.discriminator, self.recipe.discriminator_optimizer)
        return found

    def inputs(self) -> dict[str, tuple[tuple[int, ...] | Tensor, ...]]:
        """Spectrograms, and sounds of the discriminator."""
        frames = (self.recipe.bands, self.spectrogram.frames)
        return {name: (frames if name == "generator" else self.spec.shape,) for name in self.networks()}

    def play(self, data: Iterator[Batch], draw: Draws) -> Iterator[Turn]:
        """A turn of the generator; with a discriminator, first one of it."""
        wanted = next(data)[self.target]
        given = self.spectrogram(wanted)
        if not self.judging:
            yield Turn("generator", *self.own(self.made(given), wanted))
            return
        serves_both = draw.parts == 1  # passes of all parts would wait in memory
        with torch.set_grad_enabled(serves_both):
            made = self.made(given)
        real, fake = judged(self.discriminator, wanted), judged(self.discriminator, made.detach())
        yield discriminator_turn(self.objective, real, fake, draw)
        made = made if serves_both else self.made(given)
        terms, weights = self.own(made, wanted)
        terms |= of_generator(
            self.objective, lambda features: judged(self.discriminator, made, features),
            lambda features: judged(self.discriminator, wanted, features), draw.progress,
            self.recipe.matching_weight > 0,
        )  # fmt: skip
        yield Turn("generator", terms, weights)

    def own(self, made: Tensor, wanted: Tensor) -> tuple[dict[str, Tensor], dict[str, float]]:
        """The distance that needs no discriminator, and the factors of all terms."""
        recipe = self.recipe
        weights = {"spectrogram": recipe.spectrogram_weight, "adversarial": recipe.adversarial_weight}
        return {"spectrogram": self.distances(made, wanted)}, {**weights, "matching": recipe.matching_weight}

    def made(self, spectrogram: Tensor) -> Tensor:
        """Sounds of spectrograms, all channels alike.  # [N, bands, frames] to [N, C, T]"""
        found: Tensor = self.generator(spectrogram)
        return found.expand(-1, self.channels, -1)

    def evaluate(self, batch: Batch, draw: Draws) -> Mapping[str, Tensor]:
        """How far the spectrogram of what is made is off."""
        sounds = batch[self.target]
        found = self.distances(self.made(self.spectrogram(sounds)), sounds)
        return {"spectrogram": found, "loss": found}

    def translate(self, source: Tensor, draws: SampleDraws) -> Tensor:
        """Sounds of the spectrograms of sounds.  # [n, C, T]"""
        return self.made(self.spectrogram(source)).clamp(-1, 1)
