"""Super-resolution: sharp pictures from small ones, true to the pixels first, then to what the eye expects (SRGAN)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from functools import partial
from types import MappingProxyType
from typing import Annotated, Literal, Self

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.func import functional_call

from belamy.data import Batch
from belamy.errors import UsageError
from belamy.losses.perceptual.lpips import lpips
from belamy.methods import base, patches, perception
from belamy.methods.autoencoder import RECONSTRUCTIONS
from belamy.methods.base import OPTIMIZERS, UNTOUCHED, DataSpec, Player, SamplingOption, Turn
from belamy.methods.following import follow
from belamy.methods.gan import ADVERSARIAL
from belamy.methods.pix2pix import PATCH_DISCRIMINATORS
from belamy.methods.pretrained import check_seen
from belamy.modalities.colours import has_opacity
from belamy.modalities.fields import Field as DataField
from belamy.modalities.sizes import text_of
from belamy.networks.bicubic import bicubic, enlarged
from belamy.networks.blur_kernels import blurred, gaussian, sharpened
from belamy.networks.jpeg import rounded
from belamy.registry import Part, Registry
from belamy.seeds import Draws, SampleDraws

UPSCALERS = Registry("belamy.networks", "upscaler", "Upscaler")
DEGRADATIONS = Registry("belamy.networks.degradations", "degradation", "Degradation")
SURROUNDINGS = 9
"""Of what cannot be seen, a square in pixels."""
BLEND = SamplingOption(
    1.0, "Between the network of the first stage, true to the pixels, 0, and that of the second, 1.", 0.0, 1.0
)


class Recipe(base.BaseRecipe):
    """A network that enlarges pictures."""

    data: str = "dead-leaves"
    """Sharp pictures: a named set, a folder, an archive or an array file; small ones are made of them."""
    scale: Literal[2, 3, 4, 8] = 4
    """How much larger pictures become."""
    generator: Annotated[Part, UPSCALERS] = Part(name="srresnet")
    """The network that enlarges."""
    discriminator: Annotated[Part, PATCH_DISCRIMINATORS] = Part(name="esrgan-u-net")
    """The network that judges pictures in the second stage."""
    degradation: Annotated[Part, DEGRADATIONS] = Part(name="bicubic")
    """How small pictures are made."""
    crop: int = Field(default=0, ge=0, le=4096)
    """Learn from squares of this side, cut out at random; 0 for whole pictures."""
    sharpening: float = Field(default=0.0, ge=0, le=4)
    """How much the sharp pictures that the generator is compared with are sharpened; the discriminator sees them as
    they are. 0.5 for Real-ESRGAN."""
    symmetries: bool = True
    """Show pictures mirrored both ways, and squares also turned."""
    first_stage: float = Field(default=0.5, ge=0, le=1)
    """Share of the run in which only the pixels count; 1 for no second stage."""
    pixel: Annotated[Part, RECONSTRUCTIONS] = Part(name="absolute-error")
    """How far pixels are from those of the sharp picture."""
    pixel_weight: float = Field(default=1.0, ge=0)
    """Factor of that distance in the second stage."""
    perceptual_weight: float = Field(default=1.0, ge=0)
    """Factor of the distance in a pretrained network's features in the second stage."""
    vgg: str | None = None
    """A file of published weights of VGG-19 or VGG-16, whose features count instead of those of the embedded
    network."""
    adversarial: Annotated[Part, ADVERSARIAL] = Part(name="relativistic-average")
    """What the two players minimise in the second stage."""
    adversarial_weight: float = Field(default=0.1, ge=0)
    """Factor of that loss for the generator."""
    generator_optimizer: Annotated[Part, OPTIMIZERS] = Part(name="adam", lr=2e-4, beta1=0.9, beta2=0.99)
    """How the generator learns."""
    discriminator_optimizer: Annotated[Part, OPTIMIZERS] = Part(name="adam", lr=1e-4, beta1=0.9, beta2=0.99)
    """How the discriminator learns."""

    @classmethod
    def tiny(cls) -> Self:
        """Thin networks on small drawn scenes, in the second stage from the beginning."""
        return cls(
            data="dead-leaves:count=60",
            size=16,
            scale=2,
            generator=Part(name="srresnet", width=4, blocks=1, normalised=False, base="bicubic"),
            discriminator=Part(name="esrgan-u-net", width=4),
            first_stage=0.0,
            train_samples=96,
            batch=8,
            ema_half_life=32,
        )


