"""Colourisation: the colours of grey pictures, told as probabilities or outright, by hints and palettes if wanted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import log
from types import MappingProxyType
from typing import Annotated, Literal, Self

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from belamy.data import Batch
from belamy.errors import UsageError
from belamy.methods import base, patches
from belamy.methods.autoencoder import RECONSTRUCTIONS
from belamy.methods.base import OPTIMIZERS, UNTOUCHED, DataSpec, Player, SamplingOption, Turn
from belamy.methods.gan import ADVERSARIAL
from belamy.methods.movement import mirrored
from belamy.methods.pix2pix import PATCH_DISCRIMINATORS
from belamy.modalities.fields import Field as DataField
from belamy.networks import PatchScores
from belamy.networks.cielab import colours_of, grey_of, lab_of
from belamy.networks.colour_bins import ColourBins
from belamy.registry import Part, Registry
from belamy.seeds import Draws, SampleDraws

COLOURISERS = Registry("belamy.networks", "colouriser", "Colouriser")
TEMPERATURE = SamplingOption(
    0.38,
    "Of probabilities: from the likeliest colour, near 0, to the mean of all, 1; less is more colourful, less smooth.",
    0.01, 1.0,
)  # fmt: skip
COLOURS = 3
REACH = 110.0
"""The largest a or b that is told outright."""
NO_MORE = 1 / 8
"""The chance that no further hint is shown."""
MOST_HINTS = 32
UNTOLD = 0.5
"""The share of pictures that are shown without their palette."""


class Recipe(base.BaseRecipe):
    """A network that gives grey pictures colours."""

    data: str = "avatars-64"
    """Pictures in colour: a named set, a folder, an archive or an array file; grey ones are made of them."""
    form: Literal["bins", "values"] = "bins"
    """What is told of each place: how likely each of 259 colours is, or one colour outright."""
    generator: Annotated[Part, COLOURISERS] = Part(name="zhang")
    """The network that tells it."""
    hints: int = Field(default=0, ge=0, le=64)
    """Largest side in pixels of patches whose colour the network is shown at random places, so that one can be given
    when pictures are translated; 0 for none. It takes the generator user-guided."""
    palette: int = Field(default=0, ge=0, le=64)
    """Most colours of a picture that the network is shown without their places, to be given likewise; 0 for none."""
    rebalancing: float = Field(default=0.5, ge=0, lt=1)
    """Of bins: how much more rare colours count than frequent ones; 0 for all alike."""
    reconstruction: Annotated[Part, RECONSTRUCTIONS] = Part(name="absolute-error")
    """Of values: how far a and b, as shares of 110, are from their targets."""
    reconstruction_weight: float = Field(default=100.0, ge=0)
    """Factor of that distance."""
    adversarial_weight: float = Field(default=0.0, ge=0)
    """Factor of what a discriminator says of values in the generator's loss; 0 for no discriminator."""
    discriminator: Annotated[Part, PATCH_DISCRIMINATORS] = Part(name="patch-gan", receptive_field=70)
    """The network that judges patches of pictures in Lab."""
    adversarial: Annotated[Part, ADVERSARIAL] = Part(name="non-saturating")
    """What the two players minimise for each patch."""
    mirror: bool = True
    """Show half of the pictures mirrored left to right."""
    optimizer: Annotated[Part, OPTIMIZERS] = Part(name="adam", lr=3e-5, beta1=0.9, beta2=0.99)
    """How the generator learns."""
    discriminator_optimizer: Annotated[Part, OPTIMIZERS] = Part(name="adam", lr=2e-4, beta1=0.5)
    """How the discriminator learns."""

    @classmethod
    def tiny(cls) -> Self:
        """A narrow network on few faces."""
        return cls(
            data="avatars-16",
            generator=Part(name="zhang", width=4, halvings=1),
            train_samples=96,
            batch=8,
            ema_half_life=32,
            optimizer=Part(name="adam", lr=3e-3),
        )


