"""Directions in latent space: which way to go for a smile.

All vectors have one length: a step of 1 is one standard deviation of the latents along the direction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor

from belamy.errors import UsageError, nearest
from belamy.methods.base import BaseMethod
from belamy.registry import Registry

DIRECTIONS = Registry("belamy.editing.directions", "kind of direction", "Direction")
FEWEST = 2
"""Latents with an attribute, and without, that a direction needs."""


@dataclass(frozen=True, eq=False)
class DirectionData:
    """What directions are found from.

    Args:
        latents: Where images are.  # [n, latent]
        attributes: Which of the images have what, by name.  # [n] bool
        method: It makes images of latents.
    """

    latents: Tensor
    attributes: Mapping[str, Tensor]
    method: BaseMethod

    def having(self, name: str) -> Tensor:
        """Which images have an attribute.  # [n] bool

        Raises:
            UsageError: There is no such attribute, or hardly an image has it, or lacks it.
        """
        if name not in self.attributes:
            raise UsageError(f"There is no attribute '{name}' among the evidence. {nearest(name, self.attributes)}")
        has = self.attributes[name]
        if min(int(has.sum()), int((~has).sum())) < FEWEST:
            raise UsageError(
                f"Of {len(has):,} images {int(has.sum()):,} have '{name}', but at least {FEWEST} must have it and "
                f"{FEWEST} must not. Take more images, or another attribute."
            )
        return has


@dataclass(frozen=True, eq=False)
class Directions:
    """Named vectors.

    Args:
        vectors: Added to latents.  # [k, latent]
        names: One each.
        facts: How each was found, as plain data.
    """

    vectors: Tensor
    names: tuple[str, ...]
    facts: Mapping[str, Any] = field(default_factory=dict)

    def total(self, steps: Mapping[str, float]) -> Tensor:
        """The sum of steps along named vectors.  # [latent]"""
        return torch.stack([step * self[name] for name, step in steps.items()]).sum(0)

    def __getitem__(self, name: str) -> Tensor:
        """The vector of a name.  # [latent]

        Raises:
            UsageError: There is none.
        """
        if name not in self.names:
            raise UsageError(f"There is no direction '{name}'. {nearest(name, self.names)}")
        return self.vectors[self.names.index(name)]


class Direction(Protocol):
    """What the class ``Direction(*, …)`` of a file here must have.

    Attributes:
        supervised: Whether a direction is found for each attribute named; others find ``count`` and take no names.
        wide: Whether everything else that is known of the images is evidence too, as what must stay.
    """

    supervised: bool
    wide: bool

    def find(self, evidence: DirectionData, names: Sequence[str] = ()) -> Directions:
        """The directions."""


def in_deviations(vectors: Tensor, latents: Tensor) -> Tensor:
    """The vectors with the length of one standard deviation of the latents along them.  # [k, latent] float32

    Raises:
        UsageError: A vector is zero.
    """
    lengths = vectors.double().norm(dim=1, keepdim=True)
    if not bool((lengths > 0).all()):
        raise UsageError("A direction is zero: the latents with and without its attribute are the same.")
    unit = vectors.double() / lengths
    spread = (latents.double() @ unit.T).std(0)[:, None]
    return (unit * spread).float()


def oriented(vectors: Tensor) -> Tensor:
    """The same with the largest component of each positive: without an attribute, signs mean nothing."""
    largest = vectors.gather(1, vectors.abs().argmax(1, keepdim=True))
    return vectors * torch.where(largest < 0, -1.0, 1.0).to(vectors)


def leading(matrix: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The eigenvectors of a symmetric matrix with the largest eigenvalues, as rows, and each one's share of the trace.

    Raises:
        UsageError: More are asked for than there are.
    """
    if not 1 <= count <= len(matrix):
        raise UsageError(f"count is {count}, but there are 1 to {len(matrix)} directions in this latent space.")
    values, vectors = torch.linalg.eigh(matrix)
    return oriented(vectors.T.flip(0)[:count]), (values.flip(0)[:count] / values.sum()).clamp(0, 1)