class Method(base.BaseMethod):
    r"""A generator G enlarges small pictures x, which were made of the sharp ones y.

    .. math:: L_1 = |G(x) - y|, \qquad
        L_2 = \eta\,|G(x) - y| + \pi\, d(G(x), y) + \lambda\, L_{adv}

    The first stage knows the pixels alone, and its mean of all sharp pictures that fit is blurred; the second, which
    goes on from there, is told by a pretrained network and a discriminator D what sharp pictures look like, and guesses
    details. A copy of the first stage's network (its average, where averages are kept) stays; ``blend`` mixes the
    weights of the two, from 0, true to the pixels, to 1.

    *Departs from the papers*: the pretrained network is EfficientNet-lite0, which comes with the package, unless a file
    of VGG's weights is given; d compares the directions of features in four layers (of VGG, the last of its five
    blocks), place by place (LPIPS, without weights), so that layers, and flat and rich places, count alike. D's
    optimiser begins with the second stage, G's goes on.

    References:
        Ledig et al. 2016, arXiv 1609.04802, eq. 1 to 6; relativistic and by mixed weights: Wang et al. 2018, arXiv
        1809.00219, eq. 1 to 4; unknown degradation: Wang et al. 2021, arXiv 2107.10833.

    Args:
        recipe: What decides the outcome.
        spec: What the data decide.
    """

    source = "small"
    keeps_opacity = True
    sampling_options = MappingProxyType({"blend": BLEND})

    def __init__(self, recipe: Recipe, spec: DataSpec) -> None:
        super().__init__(recipe, spec)
        self.target = spec.main
        self.staged = recipe.first_stage < 1
        self.shown = shown_shape(recipe, spec.shape)
        self.generator: nn.Module = UPSCALERS.build(recipe.generator, shape=self.degraded.shape, scale=recipe.scale)
        self.degradation = DEGRADATIONS.build(recipe.degradation, scale=recipe.scale)
        self.pixel = RECONSTRUCTIONS.build(recipe.pixel)
        self.averaged = ("generator",)
        self.objective_terms = () if self.staged else ("generator.pixel",)
        if self.staged:
            self.faithful = deepcopy(self.generator).requires_grad_(False)
            self.discriminator: nn.Module = PATCH_DISCRIMINATORS.build(recipe.discriminator, shape=self.shown)
            self.objective = patches.patch_objective(recipe.adversarial)
        if recipe.vgg and self.staged:
            check_seen(self.shown, recipe.vgg)
        self.perceptual = perception.PerceptualDistance(recipe.vgg, distance=lpips)

    def prepare(self, offline: bool = False) -> None:
        """Read the weights of VGG, if they are given and count."""
        if self.recipe.vgg and self.staged:
            self.perceptual.open(next(self.parameters()))
            self.fingerprint = perception.weights_fingerprint(self.recipe.vgg)

    @property
    def degraded(self) -> DataField:
        """Small pictures."""
        channels, height, width = self.spec.shape
        return self.spec.field._replace(shape=(channels, height // self.recipe.scale, width // self.recipe.scale))

    @property
    def players(self) -> dict[str, Player]:
        """The generator, and the discriminator if there is a second stage."""
        found = {"generator": Player(self.generator, self.recipe.generator_optimizer)}
        if self.staged:
            found["discriminator"] = Player(self.discriminator, self.recipe.discriminator_optimizer)
        return found

    def networks(self) -> dict[str, nn.Module]:
        """The generator; with a second stage also the first one's and the discriminator."""
        found = {"generator": self.generator}
        return found | ({"faithful": self.faithful, "discriminator": self.discriminator} if self.staged else {})

    def inputs(self) -> dict[str, tuple[tuple[int, ...] | Tensor, ...]]:
        """Small pictures, and large ones for the discriminator."""
        return {name: (self.shown if name == "discriminator" else self.degraded.shape,) for name in self.networks()}

    def play(self, data: Iterator[Batch], draw: Draws) -> Iterator[Turn]:
        """A turn of the generator in the first stage; one of each player in the second."""
        recipe = self.recipe
        wanted = self.drawn(next(data).main, draw)
        with torch.no_grad():
            small = self.made_small(wanted, draw)
            aim = sharpened(wanted, recipe.sharpening) if recipe.sharpening else wanted
        if draw.progress < recipe.first_stage or not self.staged:
            yield Turn("generator", {"pixel": self.pixel(self.generator(small), aim)})
            if self.staged and draw.rank % draw.parts == 0:  # of a batch in parts, once
                follow(self.faithful, self.generator, recipe, draw.progress)
            return
        serves_both = draw.parts == 1  # passes of all parts would wait in memory
        with torch.set_grad_enabled(serves_both):
            made = self.generator(small)
        real, fake = patches.judged(self.discriminator, wanted), patches.judged(self.discriminator, made.detach())
        yield patches.discriminator_turn(self.objective, real, fake, draw)
        made = made if serves_both else self.generator(small)
        terms = {"pixel": self.pixel(made, aim), "perceptual": self.perceptual(colours_of(made), colours_of(aim))}
        terms |= patches.of_generator(
            self.objective, lambda features: patches.judged(self.discriminator, made, features),
            lambda features: patches.judged(self.discriminator, wanted, features), draw.progress,
        )  # fmt: skip
        weights = {"pixel": recipe.pixel_weight, "perceptual": recipe.perceptual_weight}
        yield Turn("generator", terms, {**weights, "adversarial": recipe.adversarial_weight})

    def drawn(self, pictures: Tensor, draw: Draws) -> Tensor:
        """Sharp pictures as they come, or squares of them, each mirrored and turned as chance will."""
        count, _, height, width = pictures.shape
        if crop := self.recipe.crop:
            room = torch.tensor([height - crop + 1, width - crop + 1])
            places = (draw.uniform("crop", count, 2).cpu() * room).long().minimum(room - 1).tolist()
            pictures = torch.stack([
                each[:, top : top + crop, left : left + crop]
                for each, (top, left) in zip(pictures, places, strict=True)
            ])  # fmt: skip
        if self.recipe.symmetries:
            chosen = (draw.uniform("symmetry", count, 3) < 0.5).view(count, 3, 1, 1, 1)
            pictures = torch.where(chosen[:, 0], pictures.flip(3), pictures)
            pictures = torch.where(chosen[:, 1], pictures.flip(2), pictures)
            if pictures.shape[2] == pictures.shape[3]:
                pictures = torch.where(chosen[:, 2], pictures.transpose(2, 3), pictures)
        return pictures

    def made_small(self, pictures: Tensor, draws: Draws | SampleDraws) -> Tensor:
        """Small pictures as files of 8 bits would hold them; opacity is reduced by the bicubic filter alone."""
        colours = colours_of(pictures)
        small: Tensor = self.degradation(colours, draws)
        if colours.shape[1] < pictures.shape[1]:
            small = torch.cat([small, bicubic(pictures[:, -1:], (small.shape[2], small.shape[3])).clamp(-1, 1)], 1)
        return rounded((small + 1) * 127.5) / 127.5 - 1 if self.spec.field.bits == 8 else small

    def evaluate(self, batch: Batch, draw: Draws) -> Mapping[str, Tensor]:
        """The distances that the generator learns from on whole pictures, and their weighted sum."""
        draws = SampleDraws(draw.seed, batch.indices.tolist())
        made = self.generator(self.degrade(batch.main, draws))
        pixel = self.pixel(made, batch.main)
        if not self.staged:
            return {"loss": pixel}
        found = {"pixel": pixel, "perceptual": self.perceptual(colours_of(made), colours_of(batch.main))}
        total = self.recipe.pixel_weight * pixel + self.recipe.perceptual_weight * found["perceptual"]
        return {**found, "loss": total}

    def degrade(self, values: Tensor, draws: SampleDraws) -> Tensor:
        """Small pictures ``[n, C, h, w]`` of sharp ones; see :class:`belamy.methods.base.Restores`."""
        return self.made_small(values, draws)

    def rivals(self, source: Tensor) -> Mapping[str, Tensor]:
        """Each pixel repeated, and bicubic enlargement."""
        scale = self.recipe.scale
        repeated = source.repeat_interleave(scale, 2).repeat_interleave(scale, 3)
        return {UNTOUCHED: repeated, "bicubic": enlarged(source, scale).clamp(-1, 1)}

    def translate(self, source: Tensor, draws: SampleDraws, options: Mapping[str, float] | None = None) -> Tensor:
        """Large pictures ``[n, C, scale h, scale w]`` in [-1, 1].

        Args:
            source: Small ones in [-1, 1] of any size, with one channel more than was learned from if they have opacity,
                which is enlarged by the bicubic filter.
            draws: Not needed; nothing is random.
            options: ``blend``, by default 1.
        """
        network, channels = self.blended((options or {}).get("blend", 1.0)), self.spec.shape[0]
        if source.shape[1] == channels:
            return network(source).clamp(-1, 1)
        colours, opacity = source[:, :channels], source[:, channels:]
        made = network(revealed(colours, (opacity + 1) / 2))
        return torch.cat([made, enlarged(opacity, self.recipe.scale)], 1).clamp(-1, 1)

    def blended(self, share: float) -> Callable[[Tensor], Tensor]:
        """A network between that of the first stage, 0, and that of the second, 1."""
        if share == 1 or not self.staged:
            return self.generator
        now = self.generator.state_dict()
        mixed = {
            name: torch.lerp(kept, now[name], share) if kept.is_floating_point() else now[name]
            for name, kept in self.faithful.state_dict().items()
        }
        return partial(functional_call, self.generator, mixed)

    def show(self, batch: Batch, draws: SampleDraws) -> Mapping[str, tuple[DataField, Tensor]]:
        """Small pictures with their pixels repeated, bicubic enlargement, what is made, and the sharp pictures."""
        small = self.degrade(batch.main, draws)
        rivals, field = self.rivals(small), self.spec.field
        return {
            "input": (field, rivals[UNTOUCHED]),
            "bicubic": (field, rivals["bicubic"]),
            "output": (field, self.translate(small, draws)),
            "target": (field, batch.main),
        }


def revealed(colours: Tensor, opacity: Tensor) -> Tensor:
    """Colours of which what cannot be seen is that of its seen surroundings, so that it does not bleed into them.

    Args:
        colours: ``[N, C, H, W]``.
        opacity: From 0 to 1; where it is 1 colours stay as they are.  # [N, 1, H, W]
    """
    kernel = gaussian(SURROUNDINGS, (SURROUNDINGS / 4, SURROUNDINGS / 4))
    near = blurred(colours * opacity, kernel) / blurred(opacity, kernel).clamp_min(1e-6)
    return colours * opacity + near * (1 - opacity)


def colours_of(pictures: Tensor) -> Tensor:
    """Pictures without their opacity.  # [N, 1 or 3, H, W]"""
    return pictures[:, :-1] if has_opacity(pictures.shape[1]) else pictures


def shown_shape(recipe: Recipe, shape: tuple[int, ...]) -> tuple[int, int, int]:
    """The shape (C, H, W) of the sharp pictures that are learned from.

    Raises:
        UsageError: They have other channels than pictures, do not divide by the scale, or are smaller than the crop.
    """
    channels, height, width = shape
    if channels > 4:
        raise UsageError(f"super-resolution enlarges pictures of 1 to 4 channels, but these have {channels}.")
    scale, crop = recipe.scale, recipe.crop
    if height % scale or width % scale:
        nearest = text_of((max(height // scale, 2) * scale, max(width // scale, 2) * scale))
        raise UsageError(
            f"Pictures that are to become {scale} times as large must divide by {scale}, but these are {width} wide "
            f"and {height} high. Type --size {nearest}."
        )
    if crop % scale or crop > min(height, width):
        raise UsageError(
            f"The crop is {crop}, but it must be a multiple of {scale} and at most {min(height, width)}, the shorter "
            f"side of the pictures. Type --crop {min(height, width, max(crop, scale)) // scale * scale}."
        )
    return channels, crop or height, crop or width
