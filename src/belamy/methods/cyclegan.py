"""Translation between two sides without pairs: there and back again must lead home (CycleGAN, DiscoGAN)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Self

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from belamy.data import Batch
from belamy.errors import UsageError
from belamy.methods import base, patches, two_sides
from belamy.methods.autoencoder import RECONSTRUCTIONS
from belamy.methods.base import OPTIMIZERS, DataSpec, Player, Turn, weighted
from belamy.methods.classifier import CLASSIFIERS
from belamy.methods.pix2pix import dropout_streams
from belamy.methods.two_sides import HALF, OTHER, DrawnSides, Duel
from belamy.modalities.fields import Field as DataField
from belamy.networks.image_pool import ImagePool
from belamy.registry import Part
from belamy.seeds import Draws, SampleDraws


class Recipe(two_sides.TwoSidesRecipe):
    """Two translators, each the other's way back, that learn from two sides without pairs."""

    reconstruction: Annotated[Part, RECONSTRUCTIONS] = Part(name="absolute-error")
    """How far a picture is from what comes back of it."""
    cycle_weight: float = Field(default=10.0, ge=0)
    """Factor of that distance in the generators' loss."""
    identity_weight: float | None = Field(default=None, ge=0)
    """Factor of how far a generator changes a picture that is of its side already; by default half of the cycle's
    where both sides have the same channels, and else 0."""
    pool: int = Field(default=50, ge=0, le=10**6)
    """Translations made earlier that each discriminator may be shown instead of the new ones; 0 for none."""
    semantic_weight: float = Field(default=0.0, ge=0)
    """Factor of how far a classifier, which learns the labels of the first side, sees another class in a translation
    than in its input."""
    classifier: Annotated[Part, CLASSIFIERS] = Part(name="convnet")
    """That classifier."""
    classifier_optimizer: Annotated[Part, OPTIMIZERS] = Part(name="adam", lr=1e-3, beta1=0.9)
    """How it learns."""

    @classmethod
    def tiny(cls) -> Self:
        """Thin networks between grey outlines and coloured faces."""
        return cls(
            data="outlines:count=80",
            other="avatars-32",
            generator=Part(name="resnet-translator", width=4, blocks=1),
            discriminator=Part(name="patch-gan", width=4, receptive_field=16),
            pool=12,
            train_samples=96,
            batch=8,
            ema_half_life=32,
        )


