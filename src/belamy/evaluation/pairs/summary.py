"""What a set of pairs comes to: the mean with its interval, the middle, and the extremes."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from belamy.errors import UsageError
from belamy.evaluation import intervals
from belamy.evaluation.statistics import Interval


@dataclass(frozen=True)
class Summary:
    """One measure over a set of pairs.

    Args:
        mean: Of the finite numbers, one per pair, with Student's interval of it for other pairs drawn alike; None if
            none is finite.
        median: Of all of them.
        least: The smallest.
        most: The largest.
        count: How many pairs there are.
        infinite: How many numbers are infinite, as the ratios of exact copies are; they are not in the mean.
    """

    mean: Interval | None
    median: float
    least: float
    most: float
    count: int
    infinite: int


def summarise(values: Tensor) -> Summary:
    """The summary of one measure's numbers.

    Args:
        values: One number for each pair.  # [N]

    Raises:
        UsageError: There are none, or one is not a number.

    Example:
        >>> summarise(torch.tensor([20.0, 22.0, torch.inf])).mean.value
        21.0
    """
    if values.dim() != 1 or not len(values) or values.isnan().any():
        raise UsageError(
            f"Numbers of shape {list(values.shape)}, {int(values.isnan().sum())} of them NaN, cannot be summarised: "
            "give one number for each pair, at least one."
        )
    finite = values[values.isfinite()].double()
    return Summary(
        mean=intervals.mean(finite) if len(finite) else None,
        median=float(values.double().sort().values[(len(values) - 1) // 2 : len(values) // 2 + 1].mean()),
        least=float(values.min()),
        most=float(values.max()),
        count=len(values),
        infinite=len(values) - len(finite),
    )