class Method(base.BaseMethod):
    r"""A network tells of each place of a grey picture how likely each of 259 colours is, or one colour.

    Of bins,

    .. math:: L = -\sum_{h,w} v(Z_{h,w}) \sum_q Z_{h,w,q} \log \hat Z_{h,w,q}

    over places, in their mean, with soft targets Z and weights v that make rare colours count. The mean of what is
    likely is brown; so the mode is annealed: colours are the mean of :math:`\hat Z^{1/T}`, T = 0.38, which is an option
    of translating. Of values, with the grey picture x, its colours y and a discriminator D that sees both,

    .. math:: L_D = -\log D(x, y) - \log(1 - D(x, G(x))), \qquad
        L_G = -w \log D(x, G(x)) + \lambda |y - G(x)|_1

    and the distance alone where there is no discriminator, w = 0. G may also be told

    * hints: means of patches of true colours, of sides from 1 pixel on, normal about the middle of the picture; their
      number is geometric, no more with a chance of 1/8;
    * a palette: of half of the pictures the mean share of each bin in up to so many of its pixels.

    The lightness of what is given stays; colours of a smaller map are enlarged to it.

    *Departs from the papers*: see :class:`belamy.networks.colour_bins.ColourBins`; of bins the mean over places, not
    the sum, a place weighs as its nearest bin, and frequencies are counted while it learns; the distance of values with
    hints is absolute, not Huber's; at most 32 hints, and never all of a picture; a palette is of few pixels, not the
    histogram of all, and no mean saturation is told.

    References:
        Bins: Zhang, Isola & Efros 2016, arXiv 1603.08511, sections 2.1 to 2.3. Values against a discriminator: Isola,
        Zhu, Zhou & Efros 2016, arXiv 1611.07004, equations 1 to 4. Hints and palettes: Zhang et al. 2017, arXiv
        1705.02999, sections 3.2 and 3.3.

    Args:
        recipe: What decides the outcome.
        spec: What the data decide.

    Raises:
        UsageError: Pictures without colours, a discriminator of bins, or a network that can be told nothing.
    """

    averaged = ("generator",)
    source = "grey"
    sampling_options = MappingProxyType({"temperature": TEMPERATURE})

    def __init__(self, recipe: Recipe, spec: DataSpec) -> None:
        super().__init__(recipe, spec)
        self.target = spec.main
        check_recipe(recipe, spec)
        self.bins = ColourBins(recipe.rebalancing)
        self.outright, self.judged = recipe.form == "values", recipe.adversarial_weight > 0
        self.objective_terms = () if self.judged else (f"generator.{'reconstruction' if self.outright else 'colours'}",)
        self.generator: nn.Module = COLOURISERS.build(
            recipe.generator, shape=self.degraded.shape, bins=2 if self.outright else len(self.bins),
            hints=recipe.hints > 0, palette=len(self.bins) if recipe.palette else 0,
        )  # fmt: skip
        self.reconstruction = RECONSTRUCTIONS.build(recipe.reconstruction)
        if self.judged:
            self.discriminator: nn.Module = PATCH_DISCRIMINATORS.build(recipe.discriminator, shape=spec.shape)
            self.objective = patches.patch_objective(recipe.adversarial)

    @property
    def undivided(self) -> str:
        """The weights of a step are those of the colours that were counted before it."""
        return "" if self.outright else "the colours of a whole batch are counted at once"

    @property
    def degraded(self) -> DataField:
        """Grey pictures."""
        return self.spec.field._replace(shape=(1, *self.spec.shape[1:]))

    @property
    def hint_side(self) -> int:
        """Side in pixels of what a given hint covers."""
        return (int(self.recipe.hints) + 1) // 2

    @property
    def palette_size(self) -> int:
        """Most colours of a palette."""
        return int(self.recipe.palette)

    @property
    def players(self) -> dict[str, Player]:
        """The generator, and the discriminator if there is one."""
        found = (
            {"discriminator": Player(self.discriminator, self.recipe.discriminator_optimizer)} if self.judged else {}
        )
        return {**found, "generator": Player(self.generator, self.recipe.optimizer)}

    def networks(self) -> dict[str, nn.Module]:
        """The generator, and the discriminator if there is one."""
        return {"generator": self.generator, **({"discriminator": self.discriminator} if self.judged else {})}

    def inputs(self) -> dict[str, tuple[tuple[int, ...] | Tensor, ...]]:
        """Lightness, with hints and a palette where they are told; pictures in Lab for the discriminator."""
        told = [(3, *self.spec.shape[1:])] * bool(self.recipe.hints) + [(len(self.bins),)] * bool(self.recipe.palette)
        found = {"generator": (self.degraded.shape, *told), "discriminator": (self.spec.shape,)}
        return {name: found[name] for name in self.networks()}

    def play(self, data: Iterator[Batch], draw: Draws) -> Iterator[Turn]:
        """A turn of the generator, before which the discriminator has one if there is one."""
        pictures = next(data).main
        if self.recipe.mirror:
            pictures = mirrored(pictures, draw.uniform("mirror", len(pictures)) < 0.5)
        lab = lab_of((pictures + 1) / 2)
        told = self.told(lab[:, 1:], draw)
        if not self.outright:
            yield Turn("generator", {"colours": self.surprise(lab, told, counted=True)})
            return
        if self.judged:
            serves_both = draw.parts == 1  # passes of all parts would wait in memory
            with torch.set_grad_enabled(serves_both):
                made = self.values(lab, told)
            real, fake = self.judge(lab, lab[:, 1:]), self.judge(lab, made.detach())
            yield patches.discriminator_turn(self.objective, real, fake, draw)
            made = made if serves_both else self.values(lab, told)
        else:
            made = self.values(lab, told)
        yield Turn("generator", self.generator_terms(lab, made, draw.progress), self.weights)

    def told(self, ab: Tensor, draw: Draws) -> list[Tensor]:
        """What the network is told of pictures beside their lightness, at random."""
        hints = [shown_hints(ab / REACH, self.recipe.hints, draw)] if self.recipe.hints else []
        return hints + ([self.shown_palettes(ab, draw)] if self.recipe.palette else [])

    def shown_palettes(self, ab: Tensor, draw: Draws) -> Tensor:
        """Palettes of up to so many random pixels, of none for half of the pictures.  # [N, 2, H, W] to [N, Q]"""
        most, count = self.recipe.palette, len(ab)
        known, share = draw.uniform("palette", count, 2).to(ab).unbind(1)
        size = torch.where(known < UNTOLD, 0, 1 + (share * most).floor().clamp_max(most - 1))
        room = torch.tensor(ab.shape[2:]).to(ab.device)
        rows, columns = (draw.uniform("pixels", count, most, 2).to(ab) * room).long().minimum(room - 1).unbind(2)
        chosen = ab[torch.arange(count)[:, None], :, rows, columns].movedim(2, 1)  # [N, 2, most]
        return self.bins.palette(chosen, (torch.arange(most).to(ab) < size[:, None]).to(ab))

    def surprise(self, lab: Tensor, told: list[Tensor], counted: bool = False) -> Tensor:
        """The weighted cross-entropy ``[N]`` of the colours of pictures in Lab, which may be counted before."""
        logits = self.generator(seen(lab[:, :1]), *told)
        weights, places = self.bins.encoded(F.adaptive_avg_pool2d(lab[:, 1:], logits.shape[2:]))
        if counted:
            self.bins.count(weights, places)
        surprise = -torch.log_softmax(logits, 1).movedim(1, -1).gather(-1, places)
        factors = self.bins.weights().to(surprise)[places[..., 0]]
        return (factors * (weights * surprise).sum(-1)).flatten(1).mean(1)

    def values(self, lab: Tensor, told: list[Tensor]) -> Tensor:
        """a and b that the network tells outright for the lightness of pictures in Lab.  # [N, 2, H, W]"""
        return enlarged(REACH * torch.tanh(self.generator(seen(lab[:, :1]), *told)), lab)

    def judge(self, lab: Tensor, ab: Tensor, features: bool = False) -> list[PatchScores]:
        """What the discriminator says of patches of these a and b beside the lightness."""
        return patches.judged(self.discriminator, torch.cat([seen(lab[:, :1]), ab / REACH], 1), features)

    def generator_terms(self, lab: Tensor, made: Tensor, progress: float) -> dict[str, Tensor]:
        """The losses of values ``[N]``: the distance from the true ones, and what the discriminator says."""
        terms = patches.of_generator(
            self.objective, lambda features: self.judge(lab, made, features),
            lambda features: self.judge(lab, lab[:, 1:], features), progress,
        ) if self.judged else {}  # fmt: skip
        return {**terms, "reconstruction": self.reconstruction(made / REACH, lab[:, 1:] / REACH)}

    @property
    def weights(self) -> dict[str, float]:
        """Factors of the generator's terms."""
        return {"reconstruction": self.recipe.reconstruction_weight, "adversarial": self.recipe.adversarial_weight}

    def evaluate(self, batch: Batch, draw: Draws) -> Mapping[str, Tensor]:
        """What the generator learns from where nothing is told: the weighted cross-entropy, or the distance."""
        lab = lab_of((batch.main + 1) / 2)
        if not self.outright:
            return {"loss": self.surprise(lab, [])}
        return {"loss": self.reconstruction(self.values(lab, []) / REACH, lab[:, 1:] / REACH)}

    def degrade(self, values: Tensor, draws: SampleDraws) -> Tensor:
        """The grey pictures ``[n, 1, H, W]`` that are as light."""
        return grey_of((values + 1) / 2) * 2 - 1

    def rivals(self, source: Tensor) -> Mapping[str, Tensor]:
        """The grey pictures themselves."""
        return {UNTOUCHED: source.expand(-1, COLOURS, -1, -1)}

    def translate(
        self, source: Tensor, draws: SampleDraws, options: Mapping[str, float] | None = None,
        palette: Tensor | None = None,
    ) -> Tensor:  # fmt: skip
        """Pictures in colour ``[n, 3, H, W]`` in [-1, 1], as light as those that are given.

        Args:
            source: Grey pictures in [-1, 1] of any size; with hints the colours of these and their opacity, ``[n, 5, H,
                W]`` in all.
            draws: Not needed; nothing is random.
            options: ``temperature``, by default 0.38, where probabilities are told.
            palette: Colours in [-1, 1] for all of them.  # [k, 3]
        """
        lab = lab_of((source[:, :1].expand(-1, COLOURS, -1, -1) + 1) / 2)
        told = [given_hints(source[:, 1:])] if source.shape[1] > 1 else []
        if palette is not None:
            ab = lab_of((palette.to(source).T[None, :, :, None] + 1) / 2)[:, 1:, :, 0]
            told.append(self.bins.palette(ab, torch.ones_like(ab[:, 0])).expand(len(source), -1))
        if self.outright:
            ab = self.values(lab, told)
        else:
            temperature = (options or {}).get("temperature", TEMPERATURE.default)
            ab = enlarged(self.bins.annealed(self.generator(seen(lab[:, :1]), *told), temperature), lab)
        return colours_of(torch.cat([lab[:, :1], ab], 1)).clamp(0, 1) * 2 - 1

    def show(self, batch: Batch, draws: SampleDraws) -> Mapping[str, tuple[DataField, Tensor]]:
        """Grey pictures, what is made of them, and their own colours."""
        grey = self.degrade(batch.main, draws)
        return {
            "input": (self.degraded, grey),
            "output": (self.spec.field, self.translate(grey, draws)),
            "target": (self.spec.field, batch.main),
        }


