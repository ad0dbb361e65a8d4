"""An attack on speaker recognition: small changes of recordings that are taken for another speaker's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Self

import torch
from pydantic import Field
from torch import Tensor, nn

from belamy.data import Batch, Dataset
from belamy.errors import DataError, UsageError, nearest
from belamy.losses.triplet import MARGIN, triplet
from belamy.methods import base
from belamy.methods.base import OPTIMIZERS, UNTOUCHED, DataSpec, Player, Ratio, Turn
from belamy.methods.enhancement import ENHANCERS
from belamy.methods.speakers import voices_of
from belamy.modalities.fields import LABEL
from belamy.modalities.fields import Field as DataField
from belamy.networks.sound_degradations.noise import mixed
from belamy.networks.voices import EnrolledVoices, Listener
from belamy.registry import Part
from belamy.seeds import Draws, SampleDraws, generator

ENROLLED = 64
"""Recordings at most by which a speaker is enrolled."""


class Recipe(base.BaseRecipe):
    """A network that changes recordings so little as is allowed, and so that they are taken for another's."""

    data: str = "drums"
    """Recordings with their speakers as classes."""
    generator: Annotated[Part, ENHANCERS] = Part(name="convolutional-recurrent", width=16, memory=32)
    """The network that changes sounds."""
    snr: float = Field(default=30.0, ge=-20, le=100)
    """Least ratio of a recording to its change, in dB."""
    speaker: str | None = None
    """Whom all others are to be taken for; by default anyone but who speaks."""
    margin: float = Field(default=MARGIN, ge=0, le=4)
    """By how much nearer the other's voice should be, in squared distances."""
    optimizer: Annotated[Part, OPTIMIZERS] = Part(name="adam", lr=1e-3, beta1=0.9)
    """How the network learns."""

    @classmethod
    def tiny(cls) -> Self:
        """A thin network on few short hits, whose kinds are the speakers."""
        return cls(
            data="drums:count=60",
            length=512,
            generator=Part(name="convolutional-recurrent", width=4, memory=4, layers=2, frame=64),
            train_samples=96,
            batch=8,
            ema_half_life=16,
        )


