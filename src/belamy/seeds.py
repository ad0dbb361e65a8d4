"""Random streams without hidden state.

Every draw is a function of a seed and the path of names and numbers that says what is drawn:
``generator(seed, "latents", step)``. Nothing has to be saved to resume, and no draw depends on the order of others.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def derive(seed: int, *path: str | int) -> int:
    """A 63-bit seed for the stream that ``path`` names.

    Args:
        seed: The run's seed, any integer.
        path: Names and numbers, e.g. ``("shuffle", 3)``; their types count: ``1`` and ``"1"`` differ.

    Example:
        >>> derive(0, "shuffle", 1) == derive(0, "shuffle", 1) != derive(0, "shuffle", 2)
        True
    """
    text = repr((int(seed), *path)).encode()
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "little") >> 1


def generator(seed: int, *path: str | int) -> torch.Generator:
    """A fresh CPU generator at the start of the stream that ``path`` names."""
    import torch

    return torch.Generator().manual_seed(derive(seed, *path))
