"""The match of two players: a GAN of points, trained by the trainer, one step at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import torch
from torch import Tensor, nn

from belamy.data import Batch, Dataset
from belamy.errors import NotFinite, UsageError
from belamy.game.networks import Autoencoder, Discriminator, Generator
from belamy.game.settings import ADVERSARIAL, DISTRIBUTIONS, GameSettings
from belamy.methods import gan
from belamy.modalities.fields import DataSpec, Field
from belamy.registry import Part
from belamy.seeds import Draws, derive
from belamy.training.trainer import Trainer


class Match:
    """Generator and discriminator in play, with all that they need.

    Args:
        settings: What decides the game.

    Raises:
        UsageError: Settings that contradict each other.
    """

    def __init__(self, settings: GameSettings) -> None:
        self.settings = settings
        self.distribution: Any = DISTRIBUTIONS.build(settings.distribution)
        dimensions = self.distribution.dimensions
        self.latent = settings.latent or dimensions
        if dimensions == 1 and self.latent != 1:
            raise UsageError(f"latent is {self.latent}, but a game on the line has 1: only so its density is exact.")
        body = (settings.width, settings.depth, settings.activation or ("silu" if dimensions == 1 else "relu"))
        energies = getattr(ADVERSARIAL.build(settings.loss), "energies", False)
        kind = settings.discriminator or ("autoencoder" if energies else "dense")
        judge = {"dense": Discriminator, "autoencoder": Autoencoder}[kind]
        farthest = max(map(abs, self.distribution.window))
        spec = DataSpec({"vector": Field("vector", (dimensions,))})
        with _seeded(derive(settings.seed, "networks")):
            self.method = gan.Method(
                self._recipe(dimensions), spec, lambda latent: Generator(latent, dimensions, *body),
                lambda _: judge(dimensions, *body, reach=farthest),
            )  # fmt: skip
        self.generator: nn.Module = self.method.generator
        self.discriminator, self.objective = self.method.discriminator, self.method.objective
        self.trainer = Trainer(
            self.method,
            cast("Dataset", None),
            source=lambda position: PointBatches(self.distribution, settings, position),
        )

    def _recipe(self, dimensions: int) -> gan.Recipe:
        """The game as a recipe: fresh latents for each turn, Adam at two rates that fall on a cosine."""
        settings = self.settings
        slow = settings.lr or (1e-4 if dimensions == 1 else 1e-3)
        betas = {"beta1": settings.beta1, "beta2": settings.beta2}
        return gan.Recipe(
            latent=self.latent, adversarial=settings.loss, penalties=settings.penalties, fresh_latents=True,
            critic_steps=settings.critic_steps, batch=settings.batch, seed=settings.seed,
            train_samples=settings.steps * settings.critic_steps * settings.batch,
            generator_optimizer=Part(name="adam", lr=slow, **betas),
            discriminator_optimizer=Part(name="adam", lr=settings.discriminator_lr, **betas),
            schedule=Part(name="cosine", end=settings.final_lr),
        )  # fmt: skip

    @property
    def step(self) -> int:
        """Steps played."""
        return self.trainer.clock.step

    def latents(self, count: int, draw: Draws) -> Tensor:
        """``[count, latent]`` standard normal."""
        return draw.normal("latents", count, self.latent)

    def play(self) -> None:
        """One step: the discriminator's turns, then the generator's.

        Raises:
            NotFinite: A loss or a gradient is NaN or infinite.
            UsageError: A penalty needs images.
        """
        try:
            self.trainer.step()
        except NotFinite as error:
            rate = self.method.recipe.generator_optimizer.options["lr"]
            said = f"{str(error)[0].upper()}{str(error)[1:]}, at step {self.step}."
            raise NotFinite(f"{said} Type a smaller --lr than {rate:g}, or add --penalties r1.") from error
        except ValueError as error:
            names = ", ".join(part.name for part in self.settings.penalties)
            if not names:
                raise
            raise UsageError(f"A penalty of these needs images, but a game has points: {names}.") from error

    def modules(self) -> dict[str, nn.Module]:
        """Both networks by player."""
        return {"generator": self.generator, "discriminator": self.discriminator}


class PointBatches:
    """Endless batches of a distribution's points, whose random numbers are those of the step they are for.

    Args:
        distribution: What is drawn from.
        settings: Their number, their seed, and how many batches a step takes.
        position: Batches drawn before, whole steps of them.
    """

    def __init__(self, distribution: Any, settings: GameSettings, position: int = 0) -> None:
        self.distribution, self.settings, self.position = distribution, settings, position

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __next__(self) -> Batch:
        step, number = divmod(self.position, self.settings.critic_steps)
        if number == 0:
            self._draw = Draws(self.settings.seed, step)
        self.position += 1
        points = self.distribution.sample(self.settings.batch, self._draw)
        return Batch({"vector": points}, torch.arange(len(points)))


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Initial weights that depend on the seed alone; the process's own random numbers go on as if nothing were."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield
