"""Penalties: terms and constraints that keep the players well-behaved, one value per sample, unweighted."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor, nn

from belamy.losses.penalty_context import PenaltyContext
from belamy.registry import Module


class Penalty(Module, Protocol):
    """What the class ``Penalty`` of a file here must have; a :class:`BasePenalty` has it.

    The constructor takes what the method gives as ordinary parameters (``features`` and ``classes``, how many there
    are; ``prior``, that of the latents; ``reconstruction``, which makes decoders of the maps that the discriminator
    shows) and its options as keywords. The method adds ``weight * every`` times the term's mean to the loss on each
    ``every``-th step.
    """

    players: tuple[str, ...]
    weight: float
    every: int

    def forward(self, context: PenaltyContext) -> Tensor | None:
        """The term, ``[N]`` and unweighted; None if there is none."""

    def prepare(self, discriminator: nn.Module) -> None:
        """See the discriminator once, when it has been built."""

    def constrain(self, discriminator: nn.Module) -> None:
        """Change the discriminator's weights after each of its updates."""


class BasePenalty(nn.Module):
    """What every penalty is: a term of the players' losses, a constraint on the discriminator, or both.

    Parameters of a penalty learn in the discriminator's turns; whatever must survive a resume is a buffer.

    Args:
        weight: Factor of the term in the loss.
        every: The term is added on each ``every``-th step.

    Attributes:
        players: Whose losses the term joins, of ``discriminator`` and ``generator``.
    """

    players: tuple[str, ...] = ("discriminator",)

    def __init__(self, weight: float = 1.0, every: int = 1) -> None:
        super().__init__()
        self.weight, self.every = weight, every

    def forward(self, context: PenaltyContext) -> Tensor | None:
        """The term, ``[N]`` and unweighted; None if there is none."""
        raise AssertionError(f"{type(self).__module__} has no forward")

    def prepare(self, discriminator: nn.Module) -> None:
        """See the discriminator once, when it has been built."""

    def constrain(self, discriminator: nn.Module) -> None:
        """Change the discriminator's weights after each of its updates."""
