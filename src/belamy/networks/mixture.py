"""Several generators in place of one."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn


class GeneratorMixture(nn.Module):
    """Generators of equal shape that share the work: the last number of a latent, in [0, 1), chooses one.

    References:
        Arora et al. 2017, arXiv 1703.00573, section 4 (MIX+GAN, here with equal weights); Ghosh et al. 2017,
        arXiv 1704.02906 (several generators, one discriminator).

    Args:
        build: Makes a generator.
        count: How many.
    """

    def __init__(self, build: Callable[[], nn.Module], count: int) -> None:
        super().__init__()
        self.generators = nn.ModuleList(build() for _ in range(count))

    @property
    def value_range(self) -> tuple[float, float]:
        """Range of the images."""
        return self.generators[0].value_range  # type: ignore[return-value]

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images ``[N, C, H, W]`` from latents ``[N, latent + 1]``."""
        chosen = (latents[:, -1] * len(self.generators)).long().clamp(0, len(self.generators) - 1)
        rows = [(chosen == number).nonzero().squeeze(1) for number in range(len(self.generators))]
        made = [
            generator(latents[mine, :-1], None if labels is None else labels[mine])
            for generator, mine in zip(self.generators, rows, strict=True)
            if len(mine)
        ]
        return torch.cat(made)[torch.cat(rows).argsort()]
