"""Running means that stay on the device until they are asked for."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor


class Tally:
    """Means of named scalars since the last reading, in float64, without synchronising with the device."""

    def __init__(self) -> None:
        self.sums: dict[str, Tensor] = {}

    def add(self, name: str, value: Tensor) -> None:
        """Count a scalar."""
        value = value.detach()
        wide = value.to(torch.float64 if value.device.type != "mps" else torch.float32)
        entry = torch.stack([wide, torch.ones_like(wide)])
        self.sums[name] = self.sums[name] + entry if name in self.sums else entry

    def peek(self, processes: int = 1) -> dict[str, float]:
        """The means so far, over all processes if there are several; each must then ask."""
        if not self.sums:
            return {}
        table = torch.stack(list(self.sums.values()))
        if processes > 1:
            torch.distributed.all_reduce(table)
        means = (table[:, 0] / table[:, 1]).tolist()
        return dict(zip(self.sums, means, strict=True))

    def read(self, processes: int = 1) -> dict[str, float]:
        """The means as :meth:`peek` gives them, after which counting starts anew."""
        means, self.sums = self.peek(processes), {}
        return means

    def tensors(self, prefix: str) -> dict[str, Tensor]:
        """The state, for a checkpoint."""
        return {f"{prefix}/{name}": total for name, total in self.sums.items()}

    def load(self, tensors: Mapping[str, Tensor], device: torch.device) -> None:
        """Put the state back, by the names that were added."""
        self.sums = {name: total.to(device) for name, total in tensors.items()}
