"""Whether generated images are of the class that was asked for."""

from __future__ import annotations

from belamy.evaluation.seen import Seen


class Metric:
    """Share of the generated images that an independent classifier takes for the class they were asked to be.

    The classifier's own share on real images is its ceiling, and comes beside it as ``label-fidelity-real``.

    References:
        "GAN-test" of Shmelkov et al. 2018, arXiv 1807.09499, section 3.
    """

    def __init__(self) -> None:
        self.right = {"real": 0, "fake": 0}
        self.count = {"real": 0, "fake": 0}

    def update(self, *, real: Seen | None = None, fake: Seen | None = None) -> None:
        for side, seen in (("real", real), ("fake", fake)):
            if seen is not None and seen.told is not None and seen.labels is not None:
                self.right[side] += int((seen.told == seen.labels).sum())
                self.count[side] += len(seen)

    def merge(self, other: Metric) -> None:
        for side in self.count:
            self.right[side] += other.right[side]
            self.count[side] += other.count[side]

    def compute(self) -> dict[str, float]:
        if not self.count["fake"]:
            return {}
        found = {"label-fidelity": self.right["fake"] / self.count["fake"]}
        if self.count["real"]:
            found["label-fidelity-real"] = self.right["real"] / self.count["real"]
        return found
