"""Accompaniment: music of several voices of which one is given, and a GAN plays the others to it (MuseGAN)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Self

import torch
from pydantic import Field
from torch import Tensor, nn

from belamy.data import Batch
from belamy.errors import UsageError, nearest
from belamy.methods import gan
from belamy.methods.base import OPTIMIZERS, UNTOUCHED, DataSpec, Turn
from belamy.methods.construction import AS_IT_IS, DISCRIMINATORS, PENALTIES, UNCONDITIONAL
from belamy.methods.requirements import MAIN
from belamy.modalities.fields import Field as DataField
from belamy.networks.clip_bank import ClipBank
from belamy.registry import Part, Registry
from belamy.seeds import Draws, SampleDraws

if TYPE_CHECKING:
    from belamy.data.dataset import Dataset

ACCOMPANISTS = Registry("belamy.networks", "accompanist", "Accompanist")
TUNES_KEPT = 64
"""Held-out tunes that the method remembers, to draw samples with them."""


class Recipe(gan.Recipe):
    """Voices that are played to a given one."""

    data: str = "progressions"
    """Music of several voices: a named set, a folder of MIDI files, or an archive."""
    modality: str | None = "music:key=common"
    """How music is read."""
    given: str = "soprano"
    """The voice that is given: soprano, alto, tenor or bass of four voices, otherwise voice-1, voice-2 and so on."""
    generator: Annotated[Part, ACCOMPANISTS] = Part(name="musegan", width=16)
    """The network that plays the other voices."""
    discriminator: Annotated[Part, DISCRIMINATORS] = Part(name="musegan", width=24)
    """The network that scores all voices together."""
    latent: int = Field(default=160, gt=0, le=65536)
    """Size of the latent vector."""
    adversarial: Annotated[Part, gan.ADVERSARIAL] = Part(name="wasserstein")
    """What the two players minimise."""
    penalties: tuple[Annotated[Part, PENALTIES], ...] = (Part(name="gradient-penalty"),)
    """Terms and constraints that join a player's loss."""
    critic_steps: int = Field(default=2, gt=0)
    """Discriminator updates for one generator update; 5 in the paper."""
    generator_optimizer: Annotated[Part, OPTIMIZERS] = Part(name="adam", lr=1e-3, beta1=0.5, beta2=0.9)
    """How the generator learns."""
    discriminator_optimizer: Annotated[Part, OPTIMIZERS] = Part(name="adam", lr=1e-3, beta1=0.5, beta2=0.9)
    """How the discriminator learns."""
    train_samples: int = Field(default=100_000, gt=0, le=10**12)
    """Training pieces to see, repetitions counted: the length of the run."""
    batch: int = Field(default=32, gt=0, le=65536)
    """Pieces per step, over all processes together."""

    @classmethod
    def tiny(cls) -> Self:
        """Narrow networks on two bars of few chords."""
        return cls(
            data="progressions:count=60",
            length=32,
            generator=Part(name="musegan", width=2),
            discriminator=Part(name="musegan", width=2),
            latent=16,
            critic_steps=1,
            train_samples=96,
            batch=16,
            ema_half_life=32,
        )


class Ensemble(nn.Module):
    """Whole pieces ``[N, voices, steps, columns]`` of rows ``[N, latent + steps * columns]``: latents and the given
    voice, which stays as it is, side by side.

    Args:
        accompanist: Plays the others.
        latent: Size of the latents.
        shape: (voices, steps, columns) of a piece.
        place: Of the given voice.
    """

    def __init__(self, accompanist: Any, latent: int, shape: tuple[int, ...], place: int) -> None:
        super().__init__()
        self.accompanist, self.latent, self.place = accompanist, latent, place
        self.tune = (1, *shape[1:])
        self.value_range: tuple[float, float] = accompanist.value_range

    def forward(self, rows: Tensor) -> Tensor:
        """What is played, with the given voice in its place."""
        given = rows[:, self.latent :].unflatten(1, self.tune)
        others = self.accompanist(rows[:, : self.latent], given)
        return torch.cat([others[:, : self.place], given, others[:, self.place :]], 1)


