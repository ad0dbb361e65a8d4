"""Label maps become large pictures: judges at several scales, a local enhancer, a look for each object (pix2pixHD)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Self

import torch
from pydantic import Field
from torch import Tensor, nn

from belamy.data import Batch
from belamy.errors import UsageError
from belamy.methods import base, patches
from belamy.methods.base import OPTIMIZERS, DataSpec, Player, Turn, weighted
from belamy.methods.construction import NORMALISATIONS, adapted
from belamy.methods.gan import ADVERSARIAL
from belamy.methods.pix2pix import INSTANCES, PATCH_DISCRIMINATORS, TRANSLATORS, encoded, seen_shape
from belamy.methods.scenes import Scene, moved_scene, scene_of
from belamy.modalities.fields import Field as DataField
from belamy.modalities.label_map import edges
from belamy.networks import PatchScores
from belamy.networks.growing import Growing
from belamy.networks.instance_encoder import InstanceEncoder
from belamy.networks.layers import same_average_pool
from belamy.registry import Part
from belamy.seeds import Draws, SampleDraws, generator

ALIKE = 4
"""Remembered pictures, much like each other, whose looks the objects of one map take."""


class Recipe(base.BaseRecipe):
    """A painter of label maps, with a look for each object."""

    data: str = "streets"
    """Label maps and pictures: a named set, or a folder whose layout --modality label_map:pairs=… says."""
    generator: Annotated[Part, TRANSLATORS] = Part(name="pix2pix-hd")
    """The network that makes a picture from maps; with enhancer=true it learns in two phases."""
    discriminator: Annotated[Part, PATCH_DISCRIMINATORS] = Part(name="multi-scale")
    """The network that judges patches of a picture beside what it was made from."""
    adversarial: Annotated[Part, ADVERSARIAL] = Part(name="least-squares", half=False)
    """What the two players minimise for each patch, at each scale."""
    matching_weight: float = Field(default=10.0, ge=0)
    """Factor of the distance of the discriminator's features in the generator's loss."""
    features: int = Field(default=3, ge=0, le=64)
    """Numbers that say how an object looks, told by an encoder; 0 for none."""
    encoder_width: int = Field(default=32, ge=1, le=1024)
    """Maps of the encoder's first convolution."""
    encoder_halvings: int = Field(default=4, ge=1, le=10)
    """How often the encoder halves a picture."""
    looks: int = Field(default=10, ge=1, le=64)
    """Clusters of the looks of each class, of which an object that is edited takes one."""
    whole_until: float = Field(default=0.5, ge=0, le=1)
    """Share of the run in which the global generator learns alone, at half the size; only with an enhancer."""
    joint_from: float = Field(default=0.5, ge=0, le=1)
    """Share of the run from which both learn together; between the two shares the enhancer learns alone."""
    fresh_batch: bool = False
    """Let the generator learn from a batch of its own instead of from that of the discriminator's turn."""
    mirror: bool = True
    """Show half of the scenes mirrored left to right."""
    jitter: float = Field(default=0.0, ge=0, le=1)
    """Show scenes enlarged by this share of their sides and cut to their size at a random place."""
    generator_norm: Annotated[Part, NORMALISATIONS] = Part(name="instance")
    """What stands in place of the batch normalisations of generator and encoder; native keeps them."""
    discriminator_norm: Annotated[Part, NORMALISATIONS] = Part(name="instance")
    """What stands in place of the discriminator's batch normalisations; native keeps them."""
    generator_optimizer: Annotated[Part, OPTIMIZERS] = Part(name="adam", lr=2e-4, beta1=0.5)
    """How generator and encoder learn."""
    discriminator_optimizer: Annotated[Part, OPTIMIZERS] = Part(name="adam", lr=2e-4, beta1=0.5)
    """How the discriminator learns."""

    @classmethod
    def tiny(cls) -> Self:
        """Thin networks on few scenes."""
        return cls(
            data="streets:side=32,count=60",
            generator=Part(name="pix2pix-hd", width=4, halvings=2, blocks=1),
            discriminator=Part(name="multi-scale", width=4, count=2, receptive_field=16),
            features=2,
            encoder_width=4,
            encoder_halvings=2,
            looks=4,
            train_samples=96,
            batch=8,
            ema_half_life=32,
        )


