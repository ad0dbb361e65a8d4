"""Speech enhancement and the like: clean sounds from noisy, clipped or broken ones (SEGAN and lighter networks)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

import numpy as np
import torch
from pydantic import Field
from scipy.signal import lfilter
from torch import Tensor, nn

from belamy.data import Batch
from belamy.errors import UsageError
from belamy.losses.objective import Objective
from belamy.methods import base
from belamy.methods.autoencoder import RECONSTRUCTIONS
from belamy.methods.base import OPTIMIZERS, UNTOUCHED, DataSpec, Player, Turn, given_of, weighted
from belamy.methods.construction import DISCRIMINATORS, NORMALISATIONS, adapted
from belamy.methods.gan import ADVERSARIAL
from belamy.modalities.fields import Field as DataField
from belamy.networks.clip_bank import ClipBank
from belamy.networks.sound_degradations.noise import mixed
from belamy.registry import Part, Registry
from belamy.seeds import Draws, SampleDraws

if TYPE_CHECKING:
    from belamy.data.dataset import Dataset

ENHANCERS = Registry("belamy.networks", "enhancer", "Enhancer")
CLASSICAL_ENHANCERS = Registry("belamy.networks.classical_enhancers", "classical enhancer", "ClassicalEnhancer")
SOUND_DEGRADATIONS = Registry("belamy.networks.sound_degradations", "degradation of sound", "SoundDegradation")
SOUND_VARIATIONS = Registry("belamy.networks.sound_variations", "variation of sounds", "SoundVariation")
SPECTRAL = Registry("belamy.losses.spectral", "distance of spectra", "Spectral")
QUALITIES = Registry("belamy.losses.qualities", "quality of sound", "Quality")
NOISE = "other"
"""The field of the noises, a side that is not aligned with the sounds."""
SHORTEST = 0.128
"""Seconds of a clip in which rules still hear enough around a loss."""
NOISES_KEPT = 32
"""Held-out noises that the method remembers, to mix them with held-out sounds."""
HISS = "noise"
"""The degradation that is noise by formula."""


class Recipe(base.BaseRecipe):
    """A network that makes sounds clean."""

    data: str = "drums"
    """Clean sounds, which are spoilt as the recipe says, or pairs: a folder of clean/ and noisy/."""
    generator: Annotated[Part, ENHANCERS] = Part(name="convolutional-recurrent")
    """The network that makes sounds clean."""
    rules: tuple[Annotated[Part, CLASSICAL_ENHANCERS], ...] = ()
    """Rules whose guesses a generator mixes that is made for it, as restorer is: autoregressive-interpolation, a-spade
    and others."""
    snr_low: float = Field(default=-5.0, ge=-60, le=100)
    """Least ratio of sound to noise in dB, each drawn uniformly: of a noise of --other, or of pink noise by formula
    where there is no other and no degradation."""
    snr_high: float = Field(default=15.0, ge=-60, le=100)
    """Largest of these ratios."""
    degradations: tuple[Annotated[Part, SOUND_DEGRADATIONS], ...] = ()
    """What spoils the sounds then, one after the other, unless they come with noisy ones: noise:colour=pink,
    clipping:low=0.3, packet-loss and others."""
    variations: tuple[Annotated[Part, SOUND_VARIATIONS], ...] = ()
    """What makes others of clean sounds and noises each time that they are learned from, before they meet, or of pairs:
    speed, equaliser."""
    pre_emphasis: float = Field(default=0.0, ge=0, lt=1)
    """The share of each sample that is taken off the next before the networks see sounds; 0.95 lifts high notes."""
    reconstruction: Annotated[Part, RECONSTRUCTIONS] = Part(name="absolute-error")
    """How far the samples are from those of the clean sound."""
    reconstruction_weight: float = Field(default=10.0, ge=0)
    """Factor of that distance."""
    spectral: Annotated[Part, SPECTRAL] = Part(name="compressed")
    """How far the spectra are from those of the clean sound."""
    spectral_weight: float = Field(default=1.0, ge=0)
    """Factor of that distance; 0 for none."""
    discriminator: Annotated[Part, DISCRIMINATORS] = Part(name="segan")
    """The network that judges sounds beside what they were made from."""
    adversarial: Annotated[Part, ADVERSARIAL] = Part(name="least-squares", half=False)
    """What the two players minimise."""
    adversarial_weight: float = Field(default=0.0, ge=0)
    """Factor of that loss for the generator; 0 for no discriminator."""
    qualities: tuple[Annotated[Part, QUALITIES], ...] = ()
    """What the discriminator learns to foretell instead, beside the clean sound, and the generator to raise: pesq, stoi
    or both, their mean (MetricGAN)."""
    turns: Literal["alternating", "separate"] = "alternating"
    """separate: the discriminator learns from clean and from made sounds in two updates."""
    fresh_batch: bool = False
    """Let the generator learn from a batch of its own instead of from that of the discriminator's turn."""
    discriminator_norm: Annotated[Part, NORMALISATIONS] = Part(name="native")
    """What stands in place of the discriminator's batch normalisations; native keeps them, virtual is SEGAN's."""
    generator_optimizer: Annotated[Part, OPTIMIZERS] = Part(name="adam", lr=1e-3, beta1=0.9)
    """How the generator learns."""
    discriminator_optimizer: Annotated[Part, OPTIMIZERS] = Part(name="adam", lr=2e-4, beta1=0.5)
    """How the discriminator learns."""

    @classmethod
    def tiny(cls) -> Self:
        """Thin networks on few short hits under white noise, with a discriminator."""
        return cls(
            data="drums:count=60",
            length=1024,
            generator=Part(name="convolutional-recurrent", width=4, memory=4, layers=2, frame=64),
            discriminator=Part(name="segan", width=2),
            spectral=Part(name="compressed", frame=64),
            adversarial_weight=1.0,
            train_samples=96,
            batch=8,
            ema_half_life=32,
        )


