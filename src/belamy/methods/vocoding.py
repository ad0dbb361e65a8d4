"""What makers of sound from spectrograms share: the spectrogram, and how their recordings are restored from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field
from torch import Tensor, nn

from belamy.data import Batch
from belamy.methods import base
from belamy.methods.base import UNTOUCHED, DataSpec
from belamy.modalities.fields import Field as DataField
from belamy.networks.mel_spectrogram import MelSpectrogram
from belamy.seeds import SampleDraws

ITERATIONS = 32
"""In which phases are found without learning."""


class VocoderRecipe(base.BaseRecipe):
    """What recipes of makers of sound from spectrograms have in common."""

    data: str = "drums"
    """Sounds."""
    bands: int = Field(default=80, ge=1, le=1024)
    """Mel bands of the spectrogram."""
    frame: int = Field(default=1024, ge=4, le=65536)
    """Samples of its windows."""
    hop: int = Field(default=256, ge=2, le=65536)
    """Samples from one of its frames to the next; they divide the sounds."""


class VocoderMethod(base.BaseMethod):
    """Makes a sound of its spectrogram, the logarithms of mel bands, in which phases are lost.

    It is given whole sounds, of which it looks at the spectrogram alone. Beside it are measured the sound with random
    phases, which is called untouched, and one whose phases are found without learning.

    Args:
        recipe: What decides the outcome.
        spec: What the data decide.
    """

    source = "spectrogram"

    def __init__(self, recipe: Any, spec: DataSpec) -> None:
        super().__init__(recipe, spec)
        self.target, (self.channels, self.samples) = spec.main, spec.shape
        self.spectrogram = MelSpectrogram(
            spec.field.hertz, self.samples, bands=recipe.bands, frame=recipe.frame, hop=recipe.hop
        )

    @classmethod
    def requires(cls, recipe: Any) -> Mapping[str, str]:
        """Sounds."""
        return {"main": "audio"}

    def networks(self) -> dict[str, nn.Module]:
        """Those that learn."""
        return {name: network for name, network in self.named_children() if list(network.parameters())}

    @property
    def degraded(self) -> DataField:
        """Sounds like those that are made."""
        return self.spec.field

    def degrade(self, values: Tensor, draws: SampleDraws) -> Tensor:
        """The sounds themselves, of which only the spectrogram is looked at."""
        return values

    def rivals(self, source: Tensor) -> Mapping[str, Tensor]:
        """Sounds whose phases are random, or found in 32 iterations of Griffin and Lim's algorithm."""
        known = self.spectrogram(source)
        found = {UNTOUCHED: 0, "griffin-lim": ITERATIONS}
        return {name: self.spectrogram.without_learning(known, steps).expand_as(source).clamp(-1, 1)
                for name, steps in found.items()}  # fmt: skip

    def show(self, batch: Batch, draws: SampleDraws) -> Mapping[str, tuple[DataField, Tensor]]:
        """What is made of the spectrograms of sounds, and these."""
        sounds = batch[self.target]
        return {"output": (self.spec.field, self.translate(sounds, draws)), "target": (self.spec.field, sounds)}

    def translate(self, source: Tensor, draws: SampleDraws) -> Tensor:
        """Sounds of the spectrograms of sounds.  # [n, C, T]"""
        raise AssertionError(f"{type(self).__module__} makes nothing")

    def distances(self, made: Tensor, wanted: Tensor) -> Tensor:
        """The mean absolute difference of spectrograms, in nats of magnitude.  # [N, C, T] twice to [N]"""
        return (self.spectrogram(made) - self.spectrogram(wanted)).abs().flatten(1).mean(1)