class Method(base.BaseMethod):
    r"""A generator G from the first side X to the second Y, an inverse F back, and a discriminator of each side.

    .. math::
        L_{G,F} = (D_Y(G(x)) - 1)^2 + (D_X(F(y)) - 1)^2 + \lambda(|F(G(x)) - x|_1 + |G(F(y)) - y|_1)
                  + \lambda_{id}(|G(y) - y|_1 + |F(x) - x|_1)

        L_{D_Y} = \tfrac12 ((D_Y(y) - 1)^2 + D_Y(\hat y)^2)

    with means over patches, pixels and channels, λ = 10 and λ_id = 5, and ŷ from a pool of 50 earlier translations;
    D_X likewise. The generators learn first, as in the published code, and the discriminators see what these made
    before that. Each side has its own number of channels; then there is no identity loss.

    With ``semantic_weight`` a classifier f learns the labels of the first side while the rest trains, and

    .. math:: L_{sem} = -\log f(G(x))_{c(x)} - \log f(F(y))_{c(y)}, \qquad c(z) = \arg\max f(z)

    *Departs from CyCADA*, where f has been trained before.

    DiscoGAN is the same with cross-entropies, squared errors, λ = 1, no identity loss and no pool: the recipe
    ``discogan``.

    References:
        Zhu, Park, Isola & Efros 2017, arXiv 1703.10593, equations 1 to 3 and sections 4 and 5.2 (identity); Kim et al.
        2017, arXiv 1703.05192, equations 1 to 6; Hoffman et al. 2017, arXiv 1711.03213, equation 4 (semantic).

    Args:
        recipe: What decides the outcome.
        spec: What the data decide.
    """

    averaged = ("generator", "inverse")
    target = OTHER

    def __init__(self, recipe: Recipe, spec: DataSpec) -> None:
        super().__init__(recipe, spec)
        self.source = spec.main
        two_sides.check_sides(spec, "cyclegan")
        here, there = spec.shape, self.output.shape
        self.identity_weight = _identity_weight(recipe, here[0], there[0])
        self.generator = two_sides.make_translator(recipe, here, there[0])
        self.inverse = two_sides.make_translator(recipe, there, here[0])
        self.discriminator = two_sides.make_judge(recipe, there)
        self.inverse_discriminator = two_sides.make_judge(recipe, here)
        self.objective = patches.patch_objective(recipe.adversarial)
        self.reconstruction = RECONSTRUCTIONS.build(recipe.reconstruction)
        self.pool = ImagePool(recipe.pool, there) if recipe.pool else None
        self.inverse_pool = ImagePool(recipe.pool, here) if recipe.pool else None
        self.classifier = _classifier(recipe, spec) if recipe.semantic_weight else None

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
        """Both generators, both discriminators, and the classifier if there is one."""
        recipe = self.recipe
        generators = nn.ModuleList([self.generator, self.inverse])
        judges = nn.ModuleList([self.discriminator, self.inverse_discriminator])
        found = {
            "generator": Player(generators, recipe.generator_optimizer),
            "discriminator": Player(judges, recipe.discriminator_optimizer),
        }
        if self.classifier is not None:
            found["classifier"] = Player(self.classifier, recipe.classifier_optimizer)
        return found

    def networks(self) -> dict[str, nn.Module]:
        """Generator and inverse, the discriminators of the second and of the first side, and the classifier."""
        names = ("generator", "inverse", "discriminator", "inverse_discriminator", "classifier")
        found: dict[str, nn.Module | None] = {name: getattr(self, name) for name in names}
        return {name: network for name, network in found.items() if network is not None}

    def inputs(self) -> dict[str, tuple[tuple[int, ...] | Tensor, ...]]:
        """Pictures of the side that each network is given."""
        backwards = ("inverse", "discriminator")
        return {name: (self.output.shape if name in backwards else self.spec.shape,) for name in self.networks()}

    def play(self, data: Iterator[Batch], draw: Draws) -> Iterator[Turn]:
        """A turn of the classifier if there is one, then the generators', then the discriminators'."""
        sides = two_sides.drawn(data, draw, self.recipe)
        if self.classifier is not None:
            assert sides.labels is not None  # the domain has classes
            yield Turn(
                "classifier", {"class": cross_entropy(self.classifier(sides.main), sides.labels, reduction="none")}
            )
        made, back = self.generator(sides.main), self.inverse(sides.other)
        yield Turn("generator", self.generator_terms(sides, made, back, draw.progress), self.weights)
        made, back = made.detach(), back.detach()
        if self.pool is not None and self.inverse_pool is not None:
            made, back = self.pool.exchange(made, draw), self.inverse_pool.exchange(back, draw)
        forth, home = self.duels
        loss, means = forth.discriminator(sides.other, made, draw)
        inverse_loss, inverse_means = home.discriminator(sides.main, back, draw)
        signals = {**means, **{f"{name}-inverse": mean for name, mean in inverse_means.items()}}
        terms = {"adversarial": loss, "adversarial-inverse": inverse_loss}
        yield Turn("discriminator", terms, dict.fromkeys(terms, HALF), signals)

    def generator_terms(self, sides: DrawnSides, made: Tensor, back: Tensor, progress: float) -> dict[str, Tensor]:
        """The generators' losses ``[N]``.

        Args:
            sides: The pictures x and y.
            made: G(x).
            back: F(y).
            progress: Share of the run that is done.
        """
        x, y, _ = sides
        forth, home = self.duels
        terms = {
            "adversarial": forth.generator(made, y, progress),
            "adversarial-inverse": home.generator(back, x, progress),
            "cycle": self.reconstruction(self.inverse(made), x),
            "cycle-inverse": self.reconstruction(self.generator(back), y),
        }
        if self.identity_weight:
            terms["identity"] = self.reconstruction(self.generator(y), y)
            terms["identity-inverse"] = self.reconstruction(self.inverse(x), x)
        if self.classifier is not None:
            terms["semantic"] = self.meaning(x, made)
            terms["semantic-inverse"] = self.meaning(y, back)
        return terms

    def meaning(self, given: Tensor, made: Tensor) -> Tensor:
        """How far translations are from the classes that the classifier sees in what was given.  # [N]"""
        assert self.classifier is not None
        with torch.no_grad():
            seen = self.classifier(given).argmax(1)
        return cross_entropy(self.classifier(made), seen, reduction="none")

    @property
    def duels(self) -> tuple[Duel, Duel]:
        """Of the second side and of the first."""
        return Duel(self.discriminator, self.objective), Duel(self.inverse_discriminator, self.objective)

    @property
    def weights(self) -> dict[str, float]:
        """Factors of the generators' terms that have one."""
        recipe = self.recipe
        found = {"cycle": recipe.cycle_weight}
        found |= {"identity": self.identity_weight} if self.identity_weight else {}
        found |= {"semantic": recipe.semantic_weight} if self.classifier is not None else {}
        return {**found, **{f"{name}-inverse": weight for name, weight in found.items()}}

    def evaluate(self, batch: Batch, draw: Draws) -> Mapping[str, Tensor]:
        """The generators' whole loss, and how far pictures of both sides are from what comes back of them."""
        sides = DrawnSides(batch.main, batch[OTHER], None)
        terms = self.generator_terms(sides, self.generator(sides.main), self.inverse(sides.other), draw.progress)
        return {"loss": weighted(terms, self.weights), "cycle": terms["cycle"], "cycle-inverse": terms["cycle-inverse"]}

    def translate(self, source: Tensor, draws: SampleDraws) -> Tensor:
        """Pictures ``[n, C, H, W]`` of the second side from those of the first, in [-1, 1], of any size."""
        made: Tensor = self.generator(source, dropout_streams(draws))
        return made

    def translate_back(self, source: Tensor, draws: SampleDraws) -> Tensor:
        """Pictures of the first side from those of the second."""
        made: Tensor = self.inverse(source, dropout_streams(draws))
        return made

    def show(self, batch: Batch, draws: SampleDraws) -> Mapping[str, tuple[DataField, Tensor]]:
        """Pictures of each side, and what is made of them."""
        x, y, here, there = batch.main, batch[OTHER], self.spec.field, self.output
        return {
            "input": (here, x),
            "output": (there, self.translate(x, draws)),
            "other input": (there, y),
            "other output": (here, self.translate_back(y, draws)),
        }


