"""Image-to-image translation from pairs: a U-Net, a judge of patches, and the distance from the target (pix2pix)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import reduce
from math import sqrt
from operator import add
from typing import Annotated, Any, Self

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import one_hot

from belamy.data import Batch
from belamy.errors import UsageError
from belamy.losses.penalties.gradients import squared_slope
from belamy.methods import base, patches
from belamy.methods.autoencoder import RECONSTRUCTIONS
from belamy.methods.base import OPTIMIZERS, DataSpec, Player, Turn, weighted
from belamy.methods.construction import NORMALISATIONS, adapted
from belamy.methods.gan import ADVERSARIAL
from belamy.methods.movement import shifted, spliced
from belamy.modalities.fields import Field as DataField
from belamy.modalities.label_map import MOST, edges
from belamy.networks import PatchScores
from belamy.registry import Part, Registry
from belamy.seeds import Draws, SampleDraws, generator

TRANSLATORS = Registry("belamy.networks", "translator", "Translator")
PATCH_DISCRIMINATORS = Registry("belamy.networks", "discriminator of patches", "PatchDiscriminator")
INSTANCES = "instances"
_PICTURES = ("image", "label_map")


class Recipe(base.BaseRecipe):
    """A translator of pictures that learns from pairs."""

    data: str = "outlines"
    """Pairs of pictures: a named set, or a folder, a table or an archive whose layout --modality image:pairs=… says."""
    generator: Annotated[Part, TRANSLATORS] = Part(name="u-net", upsampling="transposed", dropped=3)
    """The network that makes a picture from a picture."""
    discriminator: Annotated[Part, PATCH_DISCRIMINATORS] = Part(name="patch-gan", receptive_field=70)
    """The network that judges patches of a picture beside what it was made from."""
    adversarial: Annotated[Part, ADVERSARIAL] = Part(name="non-saturating")
    """What the two players minimise for each patch."""
    reconstruction: Annotated[Part, RECONSTRUCTIONS] = Part(name="absolute-error")
    """How far a translation is from its target."""
    reconstruction_weight: float = Field(default=100.0, ge=0)
    """Factor of that distance in the generator's loss."""
    matching_weight: float = Field(default=0.0, ge=0)
    """Factor of the distance of the discriminator's features, of translation and target, in the generator's loss."""
    r1_weight: float = Field(default=0.0, ge=0)
    """Factor of half the squared slope of the discriminator's scores at real pairs, in its loss."""
    r2_weight: float = Field(default=0.0, ge=0)
    """Factor of the same at pairs with translations."""
    slope_every: int = Field(default=8, ge=1)
    """Add these slopes on each so many-th step, so many times as heavily."""
    fresh_batch: bool = False
    """Let the generator learn from a batch of its own instead of from that of the discriminator's turn."""
    mirror: bool = True
    """Show half of the pairs mirrored left to right."""
    jitter: float = Field(default=0.0, ge=0, le=1)
    """Show pairs enlarged by this share of their sides and cut to their size at a random place; 30/256 in the paper."""
    splice: float = Field(default=0.0, ge=0, le=1)
    """Show this share of the pairs with a rectangle of another pair in them."""
    generator_norm: Annotated[Part, NORMALISATIONS] = Part(name="instance")
    """What stands in place of the generator's batch normalisations; native keeps them."""
    discriminator_norm: Annotated[Part, NORMALISATIONS] = Part(name="instance")
    """What stands in place of the discriminator's batch normalisations; native keeps them."""
    generator_optimizer: Annotated[Part, OPTIMIZERS] = Part(name="adam", lr=2e-4, beta1=0.5)
    """How the generator learns."""
    discriminator_optimizer: Annotated[Part, OPTIMIZERS] = Part(name="adam", lr=2e-4, beta1=0.5)
    """How the discriminator learns."""

    @classmethod
    def tiny(cls) -> Self:
        """Thin networks on few pairs."""
        return cls(
            data="outlines:count=80",
            generator=Part(name="u-net", width=4, depth=2),
            discriminator=Part(name="patch-gan", width=4),
            train_samples=96,
            batch=8,
            ema_half_life=32,
        )


