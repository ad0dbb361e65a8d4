"""Signal-to-noise ratio."""

from __future__ import annotations

from torch import Tensor

from belamy.evaluation.pairs import decibels, sounds


class Pair:
    r"""Energy of the reference over that of the error, in decibels; infinite for an exact copy.

    .. math:: 10 \log_{10} \frac{\sum_t x_t^2}{\sum_t (x_t - \hat x_t)^2}

    References:
        Valle 2019, Hands-On Generative Adversarial Networks with Keras, chapter 10.

    Example:
        >>> Pair()(torch.ones(1, 8), torch.full((1, 8), 0.9, dtype=torch.float64))
        tensor([20.0000], dtype=torch.float64)
    """

    higher_is_better = True

    def __call__(self, reference: Tensor, estimate: Tensor) -> Tensor:
        reference, estimate = sounds(reference, estimate)
        return decibels(reference.square().sum(1), (reference - estimate).square().sum(1))
