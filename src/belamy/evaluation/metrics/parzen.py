"""The likelihood of real images under a window put about each generated one: for history's sake."""

from __future__ import annotations

from dataclasses import dataclass
from math import log, pi, sqrt
from typing import ClassVar, Literal

import torch
from torch import Tensor

from belamy.errors import UsageError
from belamy.evaluation.intervals import mean
from belamy.evaluation.neighbours import BLOCK
from belamy.evaluation.rows import placed
from belamy.evaluation.sides import SidedMetric, Sides, What
from belamy.evaluation.statistics import Interval
from belamy.seeds import generator

VALIDATION = 1000
"""Real images that set the bandwidth, at most."""
ROUNDS = 200
TOLERANCE = 1e-9
LEAST = 1e-5
"""The bandwidth does not fall below this share of the spread of generated images."""


@dataclass(frozen=True)
class ParzenResult:
    """The bandwidth, and the log-likelihood of each real image that did not set it."""

    bandwidth: float
    likelihoods: Tensor


class Metric(SidedMetric):
    r"""Mean log-likelihood, in nats, of real images under Gaussians of one width about the generated images.

    .. math:: \frac1n\sum_i \log \frac1m\sum_j \mathcal{N}(r_i;\, f_j, \sigma^2 I)

    The width σ makes it largest on a fifth of the real images, which are then left out of the mean:

    .. math:: \sigma^2 \leftarrow \frac1d\,\mathrm{mean}_i \sum_j w_{ij}\lVert r_i-f_j\rVert^2, \qquad
        w_{ij} \propto e^{-\lVert r_i-f_j\rVert^2/2\sigma^2}

    until it stays (expectation maximisation, which climbs to the maximum that a grid would have to hit).

    **Historical.** In many dimensions it tells little: centres of k-means score above the training images themselves.
    It is here to compare with printed tables, in pixels from 0 to 1. The interval is over draws of the real images,
    with generated ones and width fixed.

    References:
        Breuleux, Bengio & Vincent 2011; Goodfellow et al. 2014, arXiv 1406.2661, section 5; against it: Theis, van den
        Oord & Bethge 2016, arXiv 1511.01844, section 3.2.

    Args:
        by: Likelihood of ``pixels`` (values 0 to 1) or of ``features``.
        most: Generated images that windows are put about, at most.
        seed: Of who sets the width.

    Raises:
        UsageError: ``most`` is less than 1.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"images"})
    modalities: ClassVar[tuple[str, ...]] = ("image",)

    def __init__(self, *, by: Literal["pixels", "features"] = "pixels", most: int = 10_000, seed: int = 0) -> None:
        if most < 1:
            raise UsageError(f"parzen.most is {most}: write 1 or more.")
        self.by, self.most, self.seed = by, most, seed
        self.what: What = "images" if by == "pixels" else "features"
        self.sides: Sides[ParzenResult] = Sides(self.what)

    def compute(self) -> dict[str, float]:
        found = {name: each.value for name, each in self.intervals().items()}
        return {**found, "parzen-bandwidth": self._found().bandwidth} if found else {}

    def intervals(self, seed: int = 0) -> dict[str, Interval]:
        return {"parzen": mean(self._found().likelihoods)} if self._enough() else {}

    @property
    def notes(self) -> list[str]:
        if not self._enough():
            return [f"Parzen windows need 10 real images and a generated one, with their {self.by}."]
        notes = ["Parzen likelihood is historical: it says little in many dimensions. Do not rank models by it."]
        fakes = self.sides.count("fake")
        if fakes < self.most and fakes < 10_000:
            notes.append(
                f"Parzen likelihood grows with the number of windows: printed tables have 10,000, not {fakes:,}."
            )
        return notes

    def _enough(self) -> bool:
        return self.sides.count("real") >= 10 and self.sides.count("fake") >= 1

    def _found(self) -> ParzenResult:
        return self.sides.once(self._measured)

    def _measured(self) -> ParzenResult:
        real, fake = (placed(self.sides.table(side)) for side in ("real", "fake"))
        order = torch.randperm(len(real), generator=generator(self.seed, "parzen-validation"))
        kept = torch.randperm(len(fake), generator=generator(self.seed, "parzen-windows"))[: self.most]
        count = min(VALIDATION, len(real) // 5)
        windows, unit = fake[kept], 255.0 if self.by == "pixels" else 1.0
        centre = windows.double().mean(0)
        windows, real = (windows.double() - centre) / unit, real[order]
        least = LEAST * float(windows.square().mean().sqrt()) or LEAST
        width = bandwidth((real[:count].double() - centre) / unit, windows, least)
        size = max(1, BLOCK // len(windows))
        likelihoods = [
            log_likelihood((part.double() - centre) / unit, windows, width) for part in real[count:].split(size)
        ]
        return ParzenResult(width, torch.cat(likelihoods))


def log_likelihood(rows: Tensor, windows: Tensor, width: float) -> Tensor:
    r""":math:`\log\frac1m\sum_j\mathcal{N}(x;\,w_j,\sigma^2I)` of each row, in nats.

    Args:
        rows: x.  # [n, d] float64
        windows: w.  # [m, d] float64
        width: σ.
    """
    exponents = -_squared(rows, windows) / (2 * width**2)
    return exponents.logsumexp(1) - log(len(windows)) - rows.shape[1] / 2 * log(2 * pi * width**2)


def bandwidth(rows: Tensor, windows: Tensor, least: float) -> float:
    """The width that makes the rows likeliest; see :class:`Metric`."""
    squared = _squared(rows, windows)
    width = max(least, sqrt(float(squared.amin(1).mean()) / rows.shape[1]))
    for _ in range(ROUNDS):
        weights = (-squared / (2 * width**2)).softmax(1)
        previous, width = width, max(least, sqrt(float((weights * squared).sum(1).mean()) / rows.shape[1]))
        if abs(width - previous) <= TOLERANCE * width:
            break
    return width


def _squared(rows: Tensor, windows: Tensor) -> Tensor:
    """Squared distances ``[n, m]``."""
    lengths = rows.square().sum(1)[:, None] + windows.square().sum(1)
    return torch.addmm(lengths, rows, windows.T, alpha=-2).clamp(min=0)