class Method(base.BaseMethod):
    r"""A generator translates the input x into a picture G(x); a discriminator tells pairs (x, y) from (x, G(x)).

    .. math:: L_D = -\log D(x, y) - \log(1 - D(x, G(x))), \qquad L_G = -\log D(x, G(x)) + \lambda |y - G(x)|_1

    with the mean over patches, and λ = 100. Where the discriminator judges at several scales, the losses of all are
    summed; its features can be matched as pix2pixHD does, and its slope be held low at real and at made pairs, as by R1
    and R2. The only noise is dropout, which stays on when pictures are translated, a function of the seed and the
    picture's number. Label maps are given as one map of 0 and 1 for each class, with the edges of the instances where
    those are known.

    The paper normalises by the statistics of the batch at hand, also in testing; with its batch of one picture that is
    instance normalisation, and so it is here, for batches of any size.

    *Departs from the paper*: the discriminator's two terms are summed, not averaged, which Adam undoes; pairs are
    mirrored, but enlarged and cut only where ``jitter`` says by how much.
    *Departs from Hands-On GANs with Keras*: pictures are drawn without replacement, and dropout stays on.

    References:
        Isola, Zhu, Zhou & Efros 2016, arXiv 1611.07004, sections 3 and 6.2; edges of instances: Wang et al. 2017,
        arXiv 1711.11585, section 3.3; R1 and R2: Mescheder et al. 2018, arXiv 1801.04406, equation 9.

    Args:
        recipe: What decides the outcome.
        spec: What the data decide.
    """

    averaged = ("generator",)
    target = "target"

    def __init__(self, recipe: Recipe, spec: DataSpec) -> None:
        super().__init__(recipe, spec)
        self.source = spec.main
        self.shape = seen_shape(spec)
        channels = self.output.shape[0]
        made = TRANSLATORS.build(recipe.generator, shape=self.shape, outputs=channels)
        self.generator = adapted(made, recipe.generator_norm, ())
        together = (self.shape[0] + channels, *self.shape[1:])
        made = PATCH_DISCRIMINATORS.build(recipe.discriminator, shape=together)
        self.discriminator = adapted(made, recipe.discriminator_norm, ())
        self.objective = patches.patch_objective(recipe.adversarial)
        patches.check_matching(self.discriminator, recipe.discriminator.name, recipe.matching_weight)
        self.reconstruction = RECONSTRUCTIONS.build(recipe.reconstruction)

    @classmethod
    def requires(cls, recipe: Any) -> Mapping[str, str]:
        """Pictures, or label maps, and the pictures that they are to become."""
        return {"main": "any", cls.target: "image"}

    @property
    def output(self) -> DataField:
        """Pictures like the targets."""
        return self.spec.fields[self.target]

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
        """What is translated, and that beside the target."""
        together = (self.shape[0] + self.output.shape[0], *self.shape[1:])
        return {"generator": (self.shape,), "discriminator": (together,)}

    def play(self, data: Iterator[Batch], draw: Draws) -> Iterator[Turn]:
        """A turn of the discriminator, then one of the generator."""
        given, wanted = self.drawn(data, draw)
        serves_both = not self.recipe.fresh_batch and draw.parts == 1  # passes of all parts would wait in memory
        with torch.set_grad_enabled(serves_both):
            made = self.generator(given)
        real, fake = self.judge(given, wanted), self.judge(given, made.detach())
        yield self.penalised(patches.discriminator_turn(self.objective, real, fake, draw), given, wanted, made, draw)
        if self.recipe.fresh_batch:
            given, wanted = self.drawn(data, draw)
        if not serves_both:
            made = self.generator(given)
        terms = self.generator_terms(given, wanted, made, draw.progress)
        yield Turn("generator", terms, self.weights)

    def penalised(self, turn: Turn, given: Tensor, wanted: Tensor, made: Tensor, draw: Draws) -> Turn:
        """The discriminator's turn with the slopes that are due."""
        if draw.step % self.recipe.slope_every:
            return turn
        weights = {"r1": self.recipe.r1_weight, "r2": self.recipe.r2_weight}
        at = {"r1": wanted, "r2": made.detach()}
        due = {name: self.recipe.slope_every * weight for name, weight in weights.items() if weight}
        slopes = {name: squared_slope(self.patch_sums, torch.cat([given, at[name]], 1)) / 2 for name in due}
        return Turn(turn.player, {**turn.terms, **slopes}, {**turn.weights, **due}, turn.signals)

    def patch_sums(self, pairs: Tensor) -> Tensor:
        """``[N]``: each scale's scores summed, over the root of their number: slopes as large as those of a patch."""
        scores = [scale.scores.flatten(1) for scale in patches.judged(self.discriminator, pairs)]
        return reduce(add, [each.sum(1) / sqrt(each.shape[1]) for each in scores])

    def drawn(self, data: Iterator[Batch], draw: Draws) -> tuple[Tensor, Tensor]:
        """The next inputs and targets, as they come or moved and mirrored; both of a pair alike."""
        batch = next(data)
        given, wanted = self.seen(batch), batch[self.target]
        mode = "bilinear" if self.spec.field.modality == "image" else "nearest"
        pair = shifted((given, wanted), (mode, "bilinear"), self.recipe, draw)
        given, wanted = spliced(pair, self.recipe.splice, draw) if self.recipe.splice else pair
        return given, wanted

    def generator_terms(self, given: Tensor, wanted: Tensor, made: Tensor, progress: float) -> dict[str, Tensor]:
        """The generator's losses ``[N]``: what the discriminator says and sees, and the distance from the target."""
        terms = patches.of_generator(
            self.objective, lambda features: self.judge(given, made, features),
            lambda features: self.judge(given, wanted, features), progress, bool(self.recipe.matching_weight),
        )  # fmt: skip
        return {**terms, "reconstruction": self.reconstruction(made, wanted)}

    @property
    def weights(self) -> dict[str, float]:
        """Factors of the generator's terms; 1 where there is none."""
        matching = {"matching": self.recipe.matching_weight} if self.recipe.matching_weight else {}
        return {"reconstruction": self.recipe.reconstruction_weight, **matching}

    def judge(self, given: Tensor, pictures: Tensor, features: bool = False) -> list[PatchScores]:
        """What is said of the patches of pictures beside what they were made from, at each scale."""
        return patches.judged(self.discriminator, torch.cat([given, pictures], 1), features)

    def seen(self, batch: Batch) -> Tensor:
        """What the generator is given of a batch.  # [N, C, H, W]"""
        return self.encoded(batch.main, batch.fields.get(INSTANCES))

    def encoded(self, source: Tensor, instances: Tensor | None = None) -> Tensor:
        """Pictures as they are; label maps ``[N, H, W]`` as a map for each class, and the edges of the instances.

        Where the method learned with instances and is given none, edges of the classes stand for theirs.
        """
        maps = encoded(source, instances, self.spec)
        return maps.to(next(self.generator.parameters()).dtype)

    def evaluate(self, batch: Batch, draw: Draws) -> Mapping[str, Tensor]:
        """The distance from the target, and the generator's whole loss.

        Its adversarial part is high where the discriminator knows the training pairs, which tells nothing by itself.
        """
        given = self.seen(batch)
        made = self.generator(given, dropout_streams(SampleDraws(draw.seed, batch.indices.tolist())))
        terms = self.generator_terms(given, batch[self.target], made, draw.progress)
        return {"reconstruction": terms["reconstruction"], "loss": weighted(terms, self.weights)}

    def translate(self, source: Tensor, draws: SampleDraws) -> Tensor:
        """Pictures ``[n, C, H, W]`` in [-1, 1]; the dropout of each is a function of its number alone.

        Args:
            source: Pictures in [-1, 1] or label maps, of any height and width that the generator halves.
            draws: The random numbers of the translations.
        """
        made: Tensor = self.generator(self.encoded(source), dropout_streams(draws))
        return made

    def show(self, batch: Batch, draws: SampleDraws) -> Mapping[str, tuple[DataField, Tensor]]:
        """Inputs, what is made of them, and the targets."""
        made = self.generator(self.seen(batch), dropout_streams(draws))
        return {
            "input": (self.spec.field, batch.main),
            "output": (self.output, made),
            "target": (self.output, batch[self.target]),
        }


