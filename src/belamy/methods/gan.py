"""Generative adversarial networks: any networks, adversarial loss, penalties and tricks, by name."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, NamedTuple, Self, cast

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from belamy.data import Batch, Dataset
from belamy.data.batch import joined
from belamy.losses.objective import Objective
from belamy.losses.penalty_context import PenaltyContext
from belamy.methods import base
from belamy.methods.base import OPTIMIZERS, DataSpec, Player, Turn
from belamy.methods.construction import (
    AS_IT_IS,
    DISCRIMINATOR_CONDITIONS,
    DISCRIMINATORS,
    FULL_SIZE,
    GENERATOR_CONDITIONS,
    GENERATORS,
    GROWTHS,
    NORMALISATIONS,
    PENALTIES,
    REPRESENTATIONS,
    STATISTICS,
    UNCONDITIONAL,
    WEIGHTS,
    Build,
    check,
    make_critic,
    make_generator,
    make_growth,
    needed_kind,
    represented,
)
from belamy.methods.requirements import MAIN
from belamy.networks.conditions import JoinsLabels
from belamy.networks.critic import DiscriminatorOutput
from belamy.networks.growing import Growing
from belamy.networks.pool import Pool
from belamy.processes import gather
from belamy.registry import Part, Registry
from belamy.seeds import Draws, SampleDraws

ADVERSARIAL = Registry("belamy.losses.adversarial", "adversarial loss", "Adversarial")
TARGETS = Registry("belamy.losses.targets", "change of labels", "Targets")
WEIGHTINGS = Registry("belamy.losses.weightings", "weighting of samples", "Weighting")
PRIORS = Registry("belamy.networks.priors", "prior of latents", "Prior")
VIEWS = Registry("belamy.networks.views", "view", "View")

WARM_UP = 25
"""Generator steps with ``warmup_critic_steps`` at the start; then every ``WARM_UP_AGAIN``-th."""
WARM_UP_AGAIN = 500
MEASURED = 4096
"""Training samples that a representation is measured on, at most."""


class Recipe(base.BaseRecipe):
    """A generative adversarial network."""

    generator: Annotated[Part, GENERATORS] = Part(name="dcgan-mnist")
    """The network that makes images from latents."""
    discriminator: Annotated[Part, DISCRIMINATORS] = Part(name="dcgan-mnist")
    """The network that scores images."""
    representation: Annotated[Part, REPRESENTATIONS] = AS_IT_IS
    """What the networks see of the data: sounds as log-magnitude or instantaneous-frequency are pictures to them."""
    latent: int = Field(default=100, gt=0, le=65536)
    """Size of the latent vector."""
    prior: Annotated[Part, PRIORS] = Part(name="normal")
    """Distribution of the latents."""
    generator_condition: Annotated[Part, GENERATOR_CONDITIONS] = UNCONDITIONAL
    """How the generator is told the class, where the data have labels."""
    discriminator_condition: Annotated[Part, DISCRIMINATOR_CONDITIONS] = UNCONDITIONAL
    """How the discriminator is told the class, where the data have labels."""
    auxiliary: float = Field(default=0.0, ge=0)
    """Weight of the cross-entropy of the discriminator's class scores in both players' losses (AC-GAN), where the data
    have labels."""
    adversarial: Annotated[Part, ADVERSARIAL] = Part(name="non-saturating")
    """What the two players minimise."""
    penalties: tuple[Annotated[Part, PENALTIES], ...] = ()
    """Terms and constraints that join a player's loss, e.g. r1:weight=5,every=16."""
    targets: tuple[Annotated[Part, TARGETS], ...] = ()
    """How the labels "real" and "generated" that the discriminator is told are changed, in order."""
    weightings: tuple[Annotated[Part, WEIGHTINGS], ...] = ()
    """Which samples count more than others."""
    views: tuple[Annotated[Part, VIEWS], ...] = ()
    """What is done to real and generated images before the discriminator sees them, in order."""
    statistics: tuple[Annotated[Part, STATISTICS], ...] = ()
    """Statistics of the batch that join the discriminator's last layer."""
    replay: int = Field(default=0, ge=0, le=10**7)
    """Images generated earlier that are kept and mixed with the new ones that the discriminator sees; 0 for none."""
    growth: Annotated[Part, GROWTHS] = FULL_SIZE
    """How networks that can grow do so while they train."""
    generators: int = Field(default=1, gt=0, le=64)
    """How many generators share the work."""
    generator_norm: Annotated[Part, NORMALISATIONS] = Part(name="native")
    """What stands in place of the generator's batch normalisations."""
    discriminator_norm: Annotated[Part, NORMALISATIONS] = Part(name="native")
    """What stands in place of the discriminator's batch normalisations."""
    generator_weights: tuple[Annotated[Part, WEIGHTS], ...] = ()
    """Form of the generator's weights, e.g. equalised."""
    discriminator_weights: tuple[Annotated[Part, WEIGHTS], ...] = ()
    """Form of the discriminator's weights, e.g. spectral."""
    generator_dropout: float = Field(default=0.0, ge=0, lt=1)
    """Dropout after each activation of the generator that stays on when samples are drawn."""
    critic_steps: int = Field(default=1, gt=0)
    """Discriminator updates for one generator update."""
    warmup_critic_steps: int = Field(default=0, ge=0)
    """Discriminator updates in each of the first 25 steps and in every 500th, 0 for ``critic_steps``."""
    rest_above: float = Field(default=1.0, ge=0, le=1)
    """The discriminator does not learn from a batch if it told more than this share of the last one right, a score
    above 0 meaning real; 1 for no such rule."""
    generator_steps: int = Field(default=1, gt=0)
    """Generator updates in a step, on the same real images."""
    turns: Literal["alternating", "simultaneous", "separate"] = "alternating"
    """alternating: discriminator, then generator; simultaneous: both from one pass; separate: the discriminator
    learns from real and from generated images in two updates."""
    fresh_latents: bool = False
    """Draw new latents for the generator's turn instead of using those of the discriminator's."""
    fakes: Literal["train", "eval"] = "train"
    """Mode of the generator when it makes images for the discriminator; eval is the Keras originals' defect."""
    real_range: Literal["generator", "0..1"] = "generator"
    """Range of the real images: the generator's, or [0, 1] whatever the generator makes (a defect of dcgan-frog)."""
    generator_optimizer: Annotated[Part, OPTIMIZERS] = Part(name="adam", lr=2e-4, beta1=0.5)
    """How the generator learns."""
    discriminator_optimizer: Annotated[Part, OPTIMIZERS] = Part(name="adam", lr=2e-4, beta1=0.5)
    """How the discriminator learns."""

    @classmethod
    def tiny(cls) -> Self:
        """Conditional networks with class scores and a lazy penalty on few digits."""
        return cls(
            generator=Part(name="digits", width=2, hidden=16),
            discriminator=Part(name="digits", width=2, hidden=16),
            latent=8,
            generator_condition=Part(name="embedding"),
            discriminator_condition=Part(name="projection"),
            auxiliary=0.3,
            penalties=(Part(name="r1", weight=1.0, every=4),),
            train_samples=320,
            batch=16,
            ema_half_life=64,
        )


