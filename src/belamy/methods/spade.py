"""Label maps become pictures in any style: spatially adaptive normalisation, an encoder of styles (SPADE, GauGAN)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Self

import torch
from pydantic import Field
from torch import Tensor, nn

from belamy.data import Batch
from belamy.errors import UsageError
from belamy.losses.perceptual.feature_matching import feature_matching
from belamy.methods import base, patches
from belamy.methods.base import OPTIMIZERS, DataSpec, Player, Turn, weighted
from belamy.methods.construction import NORMALISATIONS, WEIGHTS, adapted
from belamy.methods.gan import ADVERSARIAL
from belamy.methods.pix2pix import INSTANCES, PATCH_DISCRIMINATORS, TRANSLATORS, encoded, seen_shape
from belamy.methods.scenes import Scene, moved_scene, scene_of
from belamy.modalities.fields import Field as DataField
from belamy.networks import PatchScores
from belamy.networks.frozen import FrozenFeatures
from belamy.networks.spade import StyleEncoder, Translator
from belamy.networks.stochastic import sampled
from belamy.registry import Part
from belamy.seeds import Draws, SampleDraws

SPECTRAL = (Part(name="spectral"),)


class Recipe(base.BaseRecipe):
    """A painter of label maps in many styles."""

    data: str = "streets"
    """Label maps and pictures: a named set, or a folder whose layout --modality label_map:pairs=… says."""
    generator: Annotated[Part, TRANSLATORS] = Part(name="spade")
    """The network that makes a picture from label maps and latents: spade with its options."""
    discriminator: Annotated[Part, PATCH_DISCRIMINATORS] = Part(name="multi-scale", count=2)
    """The network that judges patches of a picture beside its label map."""
    encoder_width: int = Field(default=64, ge=1, le=1024)
    """Maps of the first convolution of the encoder of styles."""
    adversarial: Annotated[Part, ADVERSARIAL] = Part(name="hinge")
    """What the two players minimise for each patch, at each scale."""
    matching_weight: float = Field(default=10.0, ge=0)
    """Factor of the distance of the discriminator's features in the generator's loss."""
    perceptual_weight: float = Field(default=10.0, ge=0)
    """Factor of the distance in features of the embedded network for photographs."""
    style_weight: float = Field(default=0.05, ge=0)
    """Factor of the divergence of a picture's style from the normal distribution, from which styles are drawn."""
    mirror: bool = True
    """Show half of the scenes mirrored left to right."""
    jitter: float = Field(default=0.0, ge=0, le=1)
    """Show scenes enlarged by this share of their sides and cut to their size at a random place."""
    norm: Annotated[Part, NORMALISATIONS] = Part(name="instance")
    """What stands in place of the batch normalisations of discriminator and encoder; native keeps them."""
    generator_weights: tuple[Annotated[Part, WEIGHTS], ...] = SPECTRAL
    """In what form generator and encoder hold their weights."""
    discriminator_weights: tuple[Annotated[Part, WEIGHTS], ...] = SPECTRAL
    """In what form the discriminator holds its weights."""
    generator_optimizer: Annotated[Part, OPTIMIZERS] = Part(name="adam", lr=1e-4, beta1=0.0, beta2=0.999)
    """How generator and encoder learn."""
    discriminator_optimizer: Annotated[Part, OPTIMIZERS] = Part(name="adam", lr=4e-4, beta1=0.0, beta2=0.999)
    """How the discriminator learns."""

    @classmethod
    def tiny(cls) -> Self:
        """Thin networks on few scenes."""
        return cls(
            data="streets:side=32,count=60",
            generator=Part(name="spade", width=4, hidden=8, latent=8),
            discriminator=Part(name="multi-scale", width=4, count=2, receptive_field=16),
            encoder_width=4,
            train_samples=96,
            batch=8,
            ema_half_life=32,
        )


