"""Generative adversarial networks: any generator, discriminator, adversarial loss and penalties, by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Literal, NamedTuple, Protocol, Self, runtime_checkable

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from belamy.data import Batch
from belamy.errors import UsageError
from belamy.methods import base
from belamy.methods.base import OPTIMIZERS, Domain, Player, Turn
from belamy.seeds import Draws
from belamy.shelf import Part, Shelf

GENERATORS = Shelf("belamy.networks", "generator", "Generator")
DISCRIMINATORS = Shelf("belamy.networks", "discriminator", "Discriminator")
ADVERSARIAL = Shelf("belamy.losses.adversarial", "adversarial loss", "Adversarial")
PENALTIES = Shelf("belamy.losses.penalties", "penalty", "Penalty")


class Recipe(base.BaseRecipe):
    """A generative adversarial network."""

    generator: Annotated[Part, GENERATORS] = Part(name="dcgan-mnist")
    """The network that makes images from latents."""
    discriminator: Annotated[Part, DISCRIMINATORS] = Part(name="dcgan-mnist")
    """The network that scores images."""
    latent: int = Field(default=100, gt=0, le=65536)
    """Size of the latent vector."""
    latent_law: Literal["normal", "uniform"] = "normal"
    """Distribution of the latents: standard normal, or uniform on [-1, 1)."""
    adversarial: Annotated[Part, ADVERSARIAL] = Part(name="non-saturating")
    """What the two players minimise."""
    penalties: tuple[Annotated[Part, PENALTIES], ...] = ()
    """Terms added to the discriminator's loss, e.g. r1:weight=5,every=16."""
    auxiliary: float = Field(default=0.0, ge=0)
    """Weight of the cross-entropy of the discriminator's class scores in both players' losses (AC-GAN), where the data
    have labels; for discriminators that score classes."""
    critic_steps: int = Field(default=1, gt=0)
    """Discriminator updates for one generator update."""
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
            auxiliary=0.3,
            penalties=(Part(name="r1", weight=1.0, every=4),),
            samples=320,
            batch=16,
            average=64,
        )


