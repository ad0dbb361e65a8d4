"""Inpainting: a network fills holes of pictures, learned from whole ones with holes drawn into them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, Protocol, Self, runtime_checkable

import torch
from pydantic import Field
from torch import Tensor, nn

from belamy.data import Batch
from belamy.data.holes import HoleShapes
from belamy.errors import UsageError
from belamy.losses.holes import (
    absolute_error,
    judged_in_holes,
    roughness,
    squares_apart,
    styles_apart,
)
from belamy.losses.penalties.gradients import squared_slope
from belamy.losses.perceptual.feature_matching import feature_matching
from belamy.methods import base, patches, perception
from belamy.methods.base import OPTIMIZERS, DataSpec, Player, Turn
from belamy.methods.filling import FillsHoles, surrounded
from belamy.methods.gan import ADVERSARIAL
from belamy.methods.pix2pix import PATCH_DISCRIMINATORS
from belamy.methods.pretrained import check_seen
from belamy.networks.frozen import FrozenFeatures
from belamy.registry import Part, Registry
from belamy.seeds import Draws, SampleDraws

INPAINTERS = Registry("belamy.networks", "network that fills holes", "Inpainter")
_NEAR, _ALL = 3, 4  # stages of the network that looks
_POOLINGS = tuple(f"block{block}_pool" for block in range(1, _ALL + 1))
_OF_THE_GAME = frozenset(("adversarial", "matching"))


class Recipe(base.BaseRecipe):
    """A network that fills holes of pictures."""

    data: str = "dead-leaves"
    """Whole pictures: a named data set, a folder of photographs, an archive or an array file."""
    holes: Literal["strokes", "boxes", "mixed", "centre"] = "mixed"
    """What is drawn into them: brush strokes, boxes, both, or a box of half the sides in the middle."""
    least_hole: float = Field(default=0.1, gt=0, lt=1)
    """Share of a picture that holes cover at least; of the centre it is a quarter."""
    most_hole: float = Field(default=0.5, gt=0, lt=1)
    """Share of a picture that holes cover at most."""
    generator: Annotated[Part, INPAINTERS] = Part(name="partial-conv", width=32)
    """The network that fills."""
    on_surroundings: bool = False
    """Add what the network makes to means of what surrounds holes; as published it makes all of the picture."""
    discriminator: Annotated[Part, PATCH_DISCRIMINATORS] = Part(name="patch-gan", receptive_field=70)
    """The network that judges patches; it learns where --adversarial-weight is above 0."""
    adversarial: Annotated[Part, ADVERSARIAL] = Part(name="non-saturating")
    """What the two minimise for each patch."""
    hole_weight: float = Field(default=6.0, ge=0)
    """Of the absolute error in holes."""
    valid_weight: float = Field(default=1.0, ge=0)
    """Of the absolute error where pixels are known."""
    perceptual_weight: float = Field(default=0.05, ge=0)
    """Of the absolute error of features, of what is made and of it within the known pixels."""
    style_weight: float = Field(default=120.0, ge=0)
    """Of the absolute error of Gram matrices, of the same two."""
    roughness_weight: float = Field(default=0.1, ge=0)
    """Of total variation in the holes and at their edges."""
    vgg: str | None = None
    """A file of published weights of VGG-16 or VGG-19, whose features count instead of those of the embedded
    network."""
    wide_weight: float = Field(default=0.0, ge=0)
    """Of the squared error of features that see far."""
    adversarial_weight: float = Field(default=0.0, ge=0)
    """Of the game with the discriminator; 0 for none."""
    matching_weight: float = Field(default=0.0, ge=0)
    """Of the squared error of the discriminator's features."""
    r1_weight: float = Field(default=0.0, ge=0)
    """Of the discriminator's squared slope at whole pictures."""
    judged: Literal["made", "composed"] = "composed"
    """What the discriminator sees: all that is made, or it within the known pixels, which lets it judge the seam."""
    held_after: float = Field(default=1.0, ge=0, le=1)
    """Share of the run after which the statistics of the generator's encoder are held; 1 for never."""
    mirror: bool = True
    """Show half of the pictures mirrored left to right."""
    generator_optimizer: Annotated[Part, OPTIMIZERS] = Part(name="adam", lr=2e-4, beta1=0.9)
    """How the generator learns."""
    discriminator_optimizer: Annotated[Part, OPTIMIZERS] = Part(name="adam", lr=1e-4, beta1=0.9)
    """How the discriminator learns."""

    @classmethod
    def tiny(cls) -> Self:
        """A thin network on few digits; its encoder's statistics are held in the second half."""
        return cls(
            data="mnist", train_samples=96, batch=8, ema_half_life=32, held_after=0.5,
            generator=Part(name="partial-conv", width=4, depth=2),
            generator_optimizer=Part(name="adam", lr=5e-3, beta1=0.9),
        )  # fmt: skip