class ScoredBatch(NamedTuple):
    """Images as the discriminator sees them, their labels, and what it says."""

    images: Tensor
    labels: Tensor | None
    verdict: DiscriminatorOutput

    @property
    def scores(self) -> Tensor:
        """``[N]``, high meaning real; of a discriminator of patches one for each, ``[N·P]``."""
        return self.verdict.judged

    @property
    def terms(self) -> dict[str, Tensor]:
        """The cross-entropy ``[N]`` of the class scores as a turn's term, if there are any."""
        if self.verdict.classes is None or self.labels is None:
            return {}
        return {"class": cross_entropy(self.verdict.classes, self.labels, reduction="none")}


class Method(base.BaseMethod):
    """Two players: the discriminator tells real from generated images, the generator learns to be taken for real.

    *Departs from AC-GAN*: the discriminator learns classes from real images only.

    References:
        Goodfellow et al. 2014, arXiv 1406.2661, algorithm 1; several discriminator steps and their warm-up: Arjovsky
        et al. 2017, arXiv 1701.07875, algorithm 1 and its published code.

    Args:
        recipe: What decides the outcome.
        spec: What the data decide.
        generator: Makes a generator for a size of latents, in place of the recipe's.
        discriminator: Makes a discriminator for a shape, in place of the recipe's.
    """

    averaged = ("generator",)

    def __init__(
        self, recipe: Recipe, spec: DataSpec, generator: Build | None = None, discriminator: Build | None = None
    ) -> None:
        super().__init__(recipe, spec)
        self.prior = PRIORS.build(recipe.prior, latent=recipe.latent)
        self.representation, self.seen = represented(recipe, spec)
        self.generator: nn.Module = make_generator(recipe, self.seen, generator)
        self.discriminator = make_critic(recipe, self.seen, self.prior, discriminator)
        self.objective = Objective(
            ADVERSARIAL.build(recipe.adversarial),
            [TARGETS.build(part) for part in recipe.targets],
            [WEIGHTINGS.build(part) for part in recipe.weightings],
        )
        check(recipe, self.objective.relativistic)
        self.value_range: tuple[float, float] = self.generator.value_range  # type: ignore[assignment]
        self.bounded = all(getattr(part, "bounded", True) for part in self.generator.modules())
        given = {"shape": self.seen.shape, "value_range": self.value_range}
        self.views = nn.ModuleList(VIEWS.build(part, **given) for part in recipe.views)
        self.pool = Pool(recipe.replay, self.seen.shape) if recipe.replay else None
        self.growth = make_growth(recipe, self.seen, self)
        self.grow(0)
        if recipe.rest_above < 1:
            self.told_right: Tensor
            self.register_buffer("told_right", torch.zeros(()))

    @classmethod
    def requires(cls, recipe: Recipe) -> Mapping[str, str]:
        """Data of the kind that the generator makes, or that the representation makes such of."""
        return {MAIN: needed_kind(recipe)}

    def measure_data(self, data: Dataset) -> None:
        """What the representation must know of them."""
        some = data.some_training(MEASURED, "representation").split(64)
        self.representation.measure(data.batch(part).main for part in some)  # type: ignore[operator]

    @property
    def players(self) -> dict[str, Player]:
        """Discriminator and generator."""
        return {
            "discriminator": Player(self.discriminator, self.recipe.discriminator_optimizer),
            "generator": Player(self.generator, self.recipe.generator_optimizer),
        }

    def networks(self) -> dict[str, nn.Module]:
        """Generator and discriminator, and the representation if it has measured anything."""
        found = {"generator": self.generator, "discriminator": self.discriminator}
        return found if self.recipe.representation == AS_IT_IS else {**found, "representation": self.representation}

    def inputs(self) -> dict[str, tuple[tuple[int, ...] | Tensor, ...]]:
        """Latents or images, and labels where the data has them; samples where they are represented."""
        labels = (torch.zeros(2, dtype=torch.long),) if self.spec.classes else ()
        latent = self.recipe.latent + (self.recipe.generators > 1)
        found = {"generator": ((latent,), *labels), "discriminator": (self.seen.shape, *labels)}
        shown = {} if self.recipe.representation == AS_IT_IS else {"representation": (self.spec.shape,)}
        return {**found, **shown}

    @property
    def undivided(self) -> str:
        """A discriminator that rests looks at the batch as a whole before it learns."""
        return "rest_above lets the scores of a whole batch decide who learns" if self.recipe.rest_above < 1 else ""

    def play(self, data: Iterator[Batch], draw: Draws) -> Iterator[Turn | tuple[Turn, ...]]:
        """Discriminator turns, then generator turns; see :class:`Recipe` for the variants."""
        samples = round(draw.progress * self.recipe.train_samples)
        self.grow(samples)
        data = joined(data, self.growth.batches(samples))
        for _ in range(self.critic_steps(draw.step) - 1):
            batch = next(data)
            z = self.noise(len(batch), draw)
            with torch.no_grad():
                fake = self.fake(z, batch.labels)
            yield from self.discriminator_turns(batch, z, fake, draw)
        batch = next(data)
        z = self.noise(len(batch), draw)
        if self.recipe.turns == "simultaneous":
            yield from self.simultaneous_turns(batch, z, draw)
            return
        # Of a batch in parts, the generator's passes would all wait in memory for its turn: they are made again there.
        serves_both = not self.recipe.fresh_latents and self.recipe.fakes == "train" and draw.parts == 1
        with torch.set_grad_enabled(serves_both):
            fake = self.fake(z, batch.labels)
        signals = yield from self.discriminator_turns(batch, z, fake.detach(), draw)
        for number in range(self.recipe.generator_steps):
            if number or not serves_both:
                z = self.noise(len(batch), draw) if number or self.recipe.fresh_latents else z
                fake = self.generator(z, batch.labels)
            with torch.no_grad():
                real = self.see(self.real(batch), batch.labels, draw) if self.generator_needs_real(draw) else None
            yield self.generator_turn(real, self.see(fake, batch.labels, draw), z, draw, signals)

    def grow(self, samples: int) -> None:
        """Let the networks that can work at the size that they have when the run has seen ``samples``."""
        self.level = self.growth.level(samples)
        for part in self.modules():
            if isinstance(part, Growing):
                part.grow(self.level)

    def discriminator_turns(
        self, batch: Batch, z: Tensor, fake: Tensor, draw: Draws
    ) -> Generator[Turn, None, dict[str, Tensor]]:
        """One turn on real and generated images, or one on each; returns what the loss has to tell of itself."""
        labels = batch.labels
        if self.pool is not None:
            fake, labels = self.pool.exchange(fake, labels, draw)
        if self.recipe.rest_above < 1 and self.told_right > self.recipe.rest_above:
            with torch.no_grad():
                return self.marked(self.see(self.real(batch), batch.labels, draw), self.see(fake, labels, draw))
        real_seen = self.see(self.real(batch), batch.labels, draw)
        if self.recipe.turns == "separate":
            terms = {"adversarial-real": self.objective.on_real(real_seen.scores, draw, draw.progress)}
            signals = {"real": real_seen.scores.detach()}
            yield Turn("discriminator", {**terms, **real_seen.terms}, self.weights, signals)
            self.constrain()
            fake_seen = self.see(fake, labels, draw)
            terms = {"adversarial-fake": self.objective.on_fake(fake_seen.scores, draw, draw.progress)}
            turn = Turn("discriminator", terms, signals={"fake": fake_seen.scores.detach()})
            if self.due("discriminator", draw):
                real_seen = self.see(self.real(batch), batch.labels, draw)
        else:
            fake_seen = self.see(fake, labels, draw)
            turn = self.discriminator_turn(real_seen, fake_seen, draw)
        yield self.penalised(turn, real_seen, fake_seen, z, draw)
        return self.learned(real_seen, fake_seen)

    def simultaneous_turns(self, batch: Batch, z: Tensor, draw: Draws) -> Iterator[tuple[Turn, Turn]]:
        """Both players' turns from one forward pass."""
        real = self.see(self.real(batch), batch.labels, draw)
        fake = self.see(self.generator(z, batch.labels), batch.labels, draw)
        turn = self.penalised(self.discriminator_turn(real, fake, draw), real, fake, z, draw)
        yield turn, self.generator_turn(real, fake, z, draw, {})
        self.learned(real, fake)

    def discriminator_turn(self, real: ScoredBatch, fake: ScoredBatch, draw: Draws) -> Turn:
        """The turn from what was said of real and of generated images; classes are learned from real ones only."""
        loss = self.objective.discriminator(real.scores, fake.scores, draw, draw.progress)
        signals = {"real": real.scores.detach(), "fake": fake.scores.detach(), **self.strengths}
        return Turn("discriminator", {"adversarial": loss, **real.terms}, self.weights, signals)

    def generator_turn(
        self, real: ScoredBatch | None, fake: ScoredBatch, z: Tensor, draw: Draws, signals: dict[str, Tensor]
    ) -> Turn:
        """The turn from what was said of generated images, and of real ones if the loss compares them."""
        loss = self.objective.generator(fake.scores, real.scores if real else None, draw.progress)
        turn = Turn("generator", {"adversarial": loss, **fake.terms}, self.weights, signals)
        return self.penalised(turn, real, fake, z, draw) if real else turn

    @property
    def weights(self) -> dict[str, float]:
        """Factors of the terms that are not adversarial."""
        return {"class": self.recipe.auxiliary} if self.discriminator.class_scores is not None else {}

    @property
    def strengths(self) -> dict[str, Tensor]:
        """How strong the views are that adapt themselves, by name, and the level of networks that grow."""
        views = zip(self.recipe.views, self.views, strict=True)
        found = {
            part.name: held["strength"] for part, view in views if "strength" in (held := dict(view.named_buffers()))
        }
        return found if self.recipe.growth == FULL_SIZE else {**found, "level": torch.tensor(self.level)}

    def generator_needs_real(self, draw: Draws) -> bool:
        """Whether the generator's turn compares its images with real ones."""
        return self.objective.relativistic or bool(self.due("generator", draw))

    def due(self, player: str, draw: Draws) -> dict[str, nn.Module]:
        """The penalties that join a player's turn on this step."""
        return {
            name: penalty
            for name, penalty in self.discriminator.penalties.items()
            if player in penalty.players and draw.step % penalty.every == 0  # type: ignore[operator]
        }

    def penalised(self, turn: Turn, real: ScoredBatch, fake: ScoredBatch, z: Tensor, draw: Draws) -> Turn:
        """The turn with the penalties that are due; the discriminator's see generated images as they are, detached."""
        due: dict[str, Any] = self.due(turn.player, draw)
        if not due:
            return turn
        styled, generator = bool(self.style_layers), cast(Any, self.generator)

        def labelled(some: Tensor) -> Tensor | None:
            return None if fake.labels is None else fake.labels[: len(some)]

        context = PenaltyContext(
            critic=lambda images: self.judge(images, real.labels).scores,
            critic_of_fakes=lambda images: self.judge(images, fake.labels).scores,
            features=lambda images: self.judge(images, real.labels).features,
            real=real.images,
            fake=fake.images.detach() if turn.player == "discriminator" else fake.images,
            real_scores=real.verdict.scores,
            fake_scores=fake.verdict.scores,
            real_features=real.verdict.features,
            fake_features=fake.verdict.features,
            real_maps=real.verdict.maps,
            latents=z,
            styles=lambda latents: self.styles(latents, labelled(latents)) if styled else latents[:, None],
            synthesize=lambda styles: (
                generator.network.synthesize(styles) if styled else generator(styles[:, 0], labelled(styles))
            ),
            draw=draw,
            progress=draw.progress,
        )
        found = {name: penalty(context) for name, penalty in due.items()}
        terms = {name: term for name, term in found.items() if term is not None}
        weights = {name: due[name].weight * due[name].every for name in terms}
        return Turn(turn.player, {**turn.terms, **terms}, {**turn.weights, **weights}, turn.signals)

    def learned(self, real: ScoredBatch, fake: ScoredBatch) -> dict[str, Tensor]:
        """After the discriminator's update: constraints hold again, parts with a state of their own see the scores."""
        self.constrain()
        with torch.no_grad():
            for view in self.views:
                view.observe(real.scores.detach())  # type: ignore[operator]
        return {**self.objective.observe(real.scores, fake.scores), **self.marked(real, fake)}

    @torch.no_grad()
    def marked(self, real: ScoredBatch, fake: ScoredBatch) -> dict[str, Tensor]:
        """Remember which share of a batch the discriminator told right, if that decides whether it learns."""
        if self.recipe.rest_above == 1:
            return {}
        right = torch.cat([real.scores > 0, fake.scores < 0])
        self.told_right = gather(right.to(real.scores)).mean()
        return {"told-right": self.told_right}

    def constrain(self) -> None:
        """Let the penalties that are constraints change the discriminator's weights."""
        for penalty in self.discriminator.penalties.values():
            penalty.constrain(self.discriminator)  # type: ignore[operator]

    def critic_steps(self, step: int) -> int:
        """How often the discriminator learns in a step."""
        warm = self.recipe.warmup_critic_steps and (step < WARM_UP or step % WARM_UP_AGAIN == 0)
        return self.recipe.warmup_critic_steps if warm else self.recipe.critic_steps

    def see(self, images: Tensor, labels: Tensor | None, draw: Draws) -> ScoredBatch:
        """What the discriminator sees of images, and what it says."""
        for view in self.views:
            images = view(images, draw, draw.progress)
        return ScoredBatch(images, labels, self.judge(images, labels))

    def judge(self, images: Tensor, labels: Tensor | None) -> DiscriminatorOutput:
        """What the discriminator says of images in the generator's range, without views."""
        verdict: DiscriminatorOutput = self.discriminator.judge(images, labels)
        return verdict

    def real(self, batch: Batch) -> Tensor:
        """The batch's images in the range that the discriminator is shown."""
        value_range = self.value_range if self.recipe.real_range == "generator" else (0.0, 1.0)
        seen = self.representation(batch.main)
        return base.to_range(self.growth.shown(seen, self.level), value_range)

    def shown_to_adversary(self, latents: Tensor, labels: Tensor | None) -> Tensor | None:
        """What was generated, in ``value_range``, where samples are only made of it; otherwise None."""
        return None if self.recipe.representation == AS_IT_IS else self.generator(latents, labels)

    def fake(self, latents: Tensor, labels: Tensor | None) -> Tensor:
        """Generated images for the discriminator."""
        self.generator.train(self.recipe.fakes == "train")
        fake: Tensor = self.generator(latents, labels)
        self.generator.train()
        return fake

    def noise(self, count: int, draw: Draws) -> Tensor:
        """``[count, latent]`` latents for training; of several generators each gets an equal share."""
        z: Tensor = self.prior.sample(count, draw, "latents")
        if (generators := self.recipe.generators) == 1:
            return z
        chosen = (torch.arange(count, device=z.device) % generators + 0.5) / generators
        return torch.cat([z, chosen.to(z).unsqueeze(1)], 1)

    def latents(self, seed: int, indices: Iterable[int]) -> Tensor:
        """``[n, latent]``: the latent of each sample index; of several generators, the last number chooses one."""
        numbers = SampleDraws(seed, indices)
        count = len(numbers.indices)
        z: Tensor = self.prior.sample(count, numbers)
        return z if self.recipe.generators == 1 else torch.cat([z, numbers.uniform("generator", count, 1)], 1)

    def generate(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images ``[n, C, H, W]`` in [-1, 1]."""
        return self.picture(self.generator(latents, labels))

    def picture(self, made: Tensor) -> Tensor:
        """Samples in [-1, 1] of what the generator made; linear last layers are clipped."""
        images = base.from_range(made, self.value_range)
        samples: Tensor = self.representation.inverse(images if self.bounded else images.clamp(-1, 1))  # type: ignore[operator]
        return samples

    @property
    def style_layers(self) -> tuple[int, ...]:
        """The resolution at which each layer's style acts; empty where the generator has no intermediate latents."""
        network = getattr(self.generator, "network", None) if isinstance(self.generator, JoinsLabels) else None
        layers: tuple[int, ...] = getattr(network, "style_layers", ())
        return layers

    @property
    def mean_style(self) -> Tensor:
        """``[w]``: the mean of the styles seen in training."""
        network: Any = self.generator.network
        mean: Tensor = network.mean_style
        return mean

    def styles(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """``[n, layers, w]``: the styles of latents ``[n, latent]``."""
        condition: Any = self.generator
        styles: Tensor = condition.network.styles(condition.joined(latents, labels))
        return styles

    def synthesize(self, styles: Tensor, noise: Sequence[torch.Generator] | None = None) -> Tensor:
        """Images ``[n, C, H, W]`` in [-1, 1] from styles ``[n, layers, w]``."""
        network: Any = self.generator.network
        return self.picture(network.synthesize(styles, noise))
