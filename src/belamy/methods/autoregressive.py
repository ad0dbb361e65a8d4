"""Pictures pixel by pixel and sounds sample by sample: PixelCNN in its forms, PixelRNN, a transformer, WaveNet.

| paper | network | likelihood |
|---|---|---|
| PixelCNN, binary or with a softmax of 256 levels | ``pixel-cnn`` | ``bernoulli``, ``categorical`` |
| gated PixelCNN, by class with ``conditional`` | ``gated-pixel-cnn`` | ``bernoulli``, ``categorical`` |
| PixelCNN++ | ``gated-pixel-cnn`` | ``logistic-mixture`` |
| PixelRNN, by rows or diagonals | ``pixel-rnn`` | ``bernoulli``, ``categorical`` |
| a transformer over pixels | ``pixel-transformer`` | any |
| WaveNet, of sounds, by class with ``conditional`` | ``wavenet`` | ``categorical`` |

All pixels are learned at once, each from the true ones before it (teacher forcing). A picture is drawn pixel by pixel:
a network keeps what it has computed, so that a pixel costs as much there as in one pass over a whole picture.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Annotated, Any, Self

import torch
from torch import Tensor, nn

from belamy.methods.base import DataSpec, Player, Sampling
from belamy.methods.levels import LevelsMethod, LevelsRecipe, ShadesMethod, precise, temperature_of
from belamy.methods.requirements import kind_of
from belamy.networks.channelwise import ChannelHead
from belamy.registry import Part, Registry

NETWORKS = Registry("belamy.networks", "model of pixels", "PixelModel")


class Recipe(LevelsRecipe):
    """A model of pixels, or of samples of sound, each given those before it: PixelCNN, a transformer, WaveNet."""

    network: Annotated[Part, NETWORKS] = Part(name="gated-pixel-cnn")
    """The network that looks at the pixels before each."""

    @classmethod
    def tiny(cls) -> Self:
        """A thin network of two layers on black and white digits of few pixels."""
        network = Part(name="gated-pixel-cnn", width=4, depth=2, first=3)
        return cls(train_samples=96, batch=8, size=8, ema_half_life=16, network=network)


class ValueByValue(ShadesMethod):
    """Draws values one after the other, by a network that keeps what it has computed, and its head."""

    network: Any
    head: Any

    def drawn(
        self,
        begun: Tensor,
        chance: Tensor,
        labels: Tensor | None,
        sampling: Sampling | None,
        spectrogram: Tensor | None = None,
    ) -> Tensor:
        """Pixels after those that are there, one for each of ``chance``.  # long [n, t, C] to [n, t + count, C]

        Args:
            begun: Those that are there.
            chance: Uniform numbers.  # [n, count, C, chances]
            labels: The classes that are told.  # [n]
            sampling: Its option ``temperature``.
            spectrogram: What is told of sounds.  # [n, bands, frames]
        """
        kind, temperature = precise(chance.device), temperature_of(sampling)
        network, head = (deepcopy(part).to(kind).eval() for part in (self.network, self.head))
        told = () if spectrogram is None else (spectrogram.to(kind),)
        state, before, pixels = network.start(len(begun), labels, *told), None, list(begun.unbind(1))
        for place in range(len(pixels) + chance.shape[1]):
            features = network.step(state, place, before)
            if place >= begun.shape[1]:
                number = place - begun.shape[1]
                pixels.append(self.picked(head, features, chance[:, number], temperature))
                if sampling:
                    sampling.report(number + 1, chance.shape[1])
            before = self.shown(pixels[place], kind)
        return torch.stack(pixels, 1)

    def picked(self, head: nn.Module, features: Tensor, chance: Tensor, temperature: float) -> Tensor:
        """The channels of a pixel, one after the other.  # [n, F] and [n, C, chances] to long [n, C]"""
        levels = torch.zeros(len(features), 0, dtype=torch.long, device=features.device)
        for channel in range(self.channels):
            parameters = head.of_channel(features, levels)  # type: ignore[operator]
            level = self.law.pick(parameters, chance[:, channel], temperature)
            levels = torch.cat([levels, level[:, None]], 1)
        return levels


class Method(ValueByValue, LevelsMethod):
    """One player, the network with its head.

    *Departs from the papers:* the channels of a pixel are told apart by a head that all pixels share and that is told
    the channels before (:class:`belamy.networks.channelwise.ChannelHead`), where PixelRNN masks groups of features and
    PixelCNN++ adds multiples of the channels before to its means, with one choice of components for a pixel.

    References:
        Van den Oord, Kalchbrenner & Kavukcuoglu 2016, "Pixel recurrent neural networks", arXiv:1601.06759; Van den Oord
        et al. 2016, "Conditional image generation with PixelCNN decoders", arXiv:1606.05328; Salimans et al. 2017,
        "PixelCNN++", arXiv:1701.05517; Van den Oord et al. 2016, "WaveNet", arXiv:1609.03499.
    """

    averaged = ("network", "head")

    def __init__(self, recipe: Recipe, spec: DataSpec) -> None:
        super().__init__(recipe, spec)
        self.network = NETWORKS.build(recipe.network, shape=spec.shape, classes=self.classes)
        self.head = ChannelHead(self.network.features, self.channels, self.law.levels, self.law.parameters)

    @classmethod
    def requires(cls, recipe: Recipe) -> Mapping[str, str]:
        """Data of the kind that the network draws."""
        return {"main": kind_of(NETWORKS, recipe.network)}

    @property
    def players(self) -> dict[str, Player]:
        """One player, the whole model."""
        return {"model": Player(self, self.recipe.optimizer)}

    def inputs(self) -> dict[str, tuple[tuple[int, ...] | Tensor, ...]]:
        """Pictures, with classes for a conditional model; features and levels for the head."""
        labels = (torch.zeros(2, dtype=torch.long),) if self.classes else ()
        levels = torch.zeros(2, *self.spec.shape, dtype=torch.long)
        features = torch.zeros(2, self.network.features, *self.spec.shape[1:])
        return {"network": (self.spec.shape, *labels), "head": (features, levels)}

    def nats(self, levels: Tensor, labels: Tensor | None = None) -> Tensor:
        """Minus the log-likelihood of each picture or sound: all values at once.  # [N, *shape] to [N]"""
        values = self.shown(levels, next(self.parameters()).dtype)
        parameters = self.head(self.network(values, self.given(labels, len(levels))), levels)
        return -self.law.log_prob(parameters, levels).flatten(1).sum(1)