@runtime_checkable
class HoldsStatistics(Protocol):
    """A network whose encoder's normalisations can be held as they are."""

    def hold_statistics(self, held: bool) -> None:
        """Hold them, or let them learn."""
        ...


class Method(FillsHoles):
    r"""A generator G fills a picture x with holes, M = 0 there, and 1 where x is known: y = G(Mx, M).

    With z = Mx + (1 - M)y, features φ of an image network and Gram matrices of them, the generator minimises

    .. math:: \lambda_h |(1 - M)(y - x)| + \lambda_v |M(y - x)|
        + \lambda_p \sum_{u \in y, z} |\phi(u) - \phi(x)| + \lambda_s \sum_{u \in y, z} |G_\phi(u) - G_\phi(x)|
        + \lambda_r V(z)

    with 6, 1, 0.05, 120 and 0.1 in partial convolution. LaMa plays a game besides, in which patches are called real
    where they hold no hole:

    .. math:: L_D = -\log D(x) - m \log(1 - D(y)) - (1 - m) \log D(y) + \gamma |\nabla D(x)|^2, \qquad L_G = -\log D(y)

    and compares features that see far and those of D by squares. Terms whose weight is 0 are left out.

    What is filled in is put between the known pixels, which stay as they are, bit for bit.

    *Departs from the papers*: unless a file of VGG's weights is given, the features are those of EfficientNet-lite0,
    which comes with the package: at a half, a quarter and an eighth of the size instead of VGG-16's first three
    poolings; and those and at a sixteenth, which sees 147 pixels, instead of those of a dilated ResNet-50; LaMa's
    discriminator judges patches of 70 pixels.

    References:
        Liu, Reda, Shih, Wang, Tao & Catanzaro 2018, arXiv 1804.07723, section 3.3; Suvorov et al. 2021, arXiv
        2109.07161, section 2.3.

    Args:
        recipe: What decides the outcome.
        spec: What the data decide.
    """

    averaged = ("generator",)

    def __init__(self, recipe: Recipe, spec: DataSpec) -> None:
        super().__init__(recipe, spec, HoleShapes(recipe.holes, recipe.least_hole, recipe.most_hole))
        self.generator = INPAINTERS.build(recipe.generator, shape=spec.shape)
        if recipe.held_after < 1 and not isinstance(self.generator, HoldsStatistics):
            raise UsageError(
                f"The network '{recipe.generator.name}' has no statistics that could be held. Leave --held-after out."
            )
        self.discriminator: Any = None
        if recipe.adversarial_weight:
            self.discriminator = PATCH_DISCRIMINATORS.build(recipe.discriminator, shape=spec.shape)
            patches.check_matching(self.discriminator, recipe.discriminator.name, recipe.matching_weight)
        elif recipe.matching_weight or recipe.r1_weight:
            raise UsageError(
                "--matching-weight and --r1-weight need a discriminator, and there is none. Give --adversarial-weight."
            )
        if not self.weights.keys() - _OF_THE_GAME:
            raise UsageError(
                "All weights of what is filled in are 0, so nothing of it is learned. Give --hole-weight 6."
            )
        self.adversarial: Any = patches.patch_objective(recipe.adversarial).adversarial
        if self.adversarial.relativistic:
            raise UsageError(
                f"The loss '{recipe.adversarial.name}' compares real with generated patches, but those of a filled "
                "picture that hold no hole are real. Choose --adversarial non-saturating, hinge or least-squares."
            )
        self.stages = _ALL if recipe.wide_weight else _NEAR if recipe.perceptual_weight or recipe.style_weight else 0
        self.eyes = FrozenFeatures(spec.shape[0], self.stages) if self.stages and not recipe.vgg else None
        self._vgg: list[FrozenFeatures] = []  # not the package's to carry, so not registered
        if recipe.vgg and self.stages:
            check_seen(spec.shape, recipe.vgg)

    def prepare(self, offline: bool = False) -> None:
        """Read the weights of VGG, if they are given and count."""
        if self.recipe.vgg and self.stages:
            self.looking(next(self.parameters()))
            self.fingerprint = perception.weights_fingerprint(self.recipe.vgg)

    def filled(self, pictures: Tensor, known: Tensor) -> Tensor:
        """What is made of pictures of which this is known, on their surroundings if it is asked for."""
        made = super().filled(pictures, known)
        if not self.recipe.on_surroundings:
            return made
        return made + surrounded(pictures, known, max(self.spec.shape[1:]).bit_length() - 1)

    def looking(self, like: Tensor) -> FrozenFeatures | None:
        """The network whose features count, where a tensor is; None if none do."""
        if not self.recipe.vgg or not self.stages:
            return self.eyes
        if not self._vgg or next(self._vgg[0].buffers()).device != like.device:
            network = perception.perceptual_network(like, self.recipe.vgg)
            self._vgg = [FrozenFeatures(self.spec.shape[0], self.stages, network, _POOLINGS)]
        return self._vgg[0]

    @property
    def players(self) -> dict[str, Player]:
        """The generator, and the discriminator where there is one."""
        players = {"generator": Player(self.generator, self.recipe.generator_optimizer)}
        if self.discriminator is None:
            return players
        return {"discriminator": Player(self.discriminator, self.recipe.discriminator_optimizer), **players}

    def networks(self) -> dict[str, nn.Module]:
        """Generator and discriminator."""
        found = {"generator": self.generator, "discriminator": self.discriminator}
        return {name: network for name, network in found.items() if network is not None}

    def inputs(self) -> dict[str, tuple[tuple[int, ...] | Tensor, ...]]:
        """A picture and what is known of it; a picture."""
        shape = self.spec.shape
        given = {"generator": (shape, (1, *shape[1:])), "discriminator": (shape,)}
        return {name: given[name] for name in self.networks()}

    @property
    def weights(self) -> dict[str, float]:
        """Factors of the generator's terms that are not 0."""
        names = ("hole", "valid", "perceptual", "style", "roughness", "wide", "adversarial", "matching")
        found = {name: getattr(self.recipe, f"{name}_weight") for name in names}
        return {name: weight for name, weight in found.items() if weight}

    def play(self, data: Iterator[Batch], draw: Draws) -> Iterator[Turn]:
        """A turn of the discriminator, where there is one, and one of the generator."""
        wanted, known = self.drawn(next(data), draw)
        if isinstance(self.generator, HoldsStatistics):
            self.generator.hold_statistics(draw.progress >= self.recipe.held_after)
        serves_both = draw.parts == 1  # passes of all parts would wait in memory
        with torch.set_grad_enabled(self.discriminator is None or serves_both):
            made = self.filled(wanted, known)
        if self.discriminator is not None:
            yield self.discriminator_turn(wanted, known, made.detach())
            made = made if serves_both else self.filled(wanted, known)
        yield Turn("generator", self.generator_terms(wanted, known, made), self.weights)

    def discriminator_turn(self, wanted: Tensor, known: Tensor, made: Tensor) -> Turn:
        """Whole pictures are real, and of filled ones what holds no hole."""
        seen = self.shown(wanted, known, made)
        real, fake = (
            [scale.scores for scale in patches.judged(self.discriminator, pictures)] for pictures in (wanted, seen)
        )
        told = [self.adversarial.on_real(scores.flatten()).view(len(scores), -1).mean(1) for scores in real]
        told += [judged_in_holes(self.adversarial, scores, 1 - known) for scores in fake]
        terms, weights = {"adversarial": torch.stack(told).sum(0)}, {"adversarial": self.recipe.adversarial_weight}
        if self.recipe.r1_weight:
            terms["r1"], weights["r1"] = squared_slope(self.discriminator, wanted), self.recipe.r1_weight
        signals = {"real": real[0].detach().mean((1, 2, 3)), "fake": fake[0].detach().mean((1, 2, 3))}
        return Turn("discriminator", terms, weights, signals)

    def shown(self, wanted: Tensor, known: Tensor, made: Tensor) -> Tensor:
        """What the discriminator sees of what was made."""
        return made if self.recipe.judged == "made" else torch.where(known > 0, wanted, made)

    def generator_terms(self, wanted: Tensor, known: Tensor, made: Tensor) -> dict[str, Tensor]:
        """The generator's losses ``[N]`` whose weights are not 0."""
        weights, holes = self.weights, 1 - known
        composed = torch.where(known > 0, wanted, made)
        terms = {"hole": absolute_error(made, wanted, holes), "valid": absolute_error(made, wanted, known),
                 "roughness": roughness(composed, holes)}  # fmt: skip
        if (eyes := self.looking(made)) is not None:
            terms |= self.seen_terms(eyes, wanted, made, composed)
        if self.discriminator is not None:
            terms |= self.judged_terms(wanted, self.shown(wanted, known, made))
        return {name: terms[name] for name in weights}

    def seen_terms(self, eyes: FrozenFeatures, wanted: Tensor, made: Tensor, composed: Tensor) -> dict[str, Tensor]:
        """The distances of features."""
        with torch.no_grad():
            there = eyes(wanted)
        found = eyes(made)
        terms = {"wide": squares_apart(found, there)}
        if "perceptual" in self.weights or "style" in self.weights:
            of_made, of_wanted, of_composed = found[:_NEAR], there[:_NEAR], eyes(composed)[:_NEAR]
            terms["perceptual"] = feature_matching(of_made, of_wanted) + feature_matching(of_composed, of_wanted)
            terms["style"] = styles_apart(of_made, of_wanted) + styles_apart(of_composed, of_wanted)
        return terms

    def judged_terms(self, wanted: Tensor, shown: Tensor) -> dict[str, Tensor]:
        """What the discriminator says of filled pictures, and how far its features are from those of whole ones."""
        matched = "matching" in self.weights
        scales = patches.judged(self.discriminator, shown, matched)
        told = [
            self.adversarial.generator(scale.scores.flatten(), None).view(len(shown), -1).mean(1) for scale in scales
        ]
        terms = {"adversarial": torch.stack(told).sum(0)}
        if matched:
            with torch.no_grad():
                real = patches.judged(self.discriminator, wanted, True)
            apart = [squares_apart(mine.features, its.features) for mine, its in zip(scales, real, strict=True)]
            terms["matching"] = torch.stack(apart).sum(0)
        return terms

    def evaluate(self, batch: Batch, draw: Draws) -> Mapping[str, Tensor]:
        """The mean absolute error of a value in the holes, and the generator's loss without its game."""
        wanted = batch[self.target]
        known = self.known(wanted, SampleDraws(draw.seed, batch.indices.tolist()))
        made = self.filled(wanted, known)
        terms = self.generator_terms(wanted, known, made)
        weighted = [weight * terms[name] for name, weight in self.weights.items() if name not in _OF_THE_GAME]
        share = (1 - known).flatten(1).mean(1)
        return {"in-holes": absolute_error(made, wanted, 1 - known) / share, "loss": torch.stack(weighted).sum(0)}