def _identity_weight(recipe: Recipe, here: int, there: int) -> float:
    """The weight of the identity loss between sides of some channels.

    Raises:
        UsageError: It is asked for where a generator cannot be given what it makes.
    """
    if recipe.identity_weight is None:
        return recipe.cycle_weight / 2 if here == there else 0.0
    if recipe.identity_weight and here != there:
        raise UsageError(
            f"identity_weight is {recipe.identity_weight:g}, but the identity loss gives each generator pictures of "
            f"the side that it makes, and the sides have {here} and {there} channels. Leave it out, or type "
            f"--channels {max(here, there)}."
        )
    return recipe.identity_weight


def _classifier(recipe: Recipe, spec: DataSpec) -> Any:
    """The classifier of the first side that translations are held to.

    Raises:
        UsageError: There are no classes to learn, or the sides differ in their channels.
    """
    here, there = spec.shape[0], spec.fields[OTHER].shape[0]
    if len(spec.classes) < 2:
        raise UsageError(
            "semantic_weight keeps the classes of the first side, but its data have no labels. Type --labels, put the "
            "pictures of each class into a folder of its own, or leave the weight out."
        )
    if here != there:
        raise UsageError(
            f"semantic_weight lets one classifier see both sides, but they have {here} and {there} channels. Type "
            f"--channels {max(here, there)}, or leave the weight out."
        )
    return CLASSIFIERS.build(recipe.classifier, shape=spec.shape, classes=len(spec.classes))
