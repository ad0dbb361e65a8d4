"""A batch: aligned, named fields."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from belamy.modalities.fields import LABEL


@dataclass(frozen=True, slots=True)
class Batch:
    """One process's share of a batch.

    Args:
        fields: Each field's samples as networks see them, by name; class numbers under ``label``.  # [n, …] each
        indices: Which samples of the data set these are.  # [n]

    Example:
        >>> import torch
        >>> batch = Batch.of(torch.zeros(2, 1, 4, 4), None, torch.arange(2))
        >>> len(batch), batch["image"].shape, batch.labels
        (2, torch.Size([2, 1, 4, 4]), None)
    """

    fields: Mapping[str, Tensor]
    indices: Tensor

    @classmethod
    def of(cls, images: Tensor, labels: Tensor | None, indices: Tensor) -> Batch:
        """The usual two fields: pictures ``[n, C, H, W]`` in [-1, 1], and class numbers ``[n]`` or None."""
        return cls({"image": images} if labels is None else {"image": images, LABEL: labels}, indices)

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, name: str) -> Tensor:
        return self.fields[name]

    @property
    def main(self) -> Tensor:
        """The main field: the first that is not the label.  # [n, …]"""
        return next(values for name, values in self.fields.items() if name != LABEL)

    @property
    def images(self) -> Tensor:
        """The pictures, in [-1, 1].  # [n, C, H, W]"""
        return self.fields["image"]

    @property
    def labels(self) -> Tensor | None:
        """Class numbers, or None where the data have none.  # [n]"""
        return self.fields.get(LABEL)

    def map(self, function: Callable[[Tensor], Tensor]) -> Batch:
        """The same batch with a function applied to every field of floating numbers."""
        changed = {name: function(values) if values.is_floating_point() else values
                   for name, values in self.fields.items()}  # fmt: skip
        return Batch(changed, self.indices)

    def part(self, number: int, parts: int) -> Batch:
        """The ``number``-th of equally many samples in so many ``parts``.

        Example:
            >>> import torch
            >>> Batch.of(torch.zeros(6, 1, 4, 4), None, torch.arange(6)).part(1, 3).indices
            tensor([2, 3])
        """
        if parts == 1:
            return self
        size = len(self) // parts
        own = slice(number * size, (number + 1) * size)
        return Batch({name: values[own] for name, values in self.fields.items()}, self.indices[own])


def joined(batches: Iterator[Batch], count: int) -> Iterator[Batch]:
    """Each ``count`` batches of an endless stream as one.

    Example:
        >>> import torch
        >>> stream = iter([Batch({"x": torch.tensor([n])}, torch.tensor([n])) for n in range(4)])
        >>> next(joined(stream, 3))["x"].tolist()
        [0, 1, 2]
    """
    while True:
        parts = [next(batches) for _ in range(count)]
        if count == 1:
            yield parts[0]
            continue
        fields = {name: torch.cat([part[name] for part in parts]) for name in parts[0].fields}
        yield Batch(fields, torch.cat([part.indices for part in parts]))
