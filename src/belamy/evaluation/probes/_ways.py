"""Ways between random latents, and the images along them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from belamy.errors import UsageError
from belamy.methods.base import BaseMethod, Samples
from belamy.networks.priors.normal import Prior as Normal
from belamy.networks.sampling_dropout import GeneratorWithDropout
from belamy.sampling.draw import placement
from belamy.sampling.walk import HasPrior
from belamy.seeds import derive, generator


class Ways:
    """A number of ways; each has a label, and noise where the generator draws any, that stay the same along it.

    The way is that of the prior of the latents: an arc where they are normal, straight where they are uniform. A method
    without a prior of its own has normal latents.

    Args:
        method: One that samples, in evaluation mode.
        count: How many ways.
        seed: Decides the ends.

    Raises:
        UsageError: The method draws no samples, or fewer than two ways are asked for.
    """

    def __init__(self, method: BaseMethod, count: int, seed: int) -> None:
        if not isinstance(method, Samples):
            raise UsageError(
                "This run's method draws no samples, so there are no ways between them. Judge one that does."
            )
        if count < 2:
            raise UsageError(f"count is {count}, but an interval needs at least 2 ways.")
        self.method: Any = method
        self.seed, self.count = seed, count
        self.first, self.second = (
            method.latents(derive(seed, "way", end), range(count)).double() for end in ("first", "second")
        )  # [count, latent]
        classes = len(method.spec.classes)
        self.labels = torch.arange(count) % classes if classes else None
        self.prior: Any = self.method.prior if isinstance(method, HasPrior) else Normal(self.first.shape[1])

    def images(self, rows: Tensor, t: Tensor) -> Tensor:
        """Images ``[n, C, H, W]`` in [-1, 1], not rounded.

        Args:
            rows: Which ways.  # [n] long
            t: Where on each, 0 to 1.  # [n] float64
        """
        device, dtype = placement(self.method)
        a, b = self.first[rows], self.second[rows]
        size = self.prior.latent
        latents = self.prior.interpolate(a[:, :size], b[:, :size], t.unsqueeze(1))
        latents = torch.cat([latents, a[:, size:]], 1)  # what chooses one of several generators stays
        labels = None if self.labels is None else self.labels[rows].to(device)
        with self._same_noise(rows):
            made: Tensor = self.method.generate(latents.to(device, dtype), labels)
        return made

    @contextmanager
    def _same_noise(self, rows: Tensor) -> Iterator[None]:
        """Within this context dropout in sampling has the masks of the ways instead of those of the latents."""
        dropping = [part for part in self.method.modules() if isinstance(part, GeneratorWithDropout)]
        if not dropping:
            yield
            return
        if len(dropping) > 1:
            raise UsageError("Several generators with dropout have no ways between latents that keep their noise.")
        wrapper = dropping[0]
        streams = [generator(self.seed, "noise of a way", row) for row in rows.tolist()]
        wrapper.training = True  # itself alone: it then hands out no streams of its own
        try:
            with wrapper.streams.during(streams):
                yield
        finally:
            wrapper.training = False