class Method(base.BaseMethod):
    r"""A generator adds to a recording x what makes its voice f leave its speaker's n for another's, p.

    .. math:: \tilde x = x + \delta \min\left(1, \frac{|x|\,10^{-r/20}}{|\delta|}\right), \quad \delta = G(x) - x,
        \qquad L_G = \max\left(0, |f(\tilde x) - p|^2 - |f(\tilde x) - n|^2 + \alpha\right)

    so that the ratio of sound to change is never below r dB. Speakers are enrolled by their training recordings; p is
    the one who is aimed at or, of an untargeted attack, the likest of all others. The encoder f is the embedded one of
    GE2E, which is frozen and known to the attacker, the worst case for a defence: what is learned here is there to be
    detected, as ``belamy unmask`` tells, and to judge by how much a speaker encoder can be trusted.

    References:
        Cai, Doshi & Valle 2018, "Attacking speaker recognition with deep generative models", arXiv 1801.02384; Xiao et
        al. 2018, "Generating adversarial examples with adversarial networks", arXiv 1801.02610; the loss: Schroff,
        Kalenichenko & Philbin 2015, arXiv 1503.03832, equation 3; the encoder: Wan et al. 2018, arXiv 1710.10467.

    Args:
        recipe: What decides the outcome.
        spec: What the data decide.

    Raises:
        DataError: Fewer than two speakers are told.
        UsageError: There is no such speaker, or the rate is not 16,000.
    """

    averaged = ("generator",)
    objective_terms = ("generator.triplet",)
    source = "recording"

    def __init__(self, recipe: Recipe, spec: DataSpec) -> None:
        super().__init__(recipe, spec)
        if len(spec.classes) < 2:
            raise DataError(
                "An attack on speaker recognition needs recordings of at least two speakers. Put those of each into a "
                "folder of its own, or name a CSV file of speakers with --labels."
            )
        if recipe.speaker is not None and recipe.speaker not in spec.classes:
            raise UsageError(f"There is no speaker '{recipe.speaker}'. {nearest(recipe.speaker, spec.classes)}")
        self.target = spec.main
        self.aim = None if recipe.speaker is None else spec.classes.index(recipe.speaker)
        self.listener = Listener(spec.field.rate)
        self.generator: Any = ENHANCERS.build(recipe.generator, shape=spec.shape)
        self.enrolled = EnrolledVoices(len(spec.classes))

    @classmethod
    def requires(cls, recipe: Any) -> Mapping[str, str]:
        """Sounds."""
        return {"main": "audio"}

    @property
    def players(self) -> dict[str, Player]:
        """One player, the generator."""
        return {"generator": Player(self.generator, self.recipe.optimizer)}

    def inputs(self) -> dict[str, tuple[tuple[int, ...] | Tensor, ...]]:
        """Sounds, and numbers of speakers."""
        return {"generator": (self.spec.shape,), "enrolled": (torch.zeros(2, dtype=torch.long),)}

    @property
    def degraded(self) -> DataField:
        """Recordings as they are."""
        return self.spec.field

    def degrade(self, values: Tensor, draws: SampleDraws) -> Tensor:
        """The recordings themselves."""
        return values

    def measure_data(self, data: Dataset) -> None:
        """Enrol each speaker by training recordings.

        Raises:
            DataError: Of one there is none.
        """
        for number, heard in enumerate(voices_of(data, self.listener, ENROLLED)):
            self.enrolled.enrol(number, heard)

    def play(self, data: Iterator[Batch], draw: Draws) -> Iterator[Turn]:
        """One turn."""
        batch = next(data)
        voices = self.listener(self.changed(batch.main, draw))
        yield Turn("generator", {"triplet": self.loss(voices, batch[LABEL])})

    def changed(self, sounds: Tensor, draws: Draws | SampleDraws) -> Tensor:
        """Recordings with what the generator adds, no more of it than is allowed.  # [N, C, T]"""
        shape = self.generator.latent_shape
        latents = draws.normal("latents", len(sounds), *shape).to(sounds) if shape else None
        added = self.generator(sounds, latents) - sounds
        loud, added_loud = (each.flatten(1).norm(dim=1).view(-1, 1, 1) for each in (sounds, added))
        most = loud * 10 ** (-self.recipe.snr / 20)
        return (sounds + added * (most / added_loud.clamp_min(1e-12)).clamp_max(1)).clamp(-1, 1)

    def loss(self, voices: Tensor, speakers: Tensor) -> Tensor:
        """``[N]``: the triplet loss of voices ``[N, 256]`` of such speakers."""
        others = self.enrolled.likest(voices, speakers) if self.aim is None else torch.full_like(speakers, self.aim)
        return triplet(voices, self.enrolled(others), self.enrolled(speakers), self.recipe.margin)

    def evaluate(self, batch: Batch, draw: Draws) -> Mapping[str, Tensor | Ratio]:
        """How many recordings are taken for another's: changed, as they are, and with white noise as loud as allowed.

        Of a targeted attack also how many of the others are taken for the one aimed at; and the ratio of sound to
        change in dB, silent recordings left out.
        """
        sounds, speakers = batch.main, batch[LABEL]
        made = self.changed(sounds, SampleDraws(draw.seed, batch.indices.tolist()))
        voices = self.listener(made)
        given = {"": voices, "untouched-": self.listener(sounds), "noise-": self.listener(self.noisy(sounds))}
        found: dict[str, Tensor | Ratio] = {"loss": self.loss(voices, speakers)}
        for who, heard in given.items():
            taken = self.enrolled.likest(heard)
            found[f"{who}mistaken"] = (taken != speakers).to(sounds)
            if self.aim is not None:
                others = speakers != self.aim
                found[f"{who}taken-for-target"] = Ratio((others & (taken == self.aim)).to(sounds), others.to(sounds))
        power, change = (each.double().square().mean((1, 2)) for each in (sounds, made - sounds))
        told = (power > 0) & (change > 0)
        ratios = torch.where(told, 10 * (power / change).log10(), 0.0)
        return {**found, "perturbation-snr": Ratio(ratios, told.double())}

    def noisy(self, sounds: Tensor) -> Tensor:
        """Recordings with white noise as loud as a change may be.  # [N, C, T]"""
        noise = torch.randn(sounds.shape[1:], generator=generator(0, "noise"), dtype=torch.float64).to(sounds)
        return mixed(sounds, noise.expand_as(sounds), sounds.new_full((1, 1, 1), self.recipe.snr)).clamp(-1, 1)

    def rivals(self, source: Tensor) -> Mapping[str, Tensor]:
        """Recordings as they are, and with white noise as loud as a change may be."""
        return {UNTOUCHED: source, "white-noise": self.noisy(source)}

    def networks(self) -> dict[str, nn.Module]:
        """The generator, and the voices that are enrolled."""
        return {"generator": self.generator, "enrolled": self.enrolled}

    def translate(self, source: Tensor, draws: SampleDraws) -> Tensor:
        """Changed recordings ``[n, C, T]`` of recordings in [-1, 1]."""
        return self.changed(source, draws)

    def show(self, batch: Batch, draws: SampleDraws) -> Mapping[str, tuple[DataField, Tensor]]:
        """Recordings, and these changed."""
        sounds, field = batch[self.target], self.spec.field
        return {"input": (field, sounds), "output": (field, self.changed(sounds, draws))}