class Method(gan.Method):
    r"""A generator plays the other voices to a given one, y; a discriminator judges all of them together.

    .. math:: L_D = D(G(z, y)) - D(x), \qquad L_G = -D(G(z, y))

    or any other adversarial loss, where x are whole pieces and y is a voice of one of them. Samples are accompaniments
    of held-out voices, which are remembered with the weights.

    *Departs from the paper*: see :class:`belamy.networks.musegan.Accompanist`.

    References:
        Dong et al. 2018, "MuseGAN", arXiv 1709.06298, section 3.3.2.

    Args:
        recipe: What decides the outcome.
        spec: What the data decide.

    Raises:
        UsageError: No such voice, or choices of a GAN that an accompaniment has no place for.
    """

    source = "given"

    def __init__(self, recipe: Recipe, spec: DataSpec) -> None:
        check(recipe)
        self.target = spec.main
        self.voice = voice_of(recipe.given, spec.field)

        def built(latent: int) -> nn.Module:
            accompanist = ACCOMPANISTS.build(recipe.generator, latent=latent, shape=spec.shape)
            return Ensemble(accompanist, latent, spec.shape, self.voice)

        super().__init__(recipe, spec, built)
        self.bank = ClipBank(TUNES_KEPT, self.degraded)

    @classmethod
    def requires(cls, recipe: gan.Recipe) -> Mapping[str, str]:
        """Music."""
        return {MAIN: "music"}

    @property
    def degraded(self) -> DataField:
        """The given voice alone."""
        field = self.spec.field
        return field._replace(shape=(1, *field.shape[1:]), classes=(field.classes[self.voice],))

    def measure_data(self, data: Dataset) -> None:
        """Remember held-out tunes, or if none are held out the first ones."""
        chosen = data.held_out if len(data.held_out) else data.indices("all")
        pieces = data.raw(chosen[torch.arange(TUNES_KEPT) % len(chosen)])[self.spec.main]
        self.bank.clips.copy_(self.tune_of(pieces))

    def tune_of(self, pieces: Tensor) -> Tensor:
        """The given voice.  # [n, voices, steps, columns] to [n, 1, steps, columns]"""
        return pieces[:, self.voice : self.voice + 1]

    def networks(self) -> dict[str, nn.Module]:
        """Generator, discriminator and the remembered tunes."""
        return {**super().networks(), "tunes": self.bank}

    def inputs(self) -> dict[str, tuple[tuple[int, ...] | Tensor, ...]]:
        """Latents beside a given voice, pieces, and numbers of tunes."""
        row = self.recipe.latent + self.spec.shape[1] * self.spec.shape[2]
        return {
            "generator": ((row,),),
            "discriminator": (self.spec.shape,),
            "tunes": (torch.zeros(2, dtype=torch.long),),
        }

    def play(self, data: Iterator[Batch], draw: Draws) -> Iterator[Turn | tuple[Turn, ...]]:
        """The turns of a GAN, whose generator is told a voice of each batch that it plays beside."""

        def listened() -> Iterator[Batch]:
            for batch in data:
                self.told = self.tune_of(batch.main)
                yield batch

        yield from super().play(listened(), draw)

    def noise(self, count: int, draw: Draws) -> Tensor:
        """Latents beside the voices of the batch that is being learned from.  # [count, latent + steps * columns]"""
        return self.row(super().noise(count, draw), self.told)

    def row(self, latents: Tensor, tunes: Tensor) -> Tensor:
        """Latents and given voices side by side."""
        return torch.cat([latents, tunes.to(latents).flatten(1)], 1)

    def latents(self, seed: int, indices: Iterable[int]) -> Tensor:
        """``[n, latent + 1]``: the latent of each sample index; the last number chooses a remembered tune."""
        numbers = SampleDraws(seed, indices)
        chosen = numbers.uniform("tune", len(numbers.indices), 1)
        return torch.cat([self.prior.sample(len(numbers.indices), numbers), chosen], 1)

    def generate(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """Pieces ``[n, voices, steps, columns]`` in [-1, 1]: remembered tunes with what is played to them."""
        numbers = (latents[:, -1].clamp(0, 1) * (TUNES_KEPT - 1)).round().long()
        return self.picture(self.generator(self.row(latents[:, :-1], self.bank(numbers)), None))

    def translate(self, source: Tensor, draws: SampleDraws) -> Tensor:
        """Pieces ``[n, voices, steps, columns]`` in [-1, 1] of given voices ``[n, 1, steps, columns]``, which stay.

        Args:
            source: What is given.
            draws: Random streams of the latents.
        """
        latents = self.prior.sample(len(source), draws).to(source)
        return self.picture(self.generator(self.row(latents, source), None))

    def degrade(self, values: Tensor, draws: SampleDraws) -> Tensor:
        """The given voice of whole pieces; see :class:`belamy.methods.base.Restores`."""
        return self.tune_of(values)

    def rivals(self, source: Tensor) -> Mapping[str, Tensor]:
        """The given voice while the others rest."""
        silent = torch.full((len(source), self.spec.shape[0], *source.shape[2:]), -1.0).to(source)
        silent[..., 0] = 1
        silent[:, self.voice] = source[:, 0]
        return {UNTOUCHED: silent}


def voice_of(name: str, field: DataField) -> int:
    """The place of a voice by its name.

    Raises:
        UsageError: There is none of that name.
    """
    names = [each.replace(" ", "-") for each in field.classes]
    if name not in names:
        raise UsageError(f"No voice of this music is called '{name}'. {nearest(name, names)}")
    return names.index(name)


def check(recipe: Recipe) -> None:
    """Refuse choices of a GAN that an accompaniment has no place for.

    Raises:
        UsageError: What to leave out.
    """
    usual = {
        "generators": 1, "representation": AS_IT_IS, "generator_condition": UNCONDITIONAL,
        "discriminator_condition": UNCONDITIONAL, "replay": 0, "auxiliary": 0.0,
    }  # fmt: skip
    for name, value in usual.items():
        if getattr(recipe, name) != value:
            raise UsageError(
                f"An accompaniment is told the given voice and nothing else. Leave --{name.replace('_', '-')} out."
            )