def encoded(source: Tensor, instances: Tensor | None, spec: DataSpec) -> Tensor:
    """Pictures as they are; of label maps a map of 0 and 1 for each class, and one of edges if instances are known.

    Args:
        source: Pictures or label maps.  # [N, C, H, W] or [N, H, W]
        instances: Numbers of the objects; None lets edges of the classes stand for theirs.  # [N, H, W]
        spec: What the data are.
    """
    if spec.field.modality == "image":
        return source
    maps = one_hot(source, len(spec.field.classes)).movedim(-1, 1).float()
    if INSTANCES not in spec.fields:
        return maps
    return torch.cat([maps, edges(source if instances is None else instances).unsqueeze(1).to(maps)], 1)


def dropout_streams(draws: SampleDraws) -> list[torch.Generator]:
    """The random numbers of each sample's dropout."""
    return [generator(draws.seed, "dropout", index) for index in draws.indices]


def seen_shape(spec: DataSpec, name: str = "pix2pix") -> tuple[int, int, int]:
    """The shape (C, H, W) of what the generator is given.

    Args:
        spec: What the data are.
        name: Of the method, for messages.

    Raises:
        UsageError: Neither pictures nor label maps, or targets of another size.
    """
    field, target = spec.field, spec.fields["target"]
    if field.modality not in _PICTURES:
        raise UsageError(f"{name} translates pictures and label maps, but '{spec.main}' holds {field.modality}.")
    if field.modality == "label_map" and not field.classes:
        raise UsageError(f"{name} takes label maps of up to {MOST} classes, but '{spec.main}' holds more.")
    if field.shape[-2:] != target.shape[-2:]:
        sizes = [f"{shape[-2]}×{shape[-1]}" for shape in (field.shape, target.shape)]
        raise UsageError(
            f"{name} makes pictures as large as its inputs, but those are {sizes[0]} and the targets {sizes[1]}. "
            "Type --size to have both in one size."
        )
    height, width = field.shape[-2:]
    maps = field.shape[0] if field.modality == "image" else len(field.classes) + (INSTANCES in spec.fields)
    return maps, height, width
