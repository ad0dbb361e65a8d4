"""Distributions of one value among few levels: how likely each is, and which one a uniform number draws.

A model gives ``parameters`` numbers for each value; their meaning is the distribution's. Levels are whole numbers from
0, black, to ``levels - 1``, white.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from belamy.errors import UsageError

if TYPE_CHECKING:
    from torch import Tensor

MOST_LEVELS = 256


class Likelihood(Protocol):
    """What the class ``Likelihood`` of a file here must have."""

    levels: int
    parameters: int
    chances: int

    def log_prob(self, parameters: Tensor, levels: Tensor) -> Tensor:
        """Log-probabilities of levels, in nats.  # [..., parameters] and long [...] to [...]"""
        ...

    def pick(self, parameters: Tensor, chance: Tensor, temperature: float = 1.0) -> Tensor:
        """Levels that uniform numbers draw.  # [..., parameters] and [..., chances] to long [...]

        Args:
            parameters: What the model says.
            chance: Uniform on [0, 1).
            temperature: Below 1 likelier values, above 1 bolder ones; 0 the likeliest, or the middle.
        """
        ...


def check_levels(levels: int, name: str) -> int:
    """``levels`` if there are 2 to 256.

    Raises:
        UsageError: There are not.
    """
    if not 2 <= levels <= MOST_LEVELS:
        raise UsageError(f"{name}:levels={levels}, but a value has 2 to {MOST_LEVELS} levels.")
    return levels


def chosen(logits: Tensor, chance: Tensor, temperature: float = 1.0) -> Tensor:
    """The number at which the distribution function passes a uniform number.  # [..., L] and [...] to long [...]

    Example:
        >>> import torch
        >>> chosen(torch.zeros(3, 4), torch.tensor([0.0, 0.3, 0.99]))
        tensor([0, 1, 3])
    """
    if temperature == 0:
        return logits.argmax(-1)
    reached = (logits / temperature).softmax(-1).cumsum(-1)
    passed = reached <= chance.to(logits.dtype)[..., None] * reached[..., -1:]
    return passed.sum(-1).clamp(max=logits.shape[-1] - 1)
