"""Shuffled batches, addressed by position, so that resuming needs one number.

The stream of sample *p* = 0, 1, 2, … of a split of *n* images reads image ``permutation(seed, pass)[p mod n]`` with
pass ``p // n``: each pass is a true permutation, a batch may straddle two passes, and no generator has state. A side
that is not aligned with the data is a stream of its own. Of a sample in several versions one is drawn, by the seed and
the batch's position.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor

import torch
from torch import Tensor

from belamy.data.batch import Batch
from belamy.data.dataset import Dataset
from belamy.data.variants import Variants, every
from belamy.errors import UsageError
from belamy.seeds import derive, generator


class Batches:
    """An endless iterator over shuffled batches; ``position``, the batches drawn so far, is its whole state.

    Args:
        dataset: What to draw from.
        split: A split of the data set, e.g. ``train``, or ``all``.
        batch: Samples in a *global* batch, over all processes together.
        seed: Seed of the permutations.
        rank: This process, in 0..world-1; it gets the rank-th contiguous slice of every global batch.
        world: How many processes share a batch; it divides ``batch``.
        position: Batches drawn before this iterator starts.
        device: Where the batches are wanted.

    Raises:
        UsageError: An unknown split, an empty one, or a batch that is not positive or that ``world`` does not divide.

    Example:
        >>> from belamy.data import open_data
        >>> next(Batches(open_data("avatars-16"), "train", batch=8, seed=0)).images.shape
        torch.Size([8, 3, 16, 16])
    """

    def __init__(
        self,
        dataset: Dataset,
        split: str,
        batch: int,
        seed: int,
        *,
        rank: int = 0,
        world: int = 1,
        position: int = 0,
        device: torch.device | str = "cpu",
    ) -> None:
        if batch < 1:
            raise UsageError(f"The batch is {batch}, but it must be at least 1.")
        if world < 1 or batch % world:
            raise UsageError(
                f"A batch of {batch} cannot be shared by {world} processes: use a multiple, e.g. "
                f"--batch {max(world, 1) * max(1, round(batch / max(world, 1)))}."
            )
        if not 0 <= rank < world:
            raise UsageError(f"The rank is {rank}, but with {world} processes it must be in 0..{world - 1}.")
        if position < 0:
            raise UsageError(f"The position is {position}, but it must not be negative.")
        self.dataset, self.batch, self.seed, self.position = dataset, batch, seed, position
        self.device = torch.device(device)
        self._split = dataset.indices(split)
        if not len(self._split):
            raise UsageError(f"The split '{split}' of {dataset.name} is empty.")
        self._share = batch // world
        self._offset = rank * self._share
        self._shuffled: dict[int, Tensor] = {}
        # Decoding from disk takes as long as a step, so the next batch is read while the trainer works.
        self._reader = ThreadPoolExecutor(1, "belamy-batches") if dataset.streams else None
        self._ahead: tuple[int, Future[dict[str, Tensor]]] | None = None
        self._variants = {
            name: column.store for name, column in dataset.columns.items() if isinstance(column.store, Variants)
        }
        self._replaced = {name: dataset.sides[name] for name in dataset.replaced}
        self._sides = {
            name: Batches(
                side, split if split in side.splits else "all", batch, derive(seed, "side", name), rank=rank,
                world=world, position=position, device=device,
            )
            for name, side in dataset.sides.items()
            if name not in dataset.replaced
        }  # fmt: skip

    def __iter__(self) -> Batches:
        return self

    def __next__(self) -> Batch:
        indices = self.indices(self.position)
        batch = self.dataset.batch(indices, self.device, raw=self._read(indices))
        drawn = {name: self._with_replacement(name, side) for name, side in self._replaced.items()}
        for name, variants in self._variants.items():
            drawn[name] = variants.drawn(indices, self._chance(name)).to(self.device)
            drawn[every(name)] = variants.every(indices).to(self.device)
        self.position += 1
        if not self._sides and not drawn:
            return batch
        return Batch(
            {**batch.fields, **{name: next(side).main for name, side in self._sides.items()}, **drawn}, indices
        )

    def _with_replacement(self, name: str, side: Dataset) -> Tensor:
        """Samples of a side for the batch at the present position, each drawn by itself."""
        return side.batch((self._chance(name) * len(side)).long(), self.device).main

    def _chance(self, name: str) -> Tensor:
        """A uniform number for each sample of the batch at the present position.  # [n]"""
        u = torch.rand(self.batch, generator=generator(self.seed, name, self.position, 0))
        return u[self._offset : self._offset + self._share]

    def indices(self, position: int) -> Tensor:
        """Which images this process reads in the batch at ``position``."""
        count = len(self._split)
        start = position * self.batch + self._offset
        stop = start + self._share
        pieces = []
        while start < stop:
            number, within = divmod(start, count)
            taken = min(stop - start, count - within)
            pieces.append(self._permutation(number)[within : within + taken])
            start += taken
        return pieces[0] if len(pieces) == 1 else torch.cat(pieces)

    def _permutation(self, number: int) -> Tensor:
        if number not in self._shuffled:
            order = torch.randperm(len(self._split), generator=generator(self.seed, "shuffle", number))
            # A batch straddles at most two passes unless it is larger than the split, so two are worth keeping.
            kept = {key: value for key, value in self._shuffled.items() if key == number - 1}
            self._shuffled = {**kept, number: self._split[order]}
        return self._shuffled[number]

    def _read(self, indices: Tensor) -> dict[str, Tensor]:
        if self._reader is None:
            return self.dataset.raw(indices)
        if self._ahead is not None and self._ahead[0] == self.position:
            raw = self._ahead[1].result()
        else:
            raw = self.dataset.raw(indices)
        following = self.position + 1
        self._ahead = following, self._reader.submit(self.dataset.raw, self.indices(following))
        return raw
