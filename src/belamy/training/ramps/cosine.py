"""Half a cosine."""

from math import cos, pi

from belamy.training.ramps import span_of


class Ramp:
    r"""Half a cosine from ``start`` to the recipe's own value over the first samples, which then holds.

    .. math:: v(t) = v_1 + (v_0 - v_1)\,\tfrac12\bigl(1 + \cos(\pi\min(t/T, 1))\bigr)

    References:
        Huang et al. 2024, arXiv 2501.05441, section 4 and appendix, where learning rates, Adam's β₂, the weight of R1
        and R2, the half-life of the average and the augmentation's probability change so; the curve: Loshchilov &
        Hutter 2016, arXiv 1608.03983, equation 5.

    Args:
        total: Samples in the whole run.
        of: What changes, e.g. penalties.r1.weight, generator_optimizer.beta2, ema_half_life.
        start: Its value v₀ at the beginning.
        over: T, in samples; 0 for the whole run.

    Raises:
        UsageError: A negative ``over``.
    """

    def __init__(self, total: int, *, of: str = "ema_half_life", start: float = 0.0, over: int = 0) -> None:
        self.of, self.start, self.over = of, start, span_of(of, over, total)

    def __call__(self, samples: int) -> float:
        """The share of the way that is done."""
        return (1 - cos(pi * min(samples / self.over, 1.0))) / 2
