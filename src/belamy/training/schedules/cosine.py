"""Cosine decay."""

from math import cos, pi

from belamy.errors import UsageError


class Schedule:
    r"""Half a cosine from 1 to ``end`` over the run.

    References:
        Loshchilov & Hutter 2016, arXiv 1608.03983, equation 5 (one cycle).

    Args:
        total: Samples in the whole run.
        end: The factor at the end of the run.
        warmup: Share of the run over which the rate first rises from 0.

    Raises:
        UsageError: A share outside 0..1, or a negative factor.
    """

    def __init__(self, total: int, *, end: float = 0.0, warmup: float = 0.0) -> None:
        for option, share in {"warmup": warmup}.items():
            if not 0 <= share <= 1:
                raise UsageError(f"cosine.{option} is {share}, but it is a share of the run, in 0..1.")
        if end < 0:
            raise UsageError(f"cosine.end is {end}, but it must not be negative.")
        self.total, self.end, self.warmup = total, end, warmup

    def __call__(self, samples: int, step: int) -> float:
        """The factor after ``samples`` samples."""
        done = min(samples / self.total, 1.0)
        if done < self.warmup:
            return done / self.warmup
        phase = (done - self.warmup) / max(1 - self.warmup, 1e-9)
        return self.end + (1 - self.end) * (1 + cos(pi * phase)) / 2
