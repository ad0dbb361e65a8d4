"""Linear decay."""

from belamy.errors import UsageError


class Schedule:
    """Full learning rate for a share of the run, then a straight line to the end.

    Args:
        total: Samples in the whole run.
        start: Share of the run after which the rate begins to fall.
        end: The factor at the end of the run.
        warmup: Share of the run over which the rate rises from 0.

    Raises:
        UsageError: A share outside 0..1, or a negative factor.
    """

    def __init__(self, total: int, *, start: float = 0.0, end: float = 0.0, warmup: float = 0.0) -> None:
        for option, share in {"start": start, "warmup": warmup}.items():
            if not 0 <= share <= 1:
                raise UsageError(f"linear.{option} is {share}, but it is a share of the run, in 0..1.")
        if end < 0:
            raise UsageError(f"linear.end is {end}, but it must not be negative.")
        self.total, self.start, self.end, self.warmup = total, start, end, warmup

    def __call__(self, samples: int, step: int) -> float:
        """The factor after ``samples`` samples."""
        done = min(samples / self.total, 1.0)
        fall = max(done - self.start, 0.0) / max(1 - self.start, 1e-9)
        rise = min(done / self.warmup, 1.0) if self.warmup else 1.0
        return rise * (1 + (self.end - 1) * fall)
