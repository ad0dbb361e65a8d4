"""Whether generated images are nearer to the training images than unseen real images are: the test of three samples."""

from __future__ import annotations

from dataclasses import dataclass
from math import erfc, sqrt
from typing import ClassVar

from torch import Tensor

from belamy.errors import UsageError
from belamy.evaluation.clusters import centres_of, sizes_of
from belamy.evaluation.intervals import about
from belamy.evaluation.neighbours import nearest
from belamy.evaluation.sides import SidedMetric, Sides
from belamy.evaluation.statistics import Interval
from belamy.evaluation.two_samples import rank_deviation, superiority


@dataclass(frozen=True)
class Cell:
    """The test in one cell: its z, the error that z has of sampling, and its share of the held-out images."""

    z: float
    error: float
    share: float


class Metric(SidedMetric):
    r"""The statistic of data copying, C_T: far below 0 copies, far above 0 underfits, within ±3 is neutral.

    In each cell of a partition of the training images, the distances d(·) of generated and of held-out images to the
    nearest training image are compared by their ranks,

    .. math:: Z_c = \frac{U_c - nm/2}{\sqrt{nm(n+m+1)/12}}, \quad U_c = \sum_{ij}\bigl[d(h_i) < d(f_j)\bigr], \qquad
        C_T = \sum_c w_c Z_c

    equal distances counting half (and narrowing the root accordingly), with w the cells' shares of the held-out images
    among those cells that have 20 images of each kind. ``c-t-p`` is the probability of so low a number if both come
    from one distribution: :math:`C_T / \sqrt{\sum w_c^2}` is then standard normal.

    A generator whose images vary too little comes out low although it copies nothing: look at the pictures of
    ``neighbours``. The interval is over draws of generated and of held-out images, with the training images fixed; its
    error is that of the ranks' mean (DeLong, DeLong & Clarke-Pearson 1988).

    *Departs from the paper*: features are not first brought to 64 dimensions; ties are heeded.

    References:
        Meehan, Chaudhuri & Dasgupta 2020, arXiv 2004.05675; Mann & Whitney 1947.

    Args:
        cells: Of k-means on the training images.
        least: Images of each kind that a cell must have.
        seed: Of k-means.

    Raises:
        UsageError: There are no cells.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"train"})

    def __init__(self, *, cells: int = 3, least: int = 20, seed: int = 0) -> None:
        if cells < 1:
            raise UsageError(f"data-copying.cells is {cells}, but images lie in at least 1.")
        self.cells, self.least, self.seed = cells, least, seed
        self.sides: Sides[list[Cell]] = Sides()

    def compute(self) -> dict[str, float]:
        found = self._cells()
        if not found:
            return {}
        whole = sum(cell.share for cell in found)
        weights = [cell.share / whole for cell in found]
        value = sum(weight * cell.z for weight, cell in zip(weights, found, strict=True))
        return {"c-t": value, "c-t-p": erfc(-value / sqrt(2 * sum(weight**2 for weight in weights))) / 2}

    def intervals(self, seed: int = 0) -> dict[str, Interval]:
        values, found = self.compute(), self._cells()
        if not values:
            return {}
        whole = sum(cell.share for cell in found)
        return {"c-t": about(values["c-t"], sqrt(sum((cell.share / whole * cell.error) ** 2 for cell in found)))}

    @property
    def notes(self) -> list[str]:
        found, counts = self._cells(), [self.sides.count(side) for side in ("train", "real", "fake")]
        if not found:
            return [f"C_T needs {self.least} held-out and {self.least} generated images near to some training images."]
        kept = sum(cell.share for cell in found)
        lost = [f"C_T leaves out cells with {1 - kept:.0%} of the held-out images: too few generated images are there."]
        return lost if kept < 1 - 1e-9 and all(counts) else []

    def _cells(self) -> list[Cell]:
        if self.sides.count("train") < self.cells or not self.sides.count("fake") or not self.sides.count("real"):
            return []
        return self.sides.once(self._compared)

    def _compared(self) -> list[Cell]:
        train = self.sides.table("train")
        centres = centres_of(train, self.cells, seed=self.seed)
        cells, far = {}, {}
        for side in ("real", "fake"):
            table = self.sides.table(side)
            cells[side], far[side] = sizes_of(table, centres)[0], nearest(table, train).distances[:, 0]
        found = []
        for number in range(len(centres)):
            held, fake = (far[side][cells[side] == number] for side in ("real", "fake"))
            if min(len(held), len(fake)) >= self.least:
                found.append(Cell(*ranked(held, fake), len(held) / len(far["real"])))
        return found


def ranked(first: Tensor, second: Tensor) -> tuple[float, float]:
    """z of Mann and Whitney's test, positive where the second sample is the larger, and the error that z has.

    Args:
        first: Numbers.  # [n] float64
        second: Numbers.  # [m] float64
    """
    value, error = superiority(first, second)
    deviation = rank_deviation(first, second)
    return ((value - 0.5) / deviation, error / deviation) if deviation else (0.0, 0.0)
