"""Pictures pixel by pixel and sounds sample by sample: PixelCNN in its forms, PixelRNN, a transformer, WaveNet.

| paper | network | likelihood |
|---|---|---|
| PixelCNN, binary or with a softmax of 256 levels | ``pixel-cnn`` | ``bernoulli``, ``categorical`` |
| gated PixelCNN, by class with ``conditional`` | ``gated-pixel-cnn`` | ``bernoulli``, ``categorical`` |
| PixelCNN++ | ``gated-pixel-cnn`` | ``logistic-mixture`` |
| PixelRNN, by rows or diagonals | ``pixel-rnn`` | ``bernoulli``, ``categorical`` |
| a transformer over pixels | ``pixel-transformer`` | any |
| WaveNet, of sounds, by class with ``conditional``, in a voice with ``voice`` | ``wavenet`` | ``categorical`` |

All pixels are learned at once, each from the true ones before it (teacher forcing). A picture is drawn pixel by pixel:
a network keeps what it has computed, so that a pixel costs as much there as in one pass over a whole picture.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Annotated, Any, Self

import torch
from torch import Tensor, nn

from belamy.data import Dataset
from belamy.errors import UsageError
from belamy.methods.base import DataSpec, Player, Sampling
from belamy.methods.levels import LevelsMethod, LevelsRecipe, ShadesMethod, labels_told, precise, temperature_of
from belamy.methods.requirements import kind_of
from belamy.methods.speakers import voices_of
from belamy.networks.channelwise import ChannelHead
from belamy.networks.speaker_encoder import WIDTH
from belamy.networks.voices import Listener, VoiceBank
from belamy.registry import Part, Registry
from belamy.seeds import Draws

NETWORKS = Registry("belamy.networks", "model of pixels", "PixelModel")
RECORDINGS = 32
"""Recordings of each speaker by whose voices is learned."""


class Recipe(LevelsRecipe):
    """A model of pixels, or of samples of sound, each given those before it: PixelCNN, a transformer, WaveNet."""

    network: Annotated[Part, NETWORKS] = Part(name="gated-pixel-cnn")
    """The network that looks at the pixels before each."""
    voice: bool = False
    """Learn speech given the voice of who speaks, a vector of a speaker encoder, so that the voice of any recording can
    be asked for; the classes are the speakers."""

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
            labels: The classes or voices that are told.  # [n] or [n, 256]
            sampling: Its option ``temperature``.
            spectrogram: What is told of sounds.  # [n, bands, frames]
        """
        kind, temperature = precise(chance.device), temperature_of(sampling)
        labels = labels.to(kind) if labels is not None and labels.is_floating_point() else labels
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
        "PixelCNN++", arXiv:1701.05517; Van den Oord et al. 2016, "WaveNet", arXiv:1609.03499, whose section 2.5 tells a
        speaker by one vector for the whole sound; that vector: Wan et al. 2018, "Generalized end-to-end loss for
        speaker verification", arXiv:1710.10467, as Jia et al. 2018, arXiv:1806.04558, tell it to a synthesiser.

    Raises:
        UsageError: A voice is to be told, and the network takes none, the classes are told too, or nobody is named.
    """

    averaged = ("network", "head")

    def __init__(self, recipe: Recipe, spec: DataSpec) -> None:
        super().__init__(recipe, spec)
        self.speakers: VoiceBank | None = None
        told = {"classes": self.classes}
        if recipe.voice:
            self.check_speakers()
            self.classes, told = len(spec.classes), {"vector": WIDTH}
            self.listener, self.speakers = Listener(spec.field.rate), VoiceBank(self.classes, RECORDINGS)
        self.network = NETWORKS.build(recipe.network, shape=spec.shape, **told)
        self.head = ChannelHead(self.network.features, self.channels, self.law.levels, self.law.parameters)

    @classmethod
    def requires(cls, recipe: Recipe) -> Mapping[str, str]:
        """Data of the kind that the network draws."""
        return {"main": kind_of(NETWORKS, recipe.network)}

    def check_speakers(self) -> None:
        """Refuse what cannot be told a voice.

        Raises:
            UsageError: What to type instead.
        """
        if kind_of(NETWORKS, self.recipe.network) != "audio":
            raise UsageError(f"The network '{self.recipe.network.name}' is told no voice. Type --network wavenet.")
        if self.recipe.conditional:
            raise UsageError(
                "A class and a voice are to be told, but the voice tells who speaks. Type --no-conditional."
            )
        if not self.spec.classes:
            raise UsageError(
                "--voice needs speech whose speakers are known. Put the recordings of each into a folder of its own, "
                "or name a CSV file of speakers with --labels."
            )

    def measure_data(self, data: Dataset) -> None:
        """Remember voices of training recordings, where voices are told."""
        if self.speakers is not None:
            for number, heard in enumerate(voices_of(data, self.listener, RECORDINGS)):
                self.speakers.remember(number, heard)

    @property
    def players(self) -> dict[str, Player]:
        """One player, the whole model."""
        return {"model": Player(self, self.recipe.optimizer)}

    def inputs(self) -> dict[str, tuple[tuple[int, ...] | Tensor, ...]]:
        """Pictures, with classes or voices that are told; features and levels for the head; numbers of speakers."""
        numbers = torch.zeros(2, dtype=torch.long)
        labels = (numbers if self.speakers is None else torch.zeros(2, WIDTH),) if self.classes else ()
        levels = torch.zeros(2, *self.spec.shape, dtype=torch.long)
        features = torch.zeros(2, self.network.features, *self.spec.shape[1:])
        found: dict[str, Any] = {"network": (self.spec.shape, *labels), "head": (features, levels)}
        return found if self.speakers is None else {**found, "speakers": (numbers,)}

    def given(self, labels: Tensor | None, count: int) -> Tensor | None:
        """The classes or voices that are told: a speaker's is the mean over recordings.  # [N], [N, 256] to the same"""
        if self.speakers is None:
            return super().given(labels, count)
        told = labels_told(self.classes, labels)
        assert told is not None  # there are speakers
        return told if told.is_floating_point() else self.speakers(told.expand(count))

    def learned(self, levels: Tensor, labels: Tensor | None, draw: Draws) -> Tensor:
        """The nats; a voice is told by one recording of the speaker, as it will be when samples are asked for."""
        if self.speakers is not None and labels is not None:
            labels = self.speakers(labels, draw.uniform("recording", len(labels)))
        return self.nats(levels, labels)

    def nats(self, levels: Tensor, labels: Tensor | None = None) -> Tensor:
        """Minus the log-likelihood of each picture or sound: all values at once.  # [N, *shape] to [N]"""
        values = self.shown(levels, next(self.parameters()).dtype)
        parameters = self.head(self.network(values, self.given(labels, len(levels))), levels)
        return -self.law.log_prob(parameters, levels).flatten(1).sum(1)