@runtime_checkable
class ScoresClasses(Protocol):
    """A discriminator that also scores the classes."""

    def judge(self, images: Tensor, labels: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """Scores ``[N]`` and class scores ``[N, classes]``, None without classes."""
        ...


class Judged(NamedTuple):
    """What a discriminator says of images: scores ``[N]`` and, if it scores classes, their cross-entropy ``[N]``."""

    scores: Tensor
    cross_entropy: Tensor | None = None

    @property
    def terms(self) -> dict[str, Tensor]:
        """The class term of a turn, if there is one."""
        return {} if self.cross_entropy is None else {"class": self.cross_entropy}


class Method(base.BaseMethod):
    """Two players: the discriminator tells real from generated images, the generator learns to be taken for real.

    References:
        Goodfellow et al. 2014, arXiv 1406.2661, algorithm 1.
    """

    averaged = ("generator",)

    def __init__(self, recipe: Recipe, domain: Domain) -> None:
        super().__init__(recipe, domain)
        given: dict[str, Any] = {"latent": recipe.latent, "shape": domain.shape, "classes": len(domain.classes)}
        self.generator: nn.Module = GENERATORS.build(recipe.generator, **given)
        self.discriminator: Any = DISCRIMINATORS.build(recipe.discriminator, **given)
        self.adversarial = ADVERSARIAL.build(recipe.adversarial)
        if len({part.name for part in recipe.penalties}) < len(recipe.penalties):
            raise UsageError("A penalty is named twice. Name each once, with the weight that it is to have.")
        self.penalties = {part.name: PENALTIES.build(part) for part in recipe.penalties}
        for part_name, penalty in self.penalties.items():
            if penalty.every < 1:
                raise UsageError(f"{part_name}.every is {penalty.every}, but it must be at least 1.")
            if penalty.weight < 0:
                raise UsageError(f"{part_name}.weight is {penalty.weight}, but it must not be negative.")
        self.scores_classes = recipe.auxiliary > 0 and bool(domain.classes)
        if recipe.auxiliary and not isinstance(self.discriminator, ScoresClasses):
            raise UsageError(
                f"auxiliary is {recipe.auxiliary:g}, but the discriminator '{recipe.discriminator.name}' scores no "
                f"classes. Choose --discriminator digits, or --auxiliary 0."
            )
        self.value_range: tuple[float, float] = self.generator.value_range
        if recipe.turns == "simultaneous" and (recipe.fresh_latents or recipe.fakes == "eval"):
            raise UsageError(
                "Simultaneous turns share one pass of the generator, so there are no fresh latents and no fakes in "
                "evaluation mode. Choose --turns alternating."
            )
        if recipe.turns == "separate" and self.adversarial.relativistic:
            raise UsageError(
                f"The loss '{recipe.adversarial.name}' compares real with generated images, so the discriminator "
                f"cannot learn from them separately. Choose --turns alternating."
            )

    @property
    def players(self) -> dict[str, Player]:
        """Discriminator and generator."""
        return {
            "discriminator": Player(self.discriminator, self.recipe.discriminator_optimizer),
            "generator": Player(self.generator, self.recipe.generator_optimizer),
        }

    def networks(self) -> dict[str, nn.Module]:
        """Generator and discriminator."""
        return {"generator": self.generator, "discriminator": self.discriminator}

    def inputs(self) -> dict[str, tuple[tuple[int, ...] | Tensor, ...]]:
        """Latents or images, and labels where the data has them."""
        labels = (torch.zeros(2, dtype=torch.long),) if self.domain.classes else ()
        return {"generator": ((self.recipe.latent,), *labels), "discriminator": (self.domain.shape, *labels)}

    def play(self, data: Iterator[Batch], draw: Draws) -> Iterator[Turn | tuple[Turn, ...]]:
        """Discriminator turns, then one generator turn; see :class:`Recipe` for the variants."""
        for _ in range(self.recipe.critic_steps - 1):
            batch = next(data)
            with torch.no_grad():
                fake = self.fake(self.noise(len(batch), draw), batch.labels)
            yield from self.discriminator_turns(batch, fake, draw)
        batch = next(data)
        if self.recipe.turns == "simultaneous":
            yield self.simultaneous_turns(batch, draw)
            return
        z = self.noise(len(batch), draw)
        serves_both = not self.recipe.fresh_latents and self.recipe.fakes == "train"
        with torch.set_grad_enabled(serves_both):
            fake = self.fake(z, batch.labels)
        yield from self.discriminator_turns(batch, fake.detach(), draw)
        if not serves_both:
            z = self.noise(len(batch), draw) if self.recipe.fresh_latents else z
            fake = self.generator(z, batch.labels)
        real = None
        if self.adversarial.relativistic:
            with torch.no_grad():
                real = self.judge(self.real(batch), batch.labels).scores
        yield self.generator_turn(self.judge(fake, batch.labels), real)

    def discriminator_turns(self, batch: Batch, fake: Tensor, draw: Draws) -> Iterator[Turn]:
        """One turn on real and generated images, or one on each."""
        real, labels = self.real(batch), batch.labels
        if self.recipe.turns == "separate":
            judged = self.judge(real, labels)
            terms = {"adversarial-real": self.adversarial.on_real(judged.scores), **judged.terms}
            yield Turn("discriminator", terms, self.weights, {"real": judged.scores.detach()})
            terms = {"adversarial-fake": self.adversarial.on_fake(self.judge(fake, labels).scores)}
            yield self.penalised(Turn("discriminator", terms), batch, real, fake, draw)
            return
        turn = self.discriminator_turn(self.judge(real, labels), self.judge(fake, labels))
        yield self.penalised(turn, batch, real, fake, draw)

    def simultaneous_turns(self, batch: Batch, draw: Draws) -> tuple[Turn, Turn]:
        """Both players' turns from one forward pass."""
        real, labels = self.real(batch), batch.labels
        fake = self.generator(self.noise(len(batch), draw), labels)
        judged_real, judged_fake = self.judge(real, labels), self.judge(fake, labels)
        turn = self.discriminator_turn(judged_real, judged_fake)
        return self.penalised(turn, batch, real, fake.detach(), draw), self.generator_turn(
            judged_fake, judged_real.scores
        )

    def discriminator_turn(self, real: Judged, fake: Judged) -> Turn:
        """The turn from what was said of real and of generated images; classes are learned from real ones only."""
        terms = {"adversarial": self.adversarial.discriminator(real.scores, fake.scores), **real.terms}
        return Turn("discriminator", terms, self.weights, {"real": real.scores.detach(), "fake": fake.scores.detach()})

    def generator_turn(self, fake: Judged, real: Tensor | None) -> Turn:
        """The turn from what was said of generated images, and the scores of real ones if the loss compares them."""
        return Turn(
            "generator", {"adversarial": self.adversarial.generator(fake.scores, real), **fake.terms}, self.weights
        )

    @property
    def weights(self) -> dict[str, float]:
        """Factors of the terms that are not adversarial."""
        return {"class": self.recipe.auxiliary}

    def judge(self, images: Tensor, labels: Tensor | None) -> Judged:
        """What the discriminator says of images."""
        if not self.scores_classes or labels is None:
            return Judged(self.discriminator(images, labels))
        scores, classes = self.discriminator.judge(images, labels)
        return Judged(scores, cross_entropy(classes, labels, reduction="none"))

    def penalised(self, turn: Turn, batch: Batch, real: Tensor, fake: Tensor, draw: Draws) -> Turn:
        """The turn with the penalties that are due on this step."""
        due = {name: penalty for name, penalty in self.penalties.items() if draw.step % penalty.every == 0}
        terms = {
            name: penalty(lambda images: self.discriminator(images, batch.labels), real, fake, draw)
            for name, penalty in due.items()
        }
        weights = {name: penalty.weight * penalty.every for name, penalty in due.items()}
        return Turn(turn.player, {**turn.terms, **terms}, {**turn.weights, **weights}, turn.signals)

    def real(self, batch: Batch) -> Tensor:
        """The batch's images in the range that the discriminator is shown."""
        value_range = self.value_range if self.recipe.real_range == "generator" else (0.0, 1.0)
        return base.to_range(batch.images, value_range)

    def fake(self, latents: Tensor, labels: Tensor | None) -> Tensor:
        """Generated images for the discriminator."""
        self.generator.train(self.recipe.fakes == "train")
        fake: Tensor = self.generator(latents, labels)
        self.generator.train()
        return fake

    def noise(self, count: int, draw: Draws) -> Tensor:
        """``[count, latent]`` latents for training."""
        if self.recipe.latent_law == "normal":
            return draw.normal("latents", count, self.recipe.latent)
        return draw.uniform("latents", count, self.recipe.latent) * 2 - 1

    def latents(self, seed: int, indices: Iterable[int]) -> Tensor:
        """``[n, latent]``: the latent of each sample index."""
        law = base.normal_latents if self.recipe.latent_law == "normal" else base.uniform_latents
        return law(seed, indices, self.recipe.latent)

    def generate(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images ``[n, C, H, W]`` in [-1, 1]."""
        return base.from_range(self.generator(latents, labels), self.value_range)