class Method(base.BaseMethod):
    r"""A generator paints maps s in the looks that an encoder tells of the picture x; judges D_k tell pairs apart.

    .. math:: L_{D_k} = (D_k(s, x) - 1)^2 + D_k(s, G(s, E(x)))^2, \qquad
        L_G = \sum_k (D_k(s, G) - 1)^2 + \lambda \sum_k \sum_i |D_k^{(i)}(s, G) - D_k^{(i)}(s, x)|_1

    with means over patches and features, and λ = 10. Maps are one of 0 and 1 for each class, and the edges of objects.
    The encoder sees the picture and the edges; its features are means over each object. Those of the last pictures are
    remembered, and where there is no picture the objects take looks that were seen together.

    A generator with an enhancer learns in phases of one run, a function of the share of it that is done: until
    ``whole_until`` the global generator alone, on scenes halved by means of 3×3 pixels; from ``joint_from`` on both,
    at the full size; in between the enhancer alone. Snapshots and translations show what has been learned so far, in
    the first phase enlarged.

    *Departs from the paper*: the discriminators' two terms are summed, not halved, which Adam undoes; no features of a
    network for photographs are compared; drawn looks go together, where the paper draws a cluster for each object by
    itself, which mixes day and night in one picture. *Departs from Hands-On GANs with Keras*: labels are no grey values
    but one map for each class; means over objects are taken for any number of them; the enhancer gets the global
    generator's maps of halved inputs.

    References:
        Wang et al. 2017, arXiv 1711.11585, equations 2 to 5 and sections 3.1 to 3.4.

    Args:
        recipe: What decides the outcome.
        spec: What the data decide.
    """

    target = "target"

    def __init__(self, recipe: Recipe, spec: DataSpec) -> None:
        super().__init__(recipe, spec)
        self.source = spec.main
        self.shape = seen_shape(spec, "pix2pix-hd")
        self.check(recipe, spec)
        channels, (height, width) = self.output.shape[0], self.shape[1:]
        given = (self.shape[0] + recipe.features, height, width)
        made = TRANSLATORS.build(recipe.generator, shape=given, outputs=channels)
        self.generator: Any = adapted(made, recipe.generator_norm, ())
        self.encoder: Any = None
        if recipe.features:
            encoder = InstanceEncoder(
                (channels + 1, height, width), recipe.features, recipe.encoder_width, recipe.encoder_halvings,
                len(spec.field.classes),
            )  # fmt: skip
            self.encoder = adapted(encoder, recipe.generator_norm, ())
        self.averaged = ("generator", "encoder") if recipe.features else ("generator",)
        together = (self.shape[0] + channels, height, width)
        made = PATCH_DISCRIMINATORS.build(recipe.discriminator, shape=together)
        self.discriminator = adapted(made, recipe.discriminator_norm, ())
        if self.enhanced:  # the first phase is judged at half the size, which may be too small
            with torch.device("meta"):
                PATCH_DISCRIMINATORS.build(recipe.discriminator, shape=(together[0], height // 2, width // 2))
        self.objective = patches.patch_objective(recipe.adversarial)
        patches.check_matching(self.discriminator, recipe.discriminator.name, recipe.matching_weight)

    @staticmethod
    def check(recipe: Recipe, spec: DataSpec) -> None:
        """Refuse what means nothing.

        Raises:
            UsageError: What to type instead.
        """
        if recipe.joint_from < recipe.whole_until:
            raise UsageError(
                f"joint-from is {recipe.joint_from:g}, but the phase that it ends begins at whole-until, "
                f"{recipe.whole_until:g}. Type --joint-from {recipe.whole_until:g} or more."
            )
        if recipe.features and spec.field.modality != "label_map":
            raise UsageError(
                f"Looks are those of the objects in label maps, but '{recipe.data}' holds pictures. Type --features 0."
            )

    @classmethod
    def requires(cls, recipe: Any) -> Mapping[str, str]:
        """Label maps, or pictures, and the pictures that they are to become."""
        return {"main": "label_map/image", cls.target: "image"}

    @property
    def output(self) -> DataField:
        """Pictures like the targets."""
        return self.spec.fields[self.target]

    @property
    def enhanced(self) -> bool:
        """Whether the generator learns in phases."""
        return isinstance(self.generator, Growing) and self.generator.halvings > 0

    @property
    def level(self) -> int:
        """How often pictures are halved in the present phase."""
        return self.generator.place[0] if self.enhanced else 0

    @property
    def players(self) -> dict[str, Player]:
        """The discriminator, and the generator with the encoder."""
        made = {"generator": self.generator, **({"encoder": self.encoder} if self.encoder else {})}
        return {
            "discriminator": Player(self.discriminator, self.recipe.discriminator_optimizer),
            "generator": Player(nn.ModuleDict(made), self.recipe.generator_optimizer),
        }

    def networks(self) -> dict[str, nn.Module]:
        """Generator, encoder where there is one, and discriminator."""
        encoder = {"encoder": self.encoder} if self.encoder else {}
        return {"generator": self.generator, **encoder, "discriminator": self.discriminator}

    def inputs(self) -> dict[str, tuple[tuple[int, ...] | Tensor, ...]]:
        """Maps and looks; the picture, its edges and the objects; maps and the picture."""
        count, height, width = self.shape
        channels = self.output.shape[0]
        found: dict[str, tuple[tuple[int, ...] | Tensor, ...]] = {
            "generator": ((count + self.recipe.features, height, width),),
            "discriminator": ((count + channels, height, width),),
        }
        if self.encoder:
            found["encoder"] = ((channels + 1, height, width), torch.zeros(2, height, width, dtype=torch.long))
        return found

    def play(self, data: Iterator[Batch], draw: Draws) -> Iterator[Turn]:
        """A turn of the discriminator, then one of the generator and the encoder."""
        recipe = self.recipe
        if self.enhanced:
            self.generator.grow(float(draw.progress < recipe.whole_until))
            self.generator.trains_whole = draw.progress >= recipe.joint_from
        scene = moved_scene(next(data), self.spec, self.target, recipe, draw)
        serves_both = not recipe.fresh_batch and draw.parts == 1
        with torch.set_grad_enabled(serves_both):
            given, looks = self.given(scene)
            made = self.made(given)
        maps, wanted = self.sized(scene.maps), self.sized(scene.wanted)
        real, fake = self.judge(maps, wanted), self.judge(maps, made.detach())
        yield patches.discriminator_turn(self.objective, real, fake, draw)
        if recipe.fresh_batch:
            scene = moved_scene(next(data), self.spec, self.target, recipe, draw)
            maps, wanted = self.sized(scene.maps), self.sized(scene.wanted)
        if not serves_both:
            given, looks = self.given(scene)
            made = self.made(given)
        if looks is not None and scene.classes is not None:
            self.encoder.remember(looks.detach(), scene.classes, draw)
        yield Turn("generator", self.generator_terms(maps, wanted, made, draw.progress), self.weights)

    def given(self, scene: Scene) -> tuple[Tensor, Tensor | None]:
        """What the generator is given: maps and the looks of the objects; and these looks by themselves."""
        if self.encoder is None or scene.regions is None:
            return scene.maps, None
        looks = self.seen_looks(scene.wanted, scene.regions)
        return torch.cat([scene.maps, looks], 1), looks

    @property
    def has_looks(self) -> bool:
        """Whether there is an encoder of looks."""
        return self.encoder is not None

    def seen_looks(self, pictures: Tensor, regions: Tensor) -> Tensor:
        """The look of each pixel's object, which the encoder sees in the picture and the edges.  # [N, F, H, W]

        Args:
            pictures: In [-1, 1].  # [N, C, H, W]
            regions: Numbers of the objects.  # [N, H, W]
        """
        looks: Tensor = self.encoder(torch.cat([pictures, edges(regions).unsqueeze(1).to(pictures)], 1), regions)
        return looks

    def clusters(self, number: int) -> Tensor:
        """The looks that objects of a class may take: clusters of the last ones in training.  # [k, F]"""
        found: Tensor = self.encoder.bank.clusters(number, self.recipe.looks)
        return found

    def made(self, given: Tensor) -> Tensor:
        """The pictures, in the first phase of half the size.  # [N, C, H, W]"""
        made: Tensor = self.generator.coarse(same_average_pool(given)) if self.level else self.generator(given)
        return made

    def sized(self, values: Tensor) -> Tensor:
        """Maps or pictures in the size of the present phase."""
        return same_average_pool(values) if self.level else values

    @property
    def weights(self) -> dict[str, float]:
        """Factors of the generator's terms; 1 where there is none."""
        return {"matching": self.recipe.matching_weight} if self.recipe.matching_weight else {}

    def generator_terms(self, maps: Tensor, wanted: Tensor, made: Tensor, progress: float) -> dict[str, Tensor]:
        """The generator's losses ``[N]``: what the judges say, and the distance of what they see."""
        return patches.of_generator(
            self.objective, lambda features: self.judge(maps, made, features),
            lambda features: self.judge(maps, wanted, features), progress, bool(self.recipe.matching_weight),
        )  # fmt: skip

    def judge(self, maps: Tensor, pictures: Tensor, features: bool = False) -> list[PatchScores]:
        """What is said of the patches of pictures beside the maps, at each scale."""
        return patches.judged(self.discriminator, torch.cat([maps, pictures], 1), features)

    def evaluate(self, batch: Batch, draw: Draws) -> Mapping[str, Tensor]:
        """The distance from the target in its own looks, and the generator's whole loss."""
        scene = scene_of(batch, self.spec, self.target)
        given, _ = self.given(scene)
        made = self.generator(given)
        terms = self.generator_terms(scene.maps, scene.wanted, made, draw.progress)
        return {"distance": (made - scene.wanted).abs().flatten(1).mean(1), "loss": weighted(terms, self.weights)}

    def translate(self, source: Tensor, draws: SampleDraws) -> Tensor:
        """Pictures ``[n, C, H, W]`` in [-1, 1], in looks that were seen together, drawn by the map's number.

        Args:
            source: Label maps, or pictures in [-1, 1], of any height and width that the generator halves.
            draws: The random numbers of the translations.
        """
        return self.painted(source, None, draws)

    def painted(
        self, source: Tensor, instances: Tensor | None, draws: SampleDraws, looks: Tensor | None = None
    ) -> Tensor:
        """Pictures of label maps whose objects are told apart.

        Args:
            source: Label maps ``[n, H, W]``, or pictures ``[n, C, H, W]``.
            instances: Numbers of the objects; None where each class is one.  # [n, H, W]
            draws: The random numbers that choose looks.
            looks: The look of each pixel's object, in place of drawn ones.  # [n, F, H, W]
        """
        like = next(self.generator.parameters())
        maps = encoded(source, instances, self.spec).to(like.dtype)
        if self.encoder is not None:
            if looks is None:
                looks = self.drawn_looks(source, source if instances is None else instances, draws)
            maps = torch.cat([maps, looks.to(maps)], 1)
        made: Tensor = self.generator(maps)
        return made

    def drawn_looks(self, source: Tensor, regions: Tensor, draws: SampleDraws) -> Tensor:
        """A look of its class for each object, a function of the seed, the picture's number and the object's alone.

        The looks of one map are of one remembered picture, or one much like it: objects by day do not stand among
        others by night.

        Args:
            source: Label maps.  # [n, H, W]
            regions: Numbers of the objects.  # [n, H, W]
            draws: The random numbers.
        """
        looks = torch.zeros(len(source), self.recipe.features, *source.shape[1:])
        for place, index in enumerate(draws.indices):
            chosen = torch.rand((), generator=generator(draws.seed, "picture", index))
            together = self.encoder.bank.together(float(chosen), ALIKE)
            classes, objects = source[place].cpu(), regions[place].cpu()
            for number in objects.unique().tolist():
                there = objects == number
                known = together[int(classes[there][0])]
                if len(known):
                    chosen = torch.rand((), generator=generator(draws.seed, "look", index, number))
                    looks[place, :, there] = known[int(chosen * len(known))].cpu().unsqueeze(1)
        return looks.to(source.device)

    def show(self, batch: Batch, draws: SampleDraws) -> Mapping[str, tuple[DataField, Tensor]]:
        """Inputs, what is made of them in drawn looks and in those of the targets, and the targets."""
        made = self.painted(batch.main, batch.fields.get(INSTANCES), draws)
        shown = {"input": (self.spec.field, batch.main), "output": (self.output, made)}
        if self.encoder is not None:
            given, _ = self.given(scene_of(batch, self.spec, self.target))
            shown["own looks"] = (self.output, self.generator(given))
        return {**shown, "target": (self.output, batch[self.target])}
