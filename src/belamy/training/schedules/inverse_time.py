"""Keras' ``decay``."""

from belamy.errors import UsageError


class Schedule:
    r"""Falls with the number of steps, :math:`1 / (1 + d\,t)`.

    Args:
        decay: d, per step, at least 0.

    Raises:
        UsageError: A negative number.
    """

    def __init__(self, *, decay: float = 1e-4) -> None:
        if decay < 0:
            raise UsageError(f"inverse-time.decay is {decay}, but it must not be negative.")
        self.decay = decay

    def __call__(self, samples: int, step: int) -> float:
        """The factor at a step, counted from 0."""
        return 1 / (1 + self.decay * step)
