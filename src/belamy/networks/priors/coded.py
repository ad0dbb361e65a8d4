"""Latents of noise and codes, for InfoGAN."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from belamy.errors import UsageError
from belamy.networks.priors import Numbers
from belamy.networks.priors.paths import linear, slerp


class Prior:
    """Noise N(0, 1), one category as a one-hot vector, and continuous codes uniform on [-1, 1), in this order.

    The noise is interpolated along the arc, the codes along the straight way. Between two categories the one-hot
    vectors blend: that leaves the prior, as any way without a jump does.

    References:
        Chen et al. 2016, arXiv 1606.03657, section 7.2 and appendix C.1 (MNIST: 62 numbers of noise, 10 categories,
        2 continuous codes).

    Args:
        latent: Size of a latent, codes included.
        categories: Values of the categorical code, 0 for none.
        continuous: Continuous codes, 0 for none.

    Raises:
        UsageError: A negative number, one category, or no place left for noise.
    """

    def __init__(self, latent: int, *, categories: int = 10, continuous: int = 2) -> None:
        if categories < 0 or categories == 1 or continuous < 0:
            raise UsageError(
                f"coded has {categories} categories and {continuous} continuous codes, but it needs none or at least "
                "2 of the first, and none or more of the second. Type categories=10,continuous=2."
            )
        if latent <= categories + continuous:
            raise UsageError(
                f"A latent of {latent} numbers has no place for noise besides {categories} categories and {continuous} "
                f"continuous codes. Type --latent {categories + continuous + 62}."
            )
        self.latent, self.categories, self.continuous = latent, categories, continuous

    def sample(self, count: int, numbers: Numbers, stream: str = "sample") -> Tensor:
        """``[count, latent]``."""
        parts = [numbers.normal(stream, count, self.latent - self.categories - self.continuous)]
        if self.categories:
            chosen = (numbers.uniform(f"{stream}-category", count, 1) * self.categories).long()
            parts.append(one_hot(chosen[:, 0], self.categories).to(parts[0]))
        if self.continuous:
            parts.append(numbers.uniform(f"{stream}-codes", count, self.continuous) * 2 - 1)
        return torch.cat(parts, 1)

    def split(self, latents: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Noise, one-hot category and continuous codes of latents ``[…, latent]``."""
        noise = self.latent - self.categories - self.continuous
        first, second, third = latents.split([noise, self.categories, self.continuous], -1)
        return first, second, third

    def interpolate(self, a: Tensor, b: Tensor, t: Tensor | float) -> Tensor:
        """Latents on the arc in the noise, on the straight way in the codes."""
        noise, *codes = zip(self.split(a), self.split(b), strict=True)
        return torch.cat([slerp(*noise, t), *(linear(*code, t) for code in codes)], -1)
