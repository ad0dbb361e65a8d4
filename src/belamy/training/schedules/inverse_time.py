"""Keras' ``decay``."""


class Schedule:
    r"""Falls with the number of steps, :math:`1 / (1 + d\,t)`.

    Args:
        decay: d, per step.
    """

    def __init__(self, *, decay: float = 1e-4) -> None:
        self.decay = decay

    def __call__(self, samples: int, step: int) -> float:
        """The factor at a step, counted from 0."""
        return 1 / (1 + self.decay * step)
