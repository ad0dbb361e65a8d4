"""Cosine decay."""

from math import cos, pi


class Schedule:
    r"""Half a cosine from 1 to ``end`` over the run.

    References:
        Loshchilov & Hutter 2016, arXiv 1608.03983, equation 5 (one cycle).

    Args:
        total: Samples in the whole run.
        end: The factor at the end of the run.
        warmup: Share of the run over which the rate first rises from 0.
    """

    def __init__(self, total: int, *, end: float = 0.0, warmup: float = 0.0) -> None:
        self.total, self.end, self.warmup = total, end, warmup

    def __call__(self, samples: int, step: int) -> float:
        """The factor after ``samples`` samples."""
        done = min(samples / self.total, 1.0)
        if done < self.warmup:
            return done / self.warmup
        phase = (done - self.warmup) / max(1 - self.warmup, 1e-9)
        return self.end + (1 - self.end) * (1 + cos(pi * phase)) / 2
