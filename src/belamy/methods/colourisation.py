"""Colourisation: the colours of grey pictures, told as probabilities of bins (Zhang et al. 2016)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Annotated, Self

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from belamy.data import Batch
from belamy.errors import UsageError
from belamy.methods import base
from belamy.methods.base import OPTIMIZERS, UNTOUCHED, DataSpec, Player, SamplingOption, Turn
from belamy.methods.movement import mirrored
from belamy.modalities.fields import Field as DataField
from belamy.networks.cielab import colours_of, grey_of, lab_of
from belamy.networks.colour_bins import ColourBins
from belamy.registry import Part, Registry
from belamy.seeds import Draws, SampleDraws

COLOURISERS = Registry("belamy.networks", "colouriser", "Colouriser")
TEMPERATURE = SamplingOption(
    0.38, "From the likeliest colour, near 0, to the mean of all, 1: less is more colourful and less smooth.", 0.01, 1.0
)
COLOURS = 3


class Recipe(base.BaseRecipe):
    """A network that gives grey pictures colours."""

    data: str = "avatars-64"
    """Pictures in colour: a named set, a folder, an archive or an array file; grey ones are made of them."""
    generator: Annotated[Part, COLOURISERS] = Part(name="zhang")
    """The network that tells how likely each colour is."""
    rebalancing: float = Field(default=0.5, ge=0, lt=1)
    """How much more rare colours count than frequent ones; 0 for all alike."""
    mirror: bool = True
    """Show half of the pictures mirrored left to right."""
    optimizer: Annotated[Part, OPTIMIZERS] = Part(name="adam", lr=3e-5, beta1=0.9, beta2=0.99)
    """How the network learns."""

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
    r"""A network tells for each place of a grey picture how likely each of 259 colours is.

    .. math:: L = -\sum_{h,w} v(Z_{h,w}) \sum_q Z_{h,w,q} \log \hat Z_{h,w,q}

    over places, in their mean, with soft targets Z and weights v that make rare colours count. The mean of what is
    likely is brown; so the mode is annealed: colours are the mean of :math:`\hat Z^{1/T}`, T = 0.38, which is an option
    of translating. The lightness of what is given stays, the colours are enlarged to it.

    *Departs from the paper*: see :class:`belamy.networks.colour_bins.ColourBins`; the mean over places, not the sum; a
    place weighs as its nearest bin, and frequencies are counted while it learns.

    References:
        Zhang, Isola & Efros 2016, arXiv 1603.08511, sections 2.1 to 2.3.

    Args:
        recipe: What decides the outcome.
        spec: What the data decide.

    Raises:
        UsageError: Pictures without colours.
    """

    averaged = ("generator",)
    objective_terms = ("generator.colours",)
    source = "grey"
    sampling_options = MappingProxyType({"temperature": TEMPERATURE})

    def __init__(self, recipe: Recipe, spec: DataSpec) -> None:
        super().__init__(recipe, spec)
        self.target = spec.main
        if spec.shape[0] != COLOURS:
            raise UsageError(
                f"Colourisation learns from pictures in colour, but these have {spec.shape[0]} channel(s). Type "
                "--channels 3, or give other --data."
            )
        self.bins = ColourBins(recipe.rebalancing)
        self.generator: nn.Module = COLOURISERS.build(recipe.generator, shape=self.degraded.shape, bins=len(self.bins))

    @property
    def undivided(self) -> str:
        """The weights of a step are those of the colours that were counted before it."""
        return "the colours of a whole batch are counted at once"

    @property
    def degraded(self) -> DataField:
        """Grey pictures."""
        return self.spec.field._replace(shape=(1, *self.spec.shape[1:]))

    @property
    def players(self) -> dict[str, Player]:
        """One player."""
        return {"generator": Player(self.generator, self.recipe.optimizer)}

    def networks(self) -> dict[str, nn.Module]:
        """The network."""
        return {"generator": self.generator}

    def inputs(self) -> dict[str, tuple[tuple[int, ...] | Tensor, ...]]:
        """Lightness."""
        return {"generator": (self.degraded.shape,)}

    def play(self, data: Iterator[Batch], draw: Draws) -> Iterator[Turn]:
        """One turn."""
        pictures = next(data).main
        if self.recipe.mirror:
            pictures = mirrored(pictures, draw.uniform("mirror", len(pictures)) < 0.5)
        yield Turn("generator", {"colours": self.loss(pictures, counted=True)})

    def loss(self, pictures: Tensor, counted: bool = False) -> Tensor:
        """The weighted cross-entropy ``[N]`` of the colours of pictures in [-1, 1], which may be counted before."""
        lab = lab_of((pictures + 1) / 2)
        logits = self.generator(seen(lab[:, :1]))
        weights, places = self.bins.encoded(F.adaptive_avg_pool2d(lab[:, 1:], logits.shape[2:]))
        if counted:
            self.bins.count(weights, places)
        surprise = -torch.log_softmax(logits, 1).movedim(1, -1).gather(-1, places)
        factors = self.bins.weights().to(surprise)[places[..., 0]]
        return (factors * (weights * surprise).sum(-1)).flatten(1).mean(1)

    def evaluate(self, batch: Batch, draw: Draws) -> Mapping[str, Tensor]:
        """The weighted cross-entropy."""
        return {"loss": self.loss(batch.main)}

    def degrade(self, values: Tensor, draws: SampleDraws) -> Tensor:
        """The grey pictures ``[n, 1, H, W]`` that are as light."""
        return grey_of((values + 1) / 2) * 2 - 1

    def rivals(self, source: Tensor) -> Mapping[str, Tensor]:
        """The grey pictures themselves."""
        return {UNTOUCHED: source.expand(-1, COLOURS, -1, -1)}

    def translate(self, source: Tensor, draws: SampleDraws, options: Mapping[str, float] | None = None) -> Tensor:
        """Pictures in colour ``[n, 3, H, W]`` in [-1, 1], as light as those that are given.

        Args:
            source: Grey pictures in [-1, 1] of any size.
            draws: Not needed; nothing is random.
            options: ``temperature``, by default 0.38.
        """
        lightness = lab_of((source.expand(-1, COLOURS, -1, -1) + 1) / 2)[:, :1]
        temperature = (options or {}).get("temperature", TEMPERATURE.default)
        ab = self.bins.annealed(self.generator(seen(lightness)), temperature)
        ab = F.interpolate(ab, source.shape[2:], mode="bilinear", align_corners=False)
        return colours_of(torch.cat([lightness, ab], 1)).clamp(0, 1) * 2 - 1

    def show(self, batch: Batch, draws: SampleDraws) -> Mapping[str, tuple[DataField, Tensor]]:
        """Grey pictures, what is made of them, and their own colours."""
        grey = self.degrade(batch.main, draws)
        return {
            "input": (self.degraded, grey),
            "output": (self.spec.field, self.translate(grey, draws)),
            "target": (self.spec.field, batch.main),
        }


def seen(lightness: Tensor) -> Tensor:
    """Lightness of 0..100 as the network sees it."""
    return lightness / 50 - 1
