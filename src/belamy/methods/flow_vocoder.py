r"""WaveGlow: a flow between sounds and noise that is told their spectrogram, learned by likelihood alone.

.. math:: -\ln p(x \mid m) = \frac{\lVert z \rVert^2}{2\sigma^2} + \frac T2 \ln 2\pi\sigma^2
    - \ln \left\lvert\det \frac{\partial z}{\partial x}\right\rvert
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Self

from pydantic import Field
from torch import Tensor

from belamy.data import Batch
from belamy.methods.base import OPTIMIZERS, DataSpec, Player, SamplingOption, Turn
from belamy.methods.vocoding import VocoderMethod, VocoderRecipe
from belamy.registry import Part, Registry
from belamy.seeds import Draws, SampleDraws

FLOWS = Registry("belamy.networks", "flow of sounds", "SoundFlow")
LEVEL = 1 / 32768
"""From one level of 16 bits to the next."""


class Recipe(VocoderRecipe):
    """WaveGlow: sounds of their spectrograms by a flow."""

    network: Annotated[Part, FLOWS] = Part(name="waveglow")
    """The invertible network."""
    sigma: float = Field(default=math.sqrt(0.5), gt=0, le=100)
    """Spread of the noise that sounds become."""
    optimizer: Annotated[Part, OPTIMIZERS] = Part(name="adam", lr=1e-4, beta1=0.9)
    """How it learns."""
    clip_norm: float | None = Field(default=1.0, gt=0)
    """Scale the gradient down to this Euclidean norm."""

    @classmethod
    def tiny(cls) -> Self:
        """A thin network on few short hits."""
        network = Part(name="waveglow", steps=3, every=2, width=4, skip=4, layers=2)
        return cls(data="drums:count=60", length=256, bands=8, frame=64, hop=16, network=network, train_samples=96,
                   batch=8, ema_half_life=16)  # fmt: skip


class Method(VocoderMethod):
    """One player, the network, that minimises the nats of sounds given their spectrograms.

    *Departs from the paper:* noise of one level of 16 bits, uniform, is added to sounds, without which silence would be
    likely without end; so nats, with those of a level, bound those of the files.

    References:
        Prenger, Valle & Catanzaro 2019, arXiv 1811.00002, equations 3 to 5 and section 3.2 (σ² = 0.5, sampled at 0.6).
    """

    averaged = ("network",)
    objective_terms = ("model.nats",)
    sampling_options: Mapping[str, SamplingOption] = {
        "sigma": SamplingOption(0.6, "Spread of the noise that sounds are made of.", least=0, most=100)
    }

    def __init__(self, recipe: Recipe, spec: DataSpec) -> None:
        super().__init__(recipe, spec)
        self.network: Any = FLOWS.build(recipe.network, shape=spec.shape, bands=recipe.bands, hop=recipe.hop)
        self.values = math.prod(spec.shape)

    @property
    def players(self) -> dict[str, Player]:
        """One player, the network."""
        return {"model": Player(self.network, self.recipe.optimizer)}

    def inputs(self) -> dict[str, tuple[tuple[int, ...] | Tensor, ...]]:
        """Sounds with spectrograms."""
        frames = (self.recipe.bands, self.spectrogram.frames)
        return {"network": (self.spec.shape, frames)}

    def nats(self, sounds: Tensor, draw: Draws | SampleDraws) -> Tensor:
        """Minus the logarithm of the density of sounds with noise, given their spectrograms.  # [N, C, T] to [N]

        Args:
            sounds: In [-1, 1].
            draw: Its stream ``dequantisation`` is the noise.
        """
        noise = draw.uniform("dequantisation", *sounds.shape).to(sounds) - 0.5
        latents, told = self.network(sounds + LEVEL * noise, self.spectrogram(sounds))
        variance = self.recipe.sigma**2
        return latents.square().sum(1) / (2 * variance) + self.values / 2 * math.log(2 * math.pi * variance) - told

    def play(self, data: Iterator[Batch], draw: Draws) -> Iterator[Turn]:
        """One turn; the nats are weighted by 1 over a sound's values, so that gradients keep their size."""
        yield Turn("model", {"nats": self.nats(next(data).main, draw)}, {"nats": 1 / self.values})

    def evaluate(self, batch: Batch, draw: Draws) -> Mapping[str, Tensor]:
        """Nats of a sound, bits of each of its 16-bit values, and how far the spectrogram of what is made is off."""
        nats = self.nats(batch.main, draw)
        bits = nats / (math.log(2) * self.values) - math.log2(LEVEL)
        made = self.translate(batch.main, SampleDraws(draw.seed, batch.indices.tolist()))
        return {"loss": nats, "bits_per_dimension": bits, "spectrogram": self.distances(made, batch.main)}

    def translate(self, source: Tensor, draws: SampleDraws, options: Mapping[str, float] | None = None) -> Tensor:
        """Sounds of the spectrograms of sounds.  # [n, C, T]

        Args:
            source: Sounds in [-1, 1].
            draws: The noise.
            options: ``sigma``, its spread.
        """
        sigma = float((options or {}).get("sigma", self.sampling_options["sigma"].default))
        noise = draws.normal("latents", len(source), self.values).to(source) * sigma
        made: Tensor = self.network.inverse(noise, self.spectrogram(source))
        return made.clamp(-1, 1)