class Method(base.BaseMethod):
    r"""A generator makes of what is heard, x, the clean sound y again; a discriminator may tell pairs (y, x) apart.

    .. math:: L_D = (D(y, x) - 1)^2 + D(G(x, z), x)^2, \qquad
        L_G = (D(G(x, z), x) - 1)^2 + \lambda\,|y - G(x, z)|_1 + \sigma\,d(y, G(x, z))

    where d compares spectra. What is heard comes with the data (``noisy``), or is made of clean sounds, anew each time
    that one is seen: with a noise of ``other``, from a place and at a ratio of its own, then by degradations; with pink
    noise where there is neither. Held-out sounds meet held-out noises.

    With ``qualities`` the discriminator foretells Q, from 0 to 1, of clean, made and heard sounds, and the generator
    wants it to foretell 1:

    .. math:: L_D = (D(y, y) - 1)^2 + (D(G(x), y) - Q(G(x), y))^2 + (D(x, y) - Q(x, y))^2, \qquad
        L_G = (D(G(x), y) - 1)^2 + …

    Sounds of which Q cannot be told, as they hold no speech, teach the discriminator nothing.

    References:
        Pascual, Bonafonte & Serrà 2017, arXiv 1703.09452, equations 5 and 6 (λ = 100, no d); qualities: Fu et al. 2019,
        "MetricGAN", arXiv 1905.04874, section 3; of heard sounds too: Fu et al. 2021, "MetricGAN+", arXiv 2104.03538,
        section 2, without its buffer of earlier sounds.

    Args:
        recipe: What decides the outcome.
        spec: What the data decide.
    """

    averaged = ("generator",)
    source = "noisy"

    def __init__(self, recipe: Recipe, spec: DataSpec) -> None:
        super().__init__(recipe, spec)
        self.target, self.shape = spec.main, spec.shape
        self.paired = self.source in spec.fields
        self.check()
        rate = spec.field.hertz
        self.generator: Any = ENHANCERS.build(recipe.generator, shape=self.shape, guesses=len(recipe.rules))
        self.rules = [CLASSICAL_ENHANCERS.build(part, rate=rate) for part in recipe.rules]
        hiss = Part(name=HISS, colour="pink", low=recipe.snr_low, high=recipe.snr_high)
        parts = recipe.degradations or (() if NOISE in spec.fields else (hiss,))
        self.degradations = [SOUND_DEGRADATIONS.build(part, rate=rate) for part in parts]
        told = {name for rule in self.rules for name in rule.against} or {HISS}
        self.spoilt_by = frozenset(told if self.paired else {part.name for part in parts})
        if NOISE in spec.fields:
            self.spoilt_by |= {HISS}
        self.check_rules()
        self.variations = [SOUND_VARIATIONS.build(part) for part in recipe.variations]
        self.reconstruction = RECONSTRUCTIONS.build(recipe.reconstruction)
        self.spectral = SPECTRAL.build(recipe.spectral)
        self.bank = ClipBank(NOISES_KEPT, spec.fields[NOISE]) if NOISE in spec.fields else None
        self.qualities = [QUALITIES.build(part, rate=rate) for part in recipe.qualities]
        self.judged = recipe.adversarial_weight > 0
        self.objective_terms = () if self.judged else tuple(f"generator.{name}" for name in self.weights)
        if self.judged:
            made = DISCRIMINATORS.build(recipe.discriminator, shape=(2 * self.shape[0], *self.shape[1:]))
            self.discriminator = adapted(made, recipe.discriminator_norm, ())
            self.objective = Objective(ADVERSARIAL.build(recipe.adversarial))

    def check(self) -> None:
        """Refuse data and settings that do not fit.

        Raises:
            UsageError: What to type instead.
        """
        recipe, spec = self.recipe, self.spec
        if recipe.snr_low > recipe.snr_high:
            raise UsageError(
                f"--snr-low is {recipe.snr_low:g} and --snr-high {recipe.snr_high:g}, but the first must not be above "
                "the second."
            )
        if NOISE in spec.fields and spec.fields[NOISE].shape != spec.shape:
            channels, samples = spec.fields[NOISE].shape
            alike = f"--modality audio:channels={self.shape[0]} --length {self.shape[1]}"
            raise UsageError(
                f"The noises have {channels} channel(s) of {samples:,} samples, but the sounds {self.shape[0]} of "
                f"{self.shape[1]:,}. Type {alike}, which both then have."
            )
        if recipe.qualities and not recipe.adversarial_weight:
            raise UsageError("--qualities are for a discriminator to foretell. Type --adversarial-weight 1 too.")
        if not recipe.reconstruction_weight and not recipe.spectral_weight:
            raise UsageError(
                "Nothing says what the clean sound is. Type --reconstruction-weight or --spectral-weight above 0."
            )

    def check_rules(self) -> None:
        """Refuse rules that nobody mixes, or that are not against what spoils the sounds.

        Raises:
            UsageError: What to type instead.
        """
        recipe, name = self.recipe, self.recipe.generator.name
        mixes = getattr(self.generator, "takes_guesses", False)
        if self.rules and not mixes:
            raise UsageError(f"--generator {name} mixes no --rules. Type --generator restorer, or leave them out.")
        if mixes and not self.rules:
            raise UsageError(
                f"--generator {name} mixes what rules guess, and there are none. Type --degradations gaps "
                "--rules autoregressive-interpolation waveform-substitution."
            )
        for rule, part in zip(self.rules, recipe.rules, strict=True):
            if not self.spoilt_by.intersection(rule.against):
                raise UsageError(
                    f"The rule {part.name} is against {', '.join(rule.against)}, but the sounds are spoilt by "
                    f"{', '.join(sorted(self.spoilt_by))}. Type --rules {' '.join(self.fitting())}."
                )
        fewest = round(SHORTEST * self.spec.field.hertz)
        if self.rules and self.shape[-1] < fewest:
            raise UsageError(
                f"Clips have {self.shape[-1]:,} samples, but rules must hear what is around a loss. Type --length "
                f"{fewest} or more."
            )
        if self.rules and recipe.pre_emphasis:
            raise UsageError("Rules tell damage by samples that --pre-emphasis changes. Leave --pre-emphasis out.")

    @classmethod
    def requires(cls, recipe: Any) -> Mapping[str, str]:
        """Sounds."""
        return {"main": "audio"}

    @property
    def degraded(self) -> DataField:
        """Sounds like the clean ones."""
        return self.spec.field

    @property
    def players(self) -> dict[str, Player]:
        """The generator, and the discriminator if there is one."""
        found = {"generator": Player(self.generator, self.recipe.generator_optimizer)}
        if self.judged:
            found["discriminator"] = Player(self.discriminator, self.recipe.discriminator_optimizer)
        return found

    def networks(self) -> dict[str, nn.Module]:
        """Generator, discriminator and remembered noises, as far as they are there."""
        found: dict[str, nn.Module] = {"generator": self.generator}
        if self.judged:
            found["discriminator"] = self.discriminator
        return found if self.bank is None else {**found, "noises": self.bank}

    def inputs(self) -> dict[str, tuple[tuple[int, ...] | Tensor, ...]]:
        """Sounds, with guesses where rules make some; two of them one above the other, and numbers of noises."""
        both = (2 * self.shape[0], *self.shape[1:])
        guesses = [(len(self.rules), *self.shape)] if self.rules else []
        given: dict[str, tuple[tuple[int, ...] | Tensor, ...]] = {
            "generator": (self.shape, *guesses), "discriminator": (both,), "noises": (torch.zeros(2, dtype=torch.long),)
        }  # fmt: skip
        return {name: given[name] for name in self.networks()}

    @property
    def weights(self) -> dict[str, float]:
        """Factors of the generator's distances that count."""
        found = {"reconstruction": self.recipe.reconstruction_weight, "spectral": self.recipe.spectral_weight}
        return {name: weight for name, weight in found.items() if weight}

    def measure_data(self, data: Dataset) -> None:
        """Remember held-out noises, or if none are held out the first ones."""
        if self.bank is None:
            return
        side = data.sides[NOISE]
        chosen = side.held_out if len(side.held_out) else side.indices("all")
        places = chosen[torch.arange(NOISES_KEPT) % len(chosen)]
        self.bank.clips.copy_(side.raw(places)[side.named])

    def play(self, data: Iterator[Batch], draw: Draws) -> Iterator[Turn]:
        """A turn of the generator; with a discriminator, first one of it, or two."""
        given, wanted = self.drawn(next(data), draw)
        if not self.judged:
            yield Turn("generator", self.distances(self.made(given, draw), wanted), self.weights)
            return
        with torch.no_grad():
            made = self.made(given, draw)
        yield from self.discriminator_turns(given, wanted, made, draw)
        if self.recipe.fresh_batch:
            given, wanted = self.drawn(next(data), draw)
        made = self.made(given, draw)
        if self.qualities:
            adversarial = (self.judge(made, wanted) - 1).square()
        else:
            with torch.no_grad():
                real = self.judge(wanted, given) if self.objective.relativistic else None
            adversarial = self.objective.generator(self.judge(made, given), real, draw.progress)
        weights = {**self.weights, "adversarial": self.recipe.adversarial_weight}
        yield Turn("generator", {**self.distances(made, wanted), "adversarial": adversarial}, weights)

    def discriminator_turns(self, given: Tensor, wanted: Tensor, made: Tensor, draw: Draws) -> Iterator[Turn]:
        """One turn on clean and on made sounds, or one on each; one on all of whose quality something is foretold."""
        if self.qualities:
            yield Turn("discriminator", {"quality": self.foretold(wanted, made, given)})
            return
        real = self.judge(wanted, given)
        if self.recipe.turns == "separate" and not self.objective.relativistic:
            loss = self.objective.on_real(real, draw, draw.progress)
            yield Turn("discriminator", {"adversarial-real": loss}, signals={"real": real.detach()})
            fake = self.judge(made, given)
            loss = self.objective.on_fake(fake, draw, draw.progress)
            yield Turn("discriminator", {"adversarial-fake": loss}, signals={"fake": fake.detach()})
            return
        fake = self.judge(made, given)
        loss = self.objective.discriminator(real, fake, draw, draw.progress)
        yield Turn("discriminator", {"adversarial": loss}, signals={"real": real.detach(), "fake": fake.detach()})

    def drawn(self, batch: Batch, draw: Draws) -> tuple[Tensor, Tensor]:
        """What is heard and the clean sounds of a batch, as networks see them."""
        wanted, noises = batch[self.target], batch.fields.get(NOISE)
        noisy = [batch[self.source]] if self.paired else []
        for variation in self.variations:
            wanted, *noisy = variation(torch.cat([wanted, *noisy], 1), draw).split(self.shape[0], 1)
            noises = noises if noises is None else variation(noises, draw)
        given = noisy[0] if noisy else self.spoilt(wanted, noises, draw)
        return self.emphasised(given), self.emphasised(wanted)

    def spoilt(self, sounds: Tensor, noises: Tensor | None, draws: Draws | SampleDraws) -> Tensor:
        """Sounds with noises, each from a place on and at a ratio of its own, then degraded.  # [n, C, T]"""
        if noises is not None:
            u = draws.uniform("mix", len(sounds), 2)
            starts = (u[:, 0] * noises.shape[-1]).long().tolist()
            rolled = torch.stack([noise.roll(start, -1) for noise, start in zip(noises, starts, strict=True)])
            span = self.recipe.snr_high - self.recipe.snr_low
            ratios = (self.recipe.snr_low + span * u[:, 1]).view(-1, 1, 1).to(sounds)
            sounds = mixed(sounds, rolled, ratios)
        for degradation in self.degradations:
            sounds = degradation(sounds, draws)
        return sounds

    def degrade(self, values: Tensor, draws: SampleDraws) -> Tensor:
        """What is heard of clean sounds, with held-out noises; see :class:`belamy.methods.base.Restores`.

        Noises are as long as what is learned from; with longer sounds they come again.
        """
        noises = None
        if self.bank is not None:
            numbers = (draws.uniform("noise-number", len(values)) * NOISES_KEPT).long()
            noises = self.bank(numbers.to(values.device)).to(values)
            times = -(-values.shape[-1] // noises.shape[-1])
            noises = noises.repeat(1, 1, times)[..., : values.shape[-1]]
        return self.spoilt(values, noises, draws)

    def emphasised(self, sounds: Tensor) -> Tensor:
        """Each sample less a share of the one before it."""
        if not self.recipe.pre_emphasis:
            return sounds
        return torch.cat([sounds[..., :1], sounds[..., 1:] - self.recipe.pre_emphasis * sounds[..., :-1]], -1)

    def plain(self, sounds: Tensor) -> Tensor:
        """The undoing of :meth:`emphasised`, without gradients."""
        if not self.recipe.pre_emphasis:
            return sounds
        found = lfilter([1.0], [1.0, -self.recipe.pre_emphasis], sounds.detach().double().cpu().numpy())
        return torch.from_numpy(found).to(sounds)

    def made(self, given: Tensor, draws: Draws | SampleDraws) -> Tensor:
        """What the generator makes of what is heard, and of noise or of what rules guess where it takes some."""
        if self.rules:
            restored: Tensor = self.generator(given, torch.stack([rule(given) for rule in self.rules], 1))
            return restored
        latents = None
        if self.generator.latent_shape:
            *features, steps = self.generator.latent_shape
            longer = steps * given.shape[-1] // self.shape[-1]
            latents = draws.normal("latents", len(given), *features, longer).to(given)
        found: Tensor = self.generator(given, latents)
        return found

    def judge(self, sounds: Tensor, given: Tensor) -> Tensor:
        """``[N]``: scores of sounds above what was heard."""
        found: Tensor = self.discriminator(torch.cat([sounds, given], 1))
        return found

    def foretold(self, wanted: Tensor, *others: Tensor) -> Tensor:
        """``[N]``: squared errors of the foretold qualities of the clean sounds themselves and of others."""
        found = (self.judge(wanted, wanted) - 1).square()
        for sounds in others:
            quality = self.quality(sounds, wanted)
            known = quality.isfinite()
            found = found + known * (self.judge(sounds, wanted) - quality.where(known, 0)).square()
        return found

    def quality(self, sounds: Tensor, wanted: Tensor) -> Tensor:
        """``[N]``: the mean of the qualities of sounds, over their channels; NaN where one cannot be told."""
        pairs = [self.plain(each).detach().flatten(0, 1).double().cpu().numpy() for each in (wanted, sounds)]
        told = [[of(true, heard) for true, heard in zip(*pairs, strict=True)] for of in self.qualities]
        return torch.tensor(told).mean(0).view(len(sounds), -1).mean(1).to(sounds)

    def distances(self, made: Tensor, wanted: Tensor) -> dict[str, Tensor]:
        """``[N]`` each: how far made sounds are from the clean ones, by what counts."""
        found = {"reconstruction": self.reconstruction, "spectral": self.spectral}
        return {name: found[name](made, wanted) for name in self.weights}

    def evaluate(self, batch: Batch, draw: Draws) -> Mapping[str, Tensor]:
        """The distances from the clean sounds, and their weighted sum."""
        draws = SampleDraws(draw.seed, batch.indices.tolist())
        given = self.emphasised(given_of(self, batch, draws))
        found = self.distances(self.made(given, draws), self.emphasised(batch[self.target]))
        return {**found, "loss": weighted(found, self.weights)}

    def rivals(self, source: Tensor) -> Mapping[str, Tensor]:
        """What is heard, and what rules against what spoilt it make of it.

        Pairs are taken for noisy, or for what the recipe's own rules are against.
        """
        return {UNTOUCHED: source, **{name: rule(source) for name, rule in self.fitting().items()}}

    def fitting(self) -> dict[str, Any]:
        """The rules that are against what spoils the sounds, with their defaults."""
        rules = {
            name: CLASSICAL_ENHANCERS.build(Part(name=name), rate=self.spec.field.hertz)
            for name in CLASSICAL_ENHANCERS.names()
        }
        return {name: rule for name, rule in rules.items() if self.spoilt_by.intersection(rule.against)}

    def translate(self, source: Tensor, draws: SampleDraws) -> Tensor:
        """Clean sounds ``[n, C, T]`` of noisy ones in [-1, 1].

        Args:
            source: Of the length that was learned from, or of any that the generator takes.
            draws: The noise of the generator, where it takes some.
        """
        return self.plain(self.made(self.emphasised(source), draws))

    @property
    def delay(self) -> int | None:
        """Samples by which :meth:`streamed` is late; None where the generator needs whole clips."""
        return getattr(self.generator, "delay", None)

    @torch.no_grad()
    def streamed(self, pieces: Iterable[Tensor]) -> Iterator[Tensor]:
        """What :meth:`translate` makes of sounds that come in pieces ``[n, C, t]``: one of each as far as it is known
        by then, and at last the rest. Only where :attr:`delay` is not None.

        Args:
            pieces: One after the other; what is remembered between them does not grow.
        """
        rule, one = [1.0, -self.recipe.pre_emphasis], [1.0]
        yield from filtered(self.generator.streamed(filtered(pieces, rule, one)), one, rule)

    def show(self, batch: Batch, draws: SampleDraws) -> Mapping[str, tuple[DataField, Tensor]]:
        """What is heard, what is made of it, and the clean sounds."""
        given = given_of(self, batch, draws)
        field = self.spec.field
        return {"input": (field, given), "output": (field, self.translate(given, draws)),
                "target": (field, batch[self.target])}  # fmt: skip


def filtered(pieces: Iterable[Tensor], above: Sequence[float], below: Sequence[float]) -> Iterator[Tensor]:
    """Sounds in pieces ``[n, C, t]`` through a recursive filter of the first order, or of none.

    Args:
        pieces: One after the other.
        above: Coefficients of what is heard.
        below: Of what was made.
    """
    if not any((*above[1:], *below[1:])):
        yield from pieces
        return
    state = None
    for piece in pieces:
        if not piece.shape[-1]:  # of which lfilter would make an arbitrary state
            yield piece
            continue
        values = piece.double().cpu().numpy()
        state = np.zeros((*values.shape[:2], 1)) if state is None else state
        made, state = lfilter(above, below, values, zi=state)
        yield torch.from_numpy(made).to(piece)
