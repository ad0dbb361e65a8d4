"""One step down."""

from belamy.errors import UsageError


class Schedule:
    """Full learning rate for a share of the run, then a part of it: two phases of training.

    Args:
        total: Samples in the whole run.
        at: Share of the run after which the second phase begins.
        factor: Of the learning rate in the second phase.

    Raises:
        UsageError: A share outside 0..1, or a negative factor.
    """

    def __init__(self, total: int, *, at: float = 0.5, factor: float = 0.1) -> None:
        if not 0 <= at <= 1:
            raise UsageError(f"stepped.at is {at}, but it is a share of the run, in 0..1.")
        if factor < 0:
            raise UsageError(f"stepped.factor is {factor}, but it must not be negative.")
        self.total, self.at, self.factor = total, at, factor

    def __call__(self, samples: int, step: int) -> float:
        """The factor after ``samples`` samples."""
        return 1.0 if samples / self.total < self.at else self.factor
