"""Noise on every image that the discriminator sees, less and less of it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from belamy.errors import UsageError
from belamy.seeds import Draws


class View(nn.Module):
    r"""White Gaussian noise whose standard deviation falls to zero.

    .. math:: x + \sigma\max(0, 1 - \tau/\tau_0)\,\epsilon, \qquad \epsilon\sim N(0, 1)

    Real and generated images then have overlapping support, so the optimal discriminator is never perfect. τ is the
    share of the run that is over, τ₀ is ``until``.

    References:
        Sønderby et al. 2016, arXiv 1610.04490, on instance noise; Arjovsky & Bottou 2017, arXiv 1701.04862, section 3.

    Args:
        shape: (C, H, W) of the images.
        value_range: What black and white are.
        sigma: σ at the start, for images in [-1, 1]; other ranges are scaled to it.
        until: Share of the run after which there is no noise, in (0, 1].

    Raises:
        UsageError: A negative ``sigma``, or ``until`` outside (0, 1].
    """

    modality = "any"

    def __init__(
        self,
        shape: tuple[int, int, int],
        value_range: tuple[float, float] = (-1.0, 1.0),
        *,
        sigma: float = 0.1,
        until: float = 1.0,
    ) -> None:
        super().__init__()
        if sigma < 0:
            raise UsageError(f"instance-noise.sigma is {sigma:g}, but it must not be negative. Type sigma=0.1.")
        if not 0 < until <= 1:
            raise UsageError(f"instance-noise.until is {until:g}, but it must be above 0 and at most 1. Type until=1.")
        self.sigma, self.until = sigma * (value_range[1] - value_range[0]) / 2, until

    def forward(self, images: Tensor, draw: Draws, progress: float) -> Tensor:
        """Noisy images ``[N, C, H, W]``."""
        sigma = self.sigma * max(0.0, 1 - progress / self.until)
        if sigma == 0:
            return images
        return torch.add(images, draw.normal("instance-noise", *images.shape).to(images), alpha=sigma)

    def observe(self, real_scores: Tensor) -> None:
        """Nothing: the noise follows the clock."""
