"""The match of two players, one step at a time."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from belamy.errors import NotFinite, UsageError
from belamy.game.networks import Autoencoder, Discriminator, Generator
from belamy.game.settings import ADVERSARIAL, DISTRIBUTIONS, PENALTIES, GameSettings
from belamy.losses.objective import Objective
from belamy.losses.penalty_context import PenaltyContext
from belamy.seeds import Draws, derive

Seen = tuple[Tensor, Tensor]
"""Scores and features."""


class Match:
    """Generator and discriminator in play, with all that they need.

    Args:
        settings: What decides the game.

    Raises:
        UsageError: Settings that contradict each other.
    """

    def __init__(self, settings: GameSettings) -> None:
        self.settings, self.step = settings, 0
        self.distribution: Any = DISTRIBUTIONS.build(settings.distribution)
        dimensions = self.distribution.dimensions
        self.latent = settings.latent or dimensions
        if dimensions == 1 and self.latent != 1:
            raise UsageError(f"latent is {self.latent}, but a game on the line has 1: only so its density is exact.")
        activation = settings.activation or ("silu" if dimensions == 1 else "relu")
        body = (settings.width, settings.depth, activation)
        self.objective = Objective(ADVERSARIAL.build(settings.loss))
        adversarial = self.objective.adversarial
        kind = settings.discriminator or ("autoencoder" if getattr(adversarial, "energies", False) else "dense")
        judge = {"dense": Discriminator, "autoencoder": Autoencoder}[kind]
        with _seeded(derive(settings.seed, "networks")):
            self.generator = Generator(self.latent, dimensions, *body)
            self.discriminator: Any = judge(dimensions, *body, reach=max(map(abs, self.distribution.window)))
            given = {"features": settings.width, "classes": 0, "latent": self.latent}
            self.penalties = [PENALTIES.build(part, **given) for part in settings.penalties]
        self.looks_at_real = (
            adversarial.relativistic
            or hasattr(adversarial, "observe")
            or any("generator" in penalty.players for penalty in self.penalties)
        )
        """Whether the generator's turn needs data beside its own points."""
        for penalty in self.penalties:
            penalty.prepare(self.discriminator)
        learned = [*self.discriminator.parameters(), *(p for each in self.penalties for p in each.parameters())]
        self.learned = {"generator": list(self.generator.parameters()), "discriminator": learned}
        slow = settings.lr or (1e-4 if dimensions == 1 else 1e-3)
        self.rates = {"generator": slow, "discriminator": settings.discriminator_lr}
        self.optimizers = {
            player: torch.optim.Adam(own, lr=self.rates[player], betas=(settings.beta1, settings.beta2), fused=True)
            for player, own in self.learned.items()
        }

    @property
    def progress(self) -> float:
        """Share of the game that is over."""
        return self.step / self.settings.steps

    def latents(self, count: int, draw: Draws) -> Tensor:
        """``[count, latent]`` standard normal."""
        return draw.normal("latents", count, self.latent)

    def play(self) -> None:
        """One step: the discriminator's turns, then the generator's.

        Raises:
            NotFinite: A loss is NaN or infinite.
        """
        draw = Draws(self.settings.seed, self.step)
        self._set_rates()
        for _ in range(self.settings.critic_steps):
            real = self.distribution.sample(self.settings.batch, draw)
            self._learn("discriminator", self._discriminator_loss(real, draw))
            for penalty in self.penalties:
                penalty.constrain(self.discriminator)
        self._learn("generator", self._generator_loss(real, draw))
        self.step += 1

    def _discriminator_loss(self, real: Tensor, draw: Draws) -> Tensor:
        z = self.latents(len(real), draw)
        with torch.no_grad():
            fake = self.generator(z)
        seen = self._look(real, fake)
        loss = self.objective.discriminator(seen[0][0], seen[1][0], draw, self.progress).mean()
        return loss + self._terms("discriminator", real, fake, seen, z, draw)

    def _generator_loss(self, real: Tensor, draw: Draws) -> Tensor:
        z = self.latents(len(real), draw)
        fake = self.generator(z)
        if not self.looks_at_real:
            return self.objective.generator(self.discriminator(fake), None, self.progress).mean()
        seen = self._look(real, fake)
        loss = self.objective.generator(seen[1][0], seen[0][0], self.progress).mean()
        self.objective.observe(seen[0][0], seen[1][0])
        return loss + self._terms("generator", real, fake, seen, z, draw)

    def _look(self, real: Tensor, fake: Tensor) -> tuple[Seen, Seen]:
        scores, features = self.discriminator.look(torch.cat([real, fake]))
        middle = len(real)
        return (scores[:middle], features[:middle]), (scores[middle:], features[middle:])

    def _terms(
        self, player: str, real: Tensor, fake: Tensor, seen: tuple[Seen, Seen], latents: Tensor, draw: Draws
    ) -> Tensor:
        """The penalties that are due in this player's turn, weighted."""
        total = torch.zeros(())
        named = zip(self.settings.penalties, self.penalties, strict=True)
        due = [(part.name, each) for part, each in named if player in each.players and self.step % each.every == 0]
        if not due:
            return total
        scene = PenaltyContext(
            critic=self.discriminator, critic_of_fakes=self.discriminator,
            features=lambda points: self.discriminator.look(points)[1], real=real, fake=fake,
            real_scores=seen[0][0], fake_scores=seen[1][0], real_features=seen[0][1], fake_features=seen[1][1],
            latents=latents, draw=draw, progress=self.progress,
        )  # fmt: skip
        for name, penalty in due:
            try:
                term = penalty(scene)
            except ValueError as error:
                raise UsageError(f"The penalty '{name}' needs images, but a game has points. Leave it out.") from error
            if term is not None:
                total = total + penalty.weight * penalty.every * term.mean()
        return total

    def _learn(self, player: str, loss: Tensor) -> None:
        if not bool(torch.isfinite(loss)):
            raise NotFinite(
                f"The {player}'s loss is {loss.detach().item()} at step {self.step}. Type a smaller --lr than "
                f"{self.rates['generator']:g}, or add --penalties r1."
            )
        optimizer = self.optimizers[player]
        optimizer.zero_grad()
        loss.backward(inputs=self.learned[player])
        optimizer.step()

    def _set_rates(self) -> None:
        """A cosine from the learning rates to their final share."""
        final = self.settings.final_lr
        share = final + (1 - final) * (1 + math.cos(math.pi * self.progress)) / 2
        for player, optimizer in self.optimizers.items():
            for group in optimizer.param_groups:
                group["lr"] = self.rates[player] * share

    def modules(self) -> dict[str, nn.Module]:
        """Both networks by player."""
        return {"generator": self.generator, "discriminator": self.discriminator}


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Initial weights that depend on the seed alone; the process's own random numbers go on as if nothing were."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield
