"""One-way translation between two sides without pairs: each place of a picture keeps its content (CUT, FastCUT)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self

import torch
from pydantic import Field
from torch import Tensor, nn

from belamy.data import Batch
from belamy.errors import UsageError
from belamy.losses.patch_nce import TEMPERATURE, patch_nce
from belamy.methods import base, patches, two_sides
from belamy.methods.base import DataSpec, Player, Turn
from belamy.methods.movement import mirrored
from belamy.methods.pix2pix import dropout_streams
from belamy.methods.two_sides import HALF, OTHER, Duel
from belamy.modalities.fields import Field as DataField
from belamy.networks.patch_heads import HasMaps, PatchHeads
from belamy.registry import Part
from belamy.seeds import Draws, SampleDraws


class Recipe(two_sides.TwoSidesRecipe):
    """A translator whose results match their inputs place by place in its own features."""

    generator: two_sides.Translator = Part(name="resnet-translator", resampling="filtered")
    """The network that makes a picture from a picture; its encoder also says what places look like."""
    contrast_weight: float = Field(default=1.0, ge=0)
    """Factor of the patch contrastive loss between a picture and its translation; FastCUT has 10."""
    identity_contrast_weight: float = Field(default=1.0, ge=0)
    """Factor of the same for pictures that are of the second side already; FastCUT has 0."""
    patches: int = Field(default=256, ge=2, le=65536)
    """Places of each map that are compared, or all where there are fewer."""
    features: int = Field(default=256, ge=1, le=65536)
    """Numbers that each place is described by."""
    temperature: float = Field(default=TEMPERATURE, gt=0)
    """What similarities are divided by."""
    flip_equivariance: bool = False
    """Translate half of the pictures mirrored, and compare places as they lay before; FastCUT does."""

    @classmethod
    def tiny(cls) -> Self:
        """Thin networks from coloured faces to others."""
        return cls(
            data="avatars-32",
            other="avatars-16",
            size=32,
            generator=Part(name="resnet-translator", width=4, blocks=1, resampling="filtered"),
            discriminator=Part(name="patch-gan", width=4, receptive_field=16),
            patches=16,
            features=8,
            train_samples=96,
            batch=8,
            ema_half_life=32,
        )


class Method(base.BaseMethod):
    r"""A generator G, a discriminator of the second side, and heads that compare places of maps of G's encoder.

    .. math::
        L_G = (D(G(x)) - 1)^2 + \lambda_X \ell(G(x), x) + \lambda_Y \ell(G(y), y), \qquad
        L_D = \tfrac12 ((D(y) - 1)^2 + D(G(x))^2)

    where ℓ is PatchNCE (:func:`belamy.losses.patch_nce.patch_nce`), its mean over maps: the pixels, each halving
    convolution, the first and the fifth residual block, at 256 places each, through two dense layers a map. Nothing is
    learned through what is found in the inputs. CUT has λ_X = λ_Y = 1; FastCUT λ_X = 10, λ_Y = 0 and pictures mirrored
    before they are translated. The heads learn with the generator.

    *Departs from the paper*: places are drawn for each picture by itself. *From the published code*: that halves both
    terms of CUT; here they have the paper's factors.

    References:
        Park, Efros, Zhang & Zhu 2020, arXiv 2007.15651, equations 1 to 5, section 4 and appendix C.

    Args:
        recipe: What decides the outcome.
        spec: What the data decide.
    """

    averaged = ("generator",)
    target = OTHER

    def __init__(self, recipe: Recipe, spec: DataSpec) -> None:
        super().__init__(recipe, spec)
        self.source = spec.main
        two_sides.check_sides(spec, "cut")
        here, there = spec.shape, self.output.shape
        if here[0] != there[0]:
            raise UsageError(
                f"cut describes inputs and translations by one encoder, but the sides have {here[0]} and {there[0]} "
                f"channels. Type --channels {max(here[0], there[0])}, or train cyclegan, whose sides have their own."
            )
        self.generator = two_sides.make_translator(recipe, here, there[0])
        if not isinstance(self.generator, HasMaps):
            raise UsageError(
                f"cut compares maps of its generator's encoder, and '{recipe.generator.name}' shows none. Type "
                "--generator resnet-translator."
            )
        self.heads = PatchHeads(self.generator.map_channels, recipe.features)
        self.discriminator = two_sides.make_judge(recipe, there)
        self.objective = patches.patch_objective(recipe.adversarial)

    @classmethod
    def requires(cls, recipe: Any) -> Mapping[str, str]:
        """Pictures of both sides."""
        return {"main": "image", OTHER: "image"}

    @property
    def output(self) -> DataField:
        """Pictures like those of the second side."""
        return self.spec.fields[self.target]

    @property
    def players(self) -> dict[str, Player]:
        """The discriminator, and the generator with its heads."""
        learners = nn.ModuleList([self.generator, self.heads])
        return {
            "discriminator": Player(self.discriminator, self.recipe.discriminator_optimizer),
            "generator": Player(learners, self.recipe.generator_optimizer),
        }

    def networks(self) -> dict[str, nn.Module]:
        """Generator, discriminator and heads."""
        return {"generator": self.generator, "discriminator": self.discriminator, "heads": self.heads}

    def inputs(self) -> dict[str, tuple[tuple[int, ...] | Tensor, ...]]:
        """Pictures, and for the heads maps of one place."""
        maps = tuple((count, 1, 1) for count in self.generator.map_channels)
        return {"generator": (self.spec.shape,), "discriminator": (self.output.shape,), "heads": maps}

    def play(self, data: Iterator[Batch], draw: Draws) -> Iterator[Turn]:
        """A turn of the discriminator, then one of the generator and its heads."""
        x, y, _ = two_sides.drawn(data, draw, self.recipe)
        flipped = self.flips(len(x), draw)
        shown = x if flipped is None else mirrored(x, flipped)
        serves_both = draw.parts == 1  # passes of all parts would wait in memory
        with torch.set_grad_enabled(serves_both):
            made, keys = self.generator.made_and_seen(shown)
        duel = Duel(self.discriminator, self.objective)
        loss, signals = duel.discriminator(y, made.detach(), draw)
        yield Turn("discriminator", {"adversarial": loss}, {"adversarial": HALF}, signals)
        if not serves_both:
            made, keys = self.generator.made_and_seen(shown)
        terms = {"adversarial": duel.generator(made, y, draw.progress)}
        if self.recipe.contrast_weight:
            terms["contrast"] = self.contrast(x, keys, made, flipped, draw)
        if self.recipe.identity_contrast_weight:
            kept, keys = self.generator.made_and_seen(y if flipped is None else mirrored(y, flipped))
            terms["identity-contrast"] = self.contrast(y, keys, kept, flipped, draw)
        yield Turn("generator", terms, self.weights)

    def flips(self, count: int, draw: Draws) -> Tensor | None:
        """Which pictures of a batch are translated mirrored; None where none are.  # [N]"""
        return draw.uniform("flip", count) < 0.5 if self.recipe.flip_equivariance else None

    def contrast(
        self, given: Tensor, keys: Sequence[Tensor], made: Tensor, flipped: Tensor | None, draw: Draws
    ) -> Tensor:
        """The patch contrastive loss ``[N]`` between pictures and what was made of them.

        Args:
            given: The pictures, as they lie.
            keys: The encoder's maps of what was translated.
            made: What was made of that.
            flipped: Which were translated mirrored.
            draw: Draws the places.
        """
        queries = self.generator.seen(made)
        if flipped is not None:  # compared as they lay before: the maps of a mirrored picture are not the mirrored maps
            queries = [mirrored(maps, flipped) for maps in queries]
            with torch.no_grad():
                keys = self.generator.seen(given)
        places = [self.places(maps, draw) for maps in queries]
        with torch.no_grad():
            wanted = self.heads(*keys, places=places)
        found = self.heads(*queries, places=places)
        return torch.stack(
            [patch_nce(mine, its, self.recipe.temperature) for mine, its in zip(found, wanted, strict=True)]
        ).mean(0)

    def places(self, maps: Tensor, draw: Draws) -> Tensor:
        """Different places of each picture, drawn by chance.  # [N, S]"""
        count = maps.shape[2] * maps.shape[3]
        order: Tensor = draw.uniform("places", len(maps), count).argsort(dim=1, stable=True)
        return order[:, : self.recipe.patches].to(maps.device)

    @property
    def weights(self) -> dict[str, float]:
        """Factors of the generator's terms that are not adversarial."""
        found = {
            "contrast": self.recipe.contrast_weight, "identity-contrast": self.recipe.identity_contrast_weight
        }  # fmt: skip
        return {name: weight for name, weight in found.items() if weight}

    def evaluate(self, batch: Batch, draw: Draws) -> Mapping[str, Tensor]:
        """The generator's adversarial and contrastive losses, weighted, and the contrastive one alone."""
        made, keys = self.generator.made_and_seen(batch.main)
        contrast = self.contrast(batch.main, keys, made, None, draw)
        fooled = Duel(self.discriminator, self.objective).generator(made, batch[OTHER], draw.progress)
        return {"loss": fooled + self.recipe.contrast_weight * contrast, "contrast": contrast}

    def translate(self, source: Tensor, draws: SampleDraws) -> Tensor:
        """Pictures ``[n, C, H, W]`` of the second side from those of the first, in [-1, 1], of any size."""
        made: Tensor = self.generator(source, dropout_streams(draws))
        return made

    def show(self, batch: Batch, draws: SampleDraws) -> Mapping[str, tuple[DataField, Tensor]]:
        """Pictures of the first side, what is made of them, and pictures of the second side, which are no targets."""
        return {
            "input": (self.spec.field, batch.main),
            "output": (self.output, self.translate(batch.main, draws)),
            "others": (self.output, batch[OTHER]),
        }