class Method(base.BaseMethod):
    r"""A generator paints label maps m in a style z; the style is that of the picture x, and is kept near N(0, I).

    .. math:: L_D = \sum_k \max(0, 1 - D_k(m, x)) + \max(0, 1 + D_k(m, G)), \quad G = G(m, \mu(x) + \sigma(x)\epsilon)

    .. math:: L_G = \sum_k \Bigl(-D_k(m, G) + \lambda_F \sum_i |D_k^{(i)}(m, G) - D_k^{(i)}(m, x)|_1\Bigr)
        + \lambda_P \sum_j w_j |F_j(G) - F_j(x)|_1 + \lambda_K\, KL\bigl(q(z|x) \,\|\, N(0, I)\bigr)

    with means over patches and features, λ_F = λ_P = 10 and λ_K = 0.05; the divergence is summed over the latents. A
    translation draws z, a function of the seed and the map's number, so there are as many pictures of a map as one
    likes. Of label maps any number of classes; pixels of a value that the data call unknown belong to the first class.

    *Departs from the paper*: F is EfficientNet-lite0, which comes with the package, at four scales, not VGG-19 at five.

    References:
        Park, Liu, Wang & Zhu 2019, arXiv 1903.07291, sections 3 and 4 and appendix A.

    Args:
        recipe: What decides the outcome.
        spec: What the data decide.
    """

    averaged = ("generator", "encoder")
    target = "target"

    def __init__(self, recipe: Recipe, spec: DataSpec) -> None:
        super().__init__(recipe, spec)
        self.source = spec.main
        self.shape = seen_shape(spec, "spade")
        channels, (height, width) = self.output.shape[0], self.shape[1:]
        made = TRANSLATORS.build(recipe.generator, shape=self.shape, outputs=channels)
        if not isinstance(made, Translator):
            raise UsageError(
                f"Styles are for the network 'spade', but the generator is '{recipe.generator.name}', which takes "
                "none. Choose --generator spade, or the method pix2pix or pix2pix-hd."
            )
        self.generator: Any = adapted(made, Part(name="native"), recipe.generator_weights)
        encoder = StyleEncoder((channels, height, width), made.latent, recipe.encoder_width)
        self.encoder = adapted(encoder, recipe.norm, recipe.generator_weights)
        made = PATCH_DISCRIMINATORS.build(recipe.discriminator, shape=(self.shape[0] + channels, height, width))
        self.discriminator = adapted(made, recipe.norm, recipe.discriminator_weights)
        self.objective = patches.patch_objective(recipe.adversarial)
        patches.check_matching(self.discriminator, recipe.discriminator.name, recipe.matching_weight)
        self.perceptual = FrozenFeatures(channels) if recipe.perceptual_weight else None

    @classmethod
    def requires(cls, recipe: Any) -> Mapping[str, str]:
        """Label maps, or pictures, and the pictures that they are to become."""
        return {"main": "label_map/image", cls.target: "image"}

    @property
    def output(self) -> DataField:
        """Pictures like the targets."""
        return self.spec.fields[self.target]

    @property
    def players(self) -> dict[str, Player]:
        """The discriminator, and the generator with the encoder."""
        made = nn.ModuleDict({"generator": self.generator, "encoder": self.encoder})
        return {
            "discriminator": Player(self.discriminator, self.recipe.discriminator_optimizer),
            "generator": Player(made, self.recipe.generator_optimizer),
        }

    def networks(self) -> dict[str, nn.Module]:
        """Generator, encoder and discriminator."""
        return {"generator": self.generator, "encoder": self.encoder, "discriminator": self.discriminator}

    def inputs(self) -> dict[str, tuple[tuple[int, ...] | Tensor, ...]]:
        """Label maps; a picture; both."""
        channels = self.output.shape[0]
        return {
            "generator": (self.shape,),
            "encoder": ((channels, *self.shape[1:]),),
            "discriminator": ((self.shape[0] + channels, *self.shape[1:]),),
        }

    def play(self, data: Iterator[Batch], draw: Draws) -> Iterator[Turn]:
        """A turn of the discriminator, then one of the generator and the encoder."""
        scene = moved_scene(next(data), self.spec, self.target, self.recipe, draw)
        noise = draw.normal("style", len(scene.maps), self.generator.latent)
        serves_both = draw.parts == 1
        with torch.set_grad_enabled(serves_both):
            made, divergence = self.made(scene, noise)
        real, fake = self.judge(scene.maps, scene.wanted), self.judge(scene.maps, made.detach())
        yield patches.discriminator_turn(self.objective, real, fake, draw)
        if not serves_both:
            made, divergence = self.made(scene, noise)
        yield Turn("generator", self.generator_terms(scene, made, divergence, draw.progress), self.weights)

    def made(self, scene: Scene, noise: Tensor) -> tuple[Tensor, Tensor]:
        """The pictures in the styles of the wanted ones, and the divergences of these styles.  # [N, C, H, W], [N]"""
        mean, log_variance = self.encoder(scene.wanted)
        divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1)
        return self.generator.paint(scene.maps, sampled(mean, log_variance, noise)), divergence

    @property
    def weights(self) -> dict[str, float]:
        """Factors of the generator's terms; 1 where there is none."""
        recipe = self.recipe
        found = {
            "matching": recipe.matching_weight, "perceptual": recipe.perceptual_weight, "style": recipe.style_weight
        }  # fmt: skip
        return {name: weight for name, weight in found.items() if weight or name == "style"}

    def generator_terms(self, scene: Scene, made: Tensor, divergence: Tensor, progress: float) -> dict[str, Tensor]:
        """The generator's losses ``[N]``: what the judges say and see, what a frozen network sees, and the style's."""
        terms = patches.of_generator(
            self.objective, lambda features: self.judge(scene.maps, made, features),
            lambda features: self.judge(scene.maps, scene.wanted, features), progress,
            bool(self.recipe.matching_weight),
        )  # fmt: skip
        if self.perceptual is not None:
            with torch.no_grad():
                wanted = self.perceptual(scene.wanted)
            found = self.perceptual(made)
            shares = [0.5 ** (len(found) - 1 - place) for place in range(len(found))]  # the deepest counts most
            terms["perceptual"] = torch.stack(
                [share * feature_matching([mine], [its])
                 for share, mine, its in zip(shares, found, wanted, strict=True)]
            ).sum(0)  # fmt: skip
        return {**terms, "style": divergence}

    def judge(self, maps: Tensor, pictures: Tensor, features: bool = False) -> list[PatchScores]:
        """What is said of the patches of pictures beside the label maps, at each scale."""
        return patches.judged(self.discriminator, torch.cat([maps, pictures], 1), features)

    def evaluate(self, batch: Batch, draw: Draws) -> Mapping[str, Tensor]:
        """The distance from the target in its own mean style, and the generator's whole loss there."""
        scene = scene_of(batch, self.spec, self.target)
        made, divergence = self.made(scene, torch.zeros(len(batch), self.generator.latent).to(scene.wanted))
        terms = self.generator_terms(scene, made, divergence, draw.progress)
        return {"distance": (made - scene.wanted).abs().flatten(1).mean(1), "loss": weighted(terms, self.weights)}

    def translate(self, source: Tensor, draws: SampleDraws) -> Tensor:
        """Pictures ``[n, C, H, W]`` in [-1, 1], each in a style drawn by its number.

        Args:
            source: Label maps, or pictures in [-1, 1], whose sides the generator can double to.
            draws: The random numbers of the styles.
        """
        return self.painted(source, draws.normal("style", len(source), self.generator.latent))

    def painted(self, source: Tensor, styles: Tensor, instances: Tensor | None = None) -> Tensor:
        """Pictures of label maps in given styles.

        Args:
            source: Label maps ``[n, H, W]``, or pictures ``[n, C, H, W]``.
            styles: Latents ``[n, latent]``, e.g. the :meth:`style` of a picture.
            instances: Numbers of the objects; None where each class is one.  # [n, H, W]
        """
        like = next(self.generator.parameters())
        made: Tensor = self.generator.paint(encoded(source, instances, self.spec).to(like), styles.to(like))
        return made

    def style(self, pictures: Tensor) -> Tensor:
        """The mean style ``[n, latent]`` of pictures ``[n, C, H, W]`` in [-1, 1] of any size."""
        mean: Tensor = self.encoder(pictures)[0]
        return mean

    def show(self, batch: Batch, draws: SampleDraws) -> Mapping[str, tuple[DataField, Tensor]]:
        """Inputs, what is made of them in drawn styles and in those of the targets, and the targets."""
        instances = batch.fields.get(INSTANCES)
        drawn = self.painted(batch.main, draws.normal("style", len(batch), self.generator.latent), instances)
        own = self.painted(batch.main, self.style(batch[self.target]), instances)
        return {
            "input": (self.spec.field, batch.main),
            "output": (self.output, drawn),
            "own style": (self.output, own),
            "target": (self.output, batch[self.target]),
        }
