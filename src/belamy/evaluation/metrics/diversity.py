"""How far generated images lie apart, against real ones."""

from __future__ import annotations

from belamy.evaluation.moments import Moments
from belamy.evaluation.seen import Seen


class Metric:
    r"""Root mean square distance of two generated images in feature space, divided by that of two real ones.

    .. math:: \sqrt{\mathrm{tr}\,\Sigma_f / \mathrm{tr}\,\Sigma_r}

    since the mean squared distance of two independent draws is :math:`2\,\mathrm{tr}\,\Sigma`. It is 0 for a generator
    of one image and 1 for real images; more than 1 is strewn wider than real images, not better.
    """

    def __init__(self) -> None:
        self.real, self.fake = Moments(), Moments()

    def update(self, *, real: Seen | None = None, fake: Seen | None = None) -> None:
        for moments, seen in ((self.real, real), (self.fake, fake)):
            if seen is not None:
                moments.update(seen.features)

    def merge(self, other: Metric) -> None:
        self.real.merge(other.real)
        self.fake.merge(other.fake)

    def compute(self) -> dict[str, float]:
        if self.real.count < 2 or self.fake.count < 2:
            return {}
        real, fake = float(self.real.covariance.trace()), float(self.fake.covariance.trace())
        return {"diversity": (fake / real) ** 0.5} if real else {}
