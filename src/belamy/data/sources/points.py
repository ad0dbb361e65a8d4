"""Points of a distribution on the line or in the plane, whose density is known."""

from __future__ import annotations

from belamy.data.dataset import Dataset
from belamy.data.distributions import DISTRIBUTIONS
from belamy.data.load_options import LoadOptions
from belamy.data.ranged import ranged
from belamy.ranges import Within
from belamy.registry import Part
from belamy.seeds import Draws


class Source:
    """Vectors drawn from one of the distributions that games are played for.

    Args:
        of: Its name: moons, grid, ring, swiss-roll, gaussian, gaussian-pair.
        count: How many.

    Example:
        >>> from belamy.data import open_data
        >>> open_data("points:of=ring,count=40").shape
        (2,)
    """

    def __init__(self, *, of: str = "moons", count: int = 20_000) -> None:
        self.law = DISTRIBUTIONS.build(Part(name=of))
        self.count = Within(2, 10**7).check("points.count", count)

    def open(self, options: LoadOptions) -> Dataset:
        """The points, drawn by seed 0."""
        values = self.law.sample(self.count, Draws(0, 0))
        columns = ("x", "y")[: self.law.dimensions]
        return ranged("vector", "points", values, columns=columns, licence="CC0: computed here")
