"""Random streams without hidden state.

Every draw is a function of a seed and the path of names and numbers that says what is drawn:
``generator(seed, "latents", step)``. Nothing has to be saved to resume, and no draw depends on the order of others.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

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


class SampleDraws:
    """The random numbers of samples drawn one by one: row i is a function of the seed and the i-th index alone.

    Args:
        seed: The seed of the samples.
        indices: The samples' numbers.
    """

    def __init__(self, seed: int, indices: Iterable[int]) -> None:
        self.seed, self.indices = seed, list(indices)

    def normal(self, stream: str, count: int, *shape: int) -> torch.Tensor:
        """``[count, *shape]`` standard normal numbers; ``count`` is how many indices there are."""
        import torch

        return self._rows(torch.randn, stream, count, shape)

    def uniform(self, stream: str, count: int, *shape: int) -> torch.Tensor:
        """``[count, *shape]`` numbers uniform on [0, 1)."""
        import torch

        return self._rows(torch.rand, stream, count, shape)

    def _rows(self, draw: Any, stream: str, count: int, shape: tuple[int, ...]) -> torch.Tensor:
        import torch

        if count != len(self.indices):
            raise ValueError(f"{count} rows are wanted, but there are {len(self.indices)} indices")
        return torch.stack([draw(shape, generator=generator(self.seed, stream, index)) for index in self.indices])


class Draws:
    """The random numbers of one training step.

    Numbers are drawn for the global batch and each process takes its slice, so a run on W processes sees the numbers
    that one process would. Repeated draws from one stream within a step differ.

    Args:
        seed: The run's seed.
        step: The step, counted from 0.
        rank: This process, in 0..world-1.
        world: How many processes share the global batch.
        device: Where the numbers are wanted; they are always drawn on the CPU.
        dtype: Floating type of the numbers.
        progress: Share of the run that is done at the step's beginning, from 0 to 1.
        parts: Micro-batches in which each process takes its share; each part is drawn for as a process of its own is,
            so rank and world count them all.
    """

    def __init__(
        self,
        seed: int,
        step: int,
        rank: int = 0,
        world: int = 1,
        device: Any = "cpu",
        dtype: Any = None,
        progress: float = 0.0,
        parts: int = 1,
    ) -> None:
        self.seed, self.step, self.rank, self.world = seed, step, rank, world
        self.device, self.dtype, self.progress, self.parts = device, dtype, progress, parts
        self._calls: dict[str, int] = {}

    def normal(self, stream: str, count: int, *shape: int) -> torch.Tensor:
        """``[count, *shape]`` standard normal numbers; ``count`` is this process's share of the batch."""
        import torch

        return self._slice(torch.randn, stream, count, shape)

    def uniform(self, stream: str, count: int, *shape: int) -> torch.Tensor:
        """``[count, *shape]`` numbers uniform on [0, 1)."""
        import torch

        return self._slice(torch.rand, stream, count, shape)

    def _slice(self, draw: Any, stream: str, count: int, shape: tuple[int, ...]) -> torch.Tensor:
        call = self._calls[stream] = self._calls.get(stream, -1) + 1
        source = generator(self.seed, stream, self.step, call)
        whole: torch.Tensor = draw(count * self.world, *shape, generator=source)
        return whole[self.rank * count : (self.rank + 1) * count].to(self.device, self.dtype)
