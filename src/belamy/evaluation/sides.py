"""What a metric of neighbours keeps: the rows of real, generated and training images, and its answer once it is found.

Such a metric cannot be summed up as images come; it holds on to what came and measures in the end.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, Literal, Self, TypeVar

from torch import Tensor

from belamy.evaluation.extracted import ExtractedFeatures
from belamy.evaluation.metrics import Metric as BaseMetric
from belamy.evaluation.rows import Rows

What = Literal["features", "probabilities", "images"]
Answer = TypeVar("Answer")


class Sides(Generic[Answer]):
    """Rows of each side, by reference, and a memo of what was measured on them.

    Args:
        kept: What is kept of an image: its features, the probabilities of its class, its pixels.
        most: Rows that are kept of each side, at most; of more, a sample.
    """

    def __init__(self, *kept: What, most: int | None = None) -> None:
        self.kept: tuple[What, ...] = kept or ("features",)
        self.most = most
        self._rows: dict[tuple[str, What], Rows] = {}
        self._answer: Answer | None = None

    def update(self, **seen: ExtractedFeatures | None) -> None:
        """Keep what is seen of some images of each side (``real=…, fake=…, train=…``)."""
        for side, each in seen.items():
            for what in self.kept if each is not None else ():
                table = getattr(each, what)
                if table is not None:
                    self.rows(side, what).update(table)
                    self._answer = None

    def merge(self, other: Sides[Answer]) -> None:
        """Keep what another has kept."""
        for (side, what), rows in other._rows.items():
            self.rows(side, what).merge(rows)
        self._answer = None

    def count(self, side: str, what: What | None = None) -> int:
        """How many images of a side are kept."""
        return len(self.rows(side, what))

    def table(self, side: str, what: What | None = None) -> Tensor:
        """The features ``[n, d]`` or the pixels ``[n, C * H * W]`` of a side, in order of arrival."""
        return self.rows(side, what).table().flatten(1)

    def images(self, side: str, places: Tensor) -> Tensor:
        """The pixels ``[k, C, H, W]`` of some images of a side."""
        return self.rows(side, "images").table()[places]

    def once(self, measure: Callable[[], Answer]) -> Answer:
        """What ``measure`` gives, measured at the first call after something came."""
        if self._answer is None:
            self._answer = measure()
        return self._answer

    def rows(self, side: str, what: What | None = None) -> Rows:
        """What is kept of a side."""
        return self._rows.setdefault((side, what or self.kept[0]), Rows(self.most))


class SidedMetric(BaseMetric):
    """A metric that keeps what came of each side and measures in the end."""

    sides: Sides[Any]

    def update(
        self,
        *,
        real: ExtractedFeatures | None = None,
        fake: ExtractedFeatures | None = None,
        train: ExtractedFeatures | None = None,
    ) -> None:
        self.sides.update(real=real, fake=fake, train=train if "train" in self.needs else None)

    def merge(self, other: Self) -> None:
        self.sides.merge(other.sides)
