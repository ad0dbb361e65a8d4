"""A straight line."""

from belamy.training.ramps import span_of


class Ramp:
    """A straight line from ``start`` to the recipe's own value over the first samples, which then holds.

    Args:
        total: Samples in the whole run.
        of: What changes, e.g. penalties.r1.weight, generator_optimizer.beta2, ema_half_life.
        start: Its value at the beginning.
        over: In samples; 0 for the whole run.

    Raises:
        UsageError: A negative ``over``.
    """

    def __init__(self, total: int, *, of: str = "ema_half_life", start: float = 0.0, over: int = 0) -> None:
        self.of, self.start, self.over = of, start, span_of(of, over, total)

    def __call__(self, samples: int) -> float:
        """The share of the way that is done."""
        return min(samples / self.over, 1.0)