def check_recipe(recipe: Recipe, spec: DataSpec) -> None:
    """Refuse what cannot be learned.

    Raises:
        UsageError: Pictures without colours, a discriminator of bins, or a network that can be told nothing.
    """
    if spec.shape[0] != COLOURS:
        raise UsageError(
            f"Colourisation learns from pictures in colour, but these have {spec.shape[0]} channel(s). Type "
            "--channels 3, or give other --data."
        )
    if recipe.adversarial_weight and recipe.form != "values":
        raise UsageError(
            "A discriminator judges colours, but the form 'bins' tells how likely each is. Type --form values, or "
            "--adversarial-weight 0."
        )
    if (recipe.hints or recipe.palette) and not getattr(
        COLOURISERS.load(recipe.generator.name), "takes_colours", False
    ):
        raise UsageError(
            f"The generator '{recipe.generator.name}' can be told no colours. Type --generator user-guided, or leave "
            "--hints and --palette out."
        )


def shown_hints(colours: Tensor, largest: int, draw: Draws) -> Tensor:
    """Patches of true colours, in their means, and 1 where they are.  # [N, 2, H, W] to [N, 3, H, W]

    Args:
        colours: a and b.
        largest: Side of the largest patch.
        draw: The step's random numbers.
    """
    count, _, *size = colours.shape
    largest = min(largest, *size)
    numbers = (torch.log1p(-draw.uniform("hints", count).double()) / log(1 - NO_MORE)).floor().clamp_max(MOST_HINTS)
    sides = 1 + (draw.uniform("sides", count, MOST_HINTS).double() * largest).long().clamp_max(largest - 1)
    room = torch.tensor(size).to(sides) + 1 - sides.unsqueeze(2)  # [N, hints, 2]
    places = (room / 2 + draw.normal("places", count, MOST_HINTS, 2).double() * room / 4).long()
    corners = places.clamp_min(0).minimum(room - 1).tolist()
    told = colours.new_zeros(count, COLOURS, *size)
    for each, (number, widths) in enumerate(zip(numbers.long().tolist(), sides.tolist(), strict=True)):
        for (top, left), side in zip(corners[each][:number], widths, strict=False):
            patch = (each, slice(None), slice(top, top + side), slice(left, left + side))
            told[patch] = torch.cat([colours[patch].mean((1, 2)), colours.new_ones(1)]).view(COLOURS, 1, 1)
    return told


def given_hints(hints: Tensor) -> Tensor:
    """Hints as the network is told them, from colours with opacity in [-1, 1].  # [N, 4, H, W] to [N, 3, H, W]"""
    known = (hints[:, 3:] > 0).to(hints)
    ab = lab_of((hints[:, :COLOURS] + 1) / 2)[:, 1:]
    return torch.cat([ab / REACH * known, known], 1)


def enlarged(ab: Tensor, lab: Tensor) -> Tensor:
    """a and b as large as pictures."""
    size = lab.shape[2:]
    return ab if ab.shape[2:] == size else F.interpolate(ab, size, mode="bilinear", align_corners=False)


def seen(lightness: Tensor) -> Tensor:
    """Lightness of 0..100 as the network sees it."""
    return lightness / 50 - 1
