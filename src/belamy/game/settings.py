"""What decides a game: the distribution, the two players, the loss and how they learn."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field

from belamy.data.distributions import DISTRIBUTIONS
from belamy.registry import Part, Registry
from belamy.settings import FrozenSettings

ADVERSARIAL = Registry("belamy.losses.adversarial", "adversarial loss", "Adversarial")
PENALTIES = Registry("belamy.losses.penalties", "penalty", "Penalty")


class GameSettings(FrozenSettings):
    """Two small networks play for a distribution on the line or in the plane, and everything about it is measured."""

    subject = "A game"

    distribution: Annotated[Part, DISTRIBUTIONS] = Part(name="gaussian")
    """What the generator is to learn."""
    loss: Annotated[Part, ADVERSARIAL] = Part(name="non-saturating")
    """What the two players minimise."""
    penalties: tuple[Annotated[Part, PENALTIES], ...] = ()
    """Terms added to the losses, e.g. r1:weight=0.1."""
    steps: int = Field(default=4000, gt=0, le=1_000_000)
    """Updates of the generator."""
    batch: int = Field(default=128, gt=1, le=16384)
    """Points per step, of the data and of the generator each."""
    critic_steps: int = Field(default=1, gt=0, le=100)
    """Updates of the discriminator for one of the generator."""
    seed: int = Field(default=0, ge=0)
    """Decides every random draw of the game."""
    discriminator: Literal["dense", "autoencoder"] | None = None
    """dense gives a score, an autoencoder minus its error; by default what the loss is for."""
    width: int = Field(default=128, gt=0, le=2048)
    """Units of the hidden layers."""
    depth: int = Field(default=2, gt=0, le=16)
    """Hidden layers of either network."""
    activation: Literal["silu", "relu", "leaky-relu", "tanh"] | None = None
    """Of the hidden layers; by default silu on the line, where it makes smooth curves, and relu in the plane."""
    latent: int | None = Field(default=None, gt=0, le=1024)
    """Size of the normal latents; by default that of the points. On the line it is 1, which makes the density exact."""
    lr: float | None = Field(default=None, gt=0, le=1)
    """Adam's learning rate of the generator; by default 1e-4 on the line and 1e-3 in the plane."""
    discriminator_lr: float = Field(default=3e-3, gt=0, le=1)
    """Adam's learning rate of the discriminator: the quicker player, so that its answers are nearly the best ones."""
    beta1: float = Field(default=0.5, ge=0, lt=1)
    """Adam's first β."""
    beta2: float = Field(default=0.99, ge=0, lt=1)
    """Adam's second β."""
    final_lr: float = Field(default=1.0, gt=0, le=1)
    """Share of the learning rates that is left at the end, reached on a cosine."""

    def changed(self, **fields: Any) -> Self:
        """The same settings with some fields replaced; parts may be given as text.

        Raises:
            UsageError: An unknown field or a value that the field does not allow.
        """
        if isinstance(fields.get("penalties"), str):
            fields["penalties"] = (fields["penalties"],)
        if isinstance(fields.get("distribution"), str):
            fields["distribution"] = distribution_part(fields["distribution"])
        return super().changed(**fields)


def distribution_part(text: str) -> Part:
    """A distribution from its name and options, or from the path of a picture.

    Example:
        >>> str(distribution_part("ring:modes=6")), str(distribution_part("cat.png"))
        ('ring:modes=6', 'picture:file=cat.png')
    """
    path = Path(text).expanduser()
    name = text.partition(":")[0].replace("_", "-")
    if name not in DISTRIBUTIONS.names() and (path.suffix or "/" in text or path.is_file()):
        return Part(name="picture", file=text)
    return Part.parse(text)
