"""WaveNet as a vocoder: sounds of their spectrograms sample by sample."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Self

import torch
from pydantic import Field
from torch import Tensor

from belamy.data import Batch
from belamy.errors import UsageError
from belamy.methods.autoregressive import NETWORKS, ValueByValue
from belamy.methods.base import OPTIMIZERS, DataSpec, Player, Sampling, SamplingOption, Turn
from belamy.methods.levels import LIKELIHOODS, SAMPLING
from belamy.methods.requirements import kind_of
from belamy.methods.vocoding import VocoderMethod, VocoderRecipe
from belamy.networks.channelwise import ChannelHead
from belamy.registry import Part
from belamy.seeds import Draws, SampleDraws


class Recipe(VocoderRecipe):
    """WaveNet that is told the spectrogram of a sound."""

    network: Annotated[Part, NETWORKS] = Part(name="wavenet")
    """The network that looks at the samples before each, and at the spectrogram."""
    likelihood: Annotated[Part, LIKELIHOODS] = Part(name="categorical")
    """How likely a level of the µ-law is by what the network says."""
    optimizer: Annotated[Part, OPTIMIZERS] = Part(name="adam", lr=1e-3, beta1=0.9)
    """How it learns."""
    clip_norm: float | None = Field(default=1.0, gt=0)
    """Scale the gradient down to this Euclidean norm."""

    @classmethod
    def tiny(cls) -> Self:
        """A thin network on few short hits."""
        network = Part(name="wavenet", width=4, skip=6, layers=3, cycles=1)
        return cls(data="drums:count=60", length=256, bands=8, frame=64, hop=16, network=network, train_samples=96,
                   batch=8, ema_half_life=16)  # fmt: skip


class Method(VocoderMethod, ValueByValue):
    """One player, the network with its head, that minimises the nats of sounds given their spectrograms.

    References:
        Van den Oord et al. 2016, "WaveNet", arXiv:1609.03499, section 2.5.

    Raises:
        UsageError: The network is for pictures.
    """

    averaged = ("network", "head")
    objective_terms = ("model.nats",)
    nats_terms = ("model.nats",)
    sampling_options: Mapping[str, SamplingOption] = SAMPLING

    def __init__(self, recipe: Recipe, spec: DataSpec) -> None:
        super().__init__(recipe, spec)
        if kind_of(NETWORKS, recipe.network) != "audio":
            raise UsageError(f"The network '{recipe.network.name}' hears no spectrogram. Type --network wavenet.")
        given = {"shape": spec.shape, "classes": 0, "bands": recipe.bands, "hop": recipe.hop}
        self.network = NETWORKS.build(recipe.network, **given)
        self.head = ChannelHead(self.network.features, self.channels, self.law.levels, self.law.parameters)

    @property
    def players(self) -> dict[str, Player]:
        """One player, the network with its head."""
        return {"model": Player(torch.nn.ModuleList([self.network, self.head]), self.recipe.optimizer)}

    def inputs(self) -> dict[str, tuple[tuple[int, ...] | Tensor, ...]]:
        """Sounds with spectrograms; features and levels for the head."""
        levels = torch.zeros(2, *self.spec.shape, dtype=torch.long)
        features = torch.zeros(2, self.network.features, self.samples)
        spectrogram = torch.zeros(2, self.recipe.bands, self.spectrogram.frames)
        return {
            "network": (self.spec.shape, torch.zeros(2, dtype=torch.long), spectrogram),
            "head": (features, levels),
        }

    def nats(self, levels: Tensor, spectrogram: Tensor) -> Tensor:
        """Minus the log-likelihood of sounds given their spectrograms.  # long [N, C, T], [N, bands, frames] to [N]"""
        parameters = self.head(self.network(self.shown(levels, spectrogram.dtype), None, spectrogram), levels)
        return -self.law.log_prob(parameters, levels).flatten(1).sum(1)

    def play(self, data: Iterator[Batch], draw: Draws) -> Iterator[Turn]:
        """One turn; the nats are weighted by 1 over a sound's values, so that gradients keep their size."""
        batch = next(data)
        nats = self.nats(self.levels(batch, draw), self.spectrogram(batch.main))
        yield Turn("model", {"nats": nats}, {"nats": 1 / self.values})

    def evaluate(self, batch: Batch, draw: Draws) -> Mapping[str, Tensor]:
        """Nats of a sound given its spectrogram."""
        return {"loss": self.nats(self.levels(batch, draw), self.spectrogram(batch.main))}

    def translate(self, source: Tensor, draws: SampleDraws, options: Mapping[str, float] | None = None) -> Tensor:
        """Sounds of the spectrograms of sounds, sample by sample.  # [n, C, T]

        Args:
            source: Sounds in [-1, 1].
            draws: The chances.
            options: ``temperature``.
        """
        size = (self.samples, self.channels, self.law.chances)
        chance = draws.uniform("translation", len(source), *size).to(source.device)
        nothing = torch.zeros(len(source), 0, self.channels, dtype=torch.long, device=source.device)
        sampling = Sampling(draws, options=options or {})
        pixels = self.drawn(nothing, chance, None, sampling, self.spectrogram(source))
        return self.valued(pixels.transpose(1, 2), source.dtype)
