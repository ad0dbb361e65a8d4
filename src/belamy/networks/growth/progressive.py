"""Progressive growing: small images first, finer blocks faded in one by one."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from belamy.errors import UsageError
from belamy.networks.growing import enlarged, halved
from belamy.networks.residual import doublings


class Growth:
    r"""Both networks begin with small images; in each phase the next size is faded in and then trained.

    Phase 0 trains the first size for ``training`` samples; each further one fades a size in for ``transition`` samples
    and trains it for ``training``. With n samples seen, T the length of a transition, L that of a phase:

    .. math:: p = \lfloor (n + T) / L \rfloor, \qquad
        \mathrm{level} = \max(l_0 - (p - 1) - \min(\tfrac{n + T - pL}{T}, 1),\, 0) \quad (p > 0)

    where the level counts halvings of the full size and :math:`l_0` is the first size's.

    References:
        Karras et al. 2017, arXiv 1710.10196, section 2 and appendix A.1 (reals, minibatches).

    Args:
        shape: (channels, height, width) of the images.
        batch: The recipe's batch.
        start: Shorter side of the first size, at least that of the networks' smallest maps; the nearest larger one that
            halving gives.
        training: Samples for which a size is trained.
        transition: Samples for which a size is faded in.
        reals: ``faded``: real images lose their finest detail by the share that the coarser size has, as generated ones
            do. ``full``: they are shown at full size and the discriminator takes means, so they are never faded.
        minibatches: Samples in a step of each phase, the last for all that follow, rounded to multiples of the recipe's
            batch; by default that.

    Raises:
        UsageError: A length, size or minibatch that cannot be.

    Example:
        >>> growth = Growth((3, 32, 32), 16)
        >>> [growth.level(1000 * samples) for samples in (500, 750, 1000, 1750, 5500)]
        [3.0, 2.5, 2.0, 1.5, 0.0]
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        batch: int,
        *,
        start: int = 4,
        training: int = 500_000,
        transition: int = 500_000,
        reals: Literal["faded", "full"] = "faded",
        minibatches: tuple[int, ...] = (),
    ) -> None:
        if start < 2:
            raise UsageError(f"progressive.start is {start}, but the first size must be at least 2 pixels.")
        if training < 1 or transition < 0:
            name, given, least = ("training", training, 1) if training < 1 else ("transition", transition, 0)
            raise UsageError(f"progressive.{name} is {given}, but it must be at least {least} samples.")
        if min(minibatches, default=1) < 1:
            raise UsageError(f"progressive.minibatches holds {min(minibatches)}, but each must be at least 1 sample.")
        self.first = doublings(shape, start)
        self.training, self.transition, self.fades = training, transition, reals == "faded"
        self.together = [max(round(size / batch), 1) for size in minibatches] or [1]

    def phase(self, samples: int) -> int:
        """The phase, counted from 0, when the run has seen ``samples``; it goes on beyond the full size."""
        return (samples + self.transition) // (self.training + self.transition)

    def level(self, samples: int) -> float:
        """How often full images are halved when the run has seen ``samples``."""
        phase = self.phase(samples)
        if phase == 0:
            return float(self.first)
        within = samples + self.transition - phase * (self.training + self.transition)
        faded = min(within / self.transition, 1.0) if self.transition else 1.0
        return max(self.first - (phase - 1) - faded, 0.0)

    def batches(self, samples: int) -> int:
        """How many of the recipe's batches a step takes together."""
        return self.together[min(self.phase(samples), len(self.together) - 1)]

    def shown(self, images: Tensor, level: float) -> Tensor:
        """Real images as the discriminator is shown them, still of full size.  # [N, C, H, W]"""
        if not self.fades or level == 0:
            return images
        whole = int(level)
        fine = halved(images, whole)
        if level > whole:
            fine = torch.lerp(fine, enlarged(halved(fine, 1), 1), level - whole)
        return enlarged(fine, whole)
