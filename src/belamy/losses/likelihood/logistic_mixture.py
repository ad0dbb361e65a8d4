r"""Values that are rounded draws of a mixture of logistic distributions, as in PixelCNN++.

.. math:: P(x) = \sum_k \pi_k \left[\sigma\!\left(\tfrac{x + \delta - \mu_k}{s_k}\right)
                                 - \sigma\!\left(\tfrac{x - \delta - \mu_k}{s_k}\right)\right]

on a scale where black is -1 and white 1, with 2δ from level to level; black has all below it, and white all above.

*Departs from the paper:* the difference of the two sigmoids is taken exactly, as
:math:`\sigma(a)\,\sigma(-b)\,(1 - e^{b - a})`, where the authors' code falls back on the density in the middle of the
level; so the probabilities sum to 1.

References:
    Salimans et al. 2017, "PixelCNN++", arXiv:1701.05517, section 2.1.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from belamy.errors import UsageError
from belamy.losses.likelihood import check_levels, chosen

LEAST_LOG_SCALE = -7.0
MOST_COMPONENTS = 1000


class Likelihood:
    """A logit, a mean and the logarithm of a scale for each component.

    Args:
        components: Logistic distributions in the mixture.
        levels: How many there are.

    Raises:
        UsageError: A number is out of range.
    """

    chances = 2

    def __init__(self, *, components: int = 10, levels: int = 256) -> None:
        if not 1 <= components <= MOST_COMPONENTS:
            raise UsageError(f"logistic-mixture:components={components}, but it must be 1 to {MOST_COMPONENTS}.")
        self.levels, self.components, self.parameters = (
            check_levels(levels, "logistic-mixture"),
            components,
            3 * components,
        )

    def log_prob(self, parameters: Tensor, levels: Tensor) -> Tensor:
        """The logarithm of the mixture's sum."""
        logits, means, log_scales = self._parts(parameters)
        values = (levels.to(parameters.dtype) * (2 / (self.levels - 1)) - 1)[..., None]
        half = 1 / (self.levels - 1)
        above, below = ((values + step - means) * (-log_scales).exp() for step in (half, -half))
        width = 2 * half * (-log_scales).exp()
        within = logsigmoid(above) + logsigmoid(-below) + torch.log(-torch.expm1(-width))
        black, white = (levels == 0)[..., None], (levels == self.levels - 1)[..., None]
        each = torch.where(black, logsigmoid(above), torch.where(white, logsigmoid(-below), within))
        return torch.logsumexp(logits.log_softmax(-1) + each, -1)

    def pick(self, parameters: Tensor, chance: Tensor, temperature: float = 1.0) -> Tensor:
        """One number chooses the component, the other the place in its distribution, which is rounded to a level."""
        logits, means, log_scales = self._parts(parameters)
        component = chosen(logits, chance[..., 0], temperature)[..., None]
        mean, scale = means.gather(-1, component)[..., 0], log_scales.gather(-1, component)[..., 0].exp()
        place = chance[..., 1].to(parameters.dtype).clamp(1e-7, 1 - 1e-7)
        value = mean + temperature * scale * torch.logit(place)
        return ((value + 1) * ((self.levels - 1) / 2)).round().clamp(0, self.levels - 1).long()

    def _parts(self, parameters: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        logits, means, log_scales = parameters.unflatten(-1, (3, self.components)).unbind(-2)
        return logits, means, (log_scales - math.log(4)).clamp(min=LEAST_LOG_SCALE)
