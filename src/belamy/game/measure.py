"""How far a game is from its end: divergences, coverage, and what the discriminator can still tell.

Everything is measured on the stretch that a distribution's window names, cut into cells; what lies outside is one cell
more. The mass of the data in a cell is that of the known density. The generator's is exact on the line, by pushing the
latents' line forward piece by piece, and a histogram of many points in the plane.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from belamy.evaluation.two_samples import jensen_shannon
from belamy.game.transport import wasserstein_1

CELLS = 640
"""On the line."""
PIECES = 4096
"""Of the latents' line; every one has the same mass."""
SIDE = 160
"""Cells along each axis of the plane."""
FINER = 4
"""Places per cell and axis at which a density is averaged."""
HISTOGRAM = 40_000
"""Points of the plane's histogram."""
PAIRED = 512
"""Points of each kind whose exact pairing gives Wasserstein-1 in the plane."""
JUDGED = 2500
"""Points that are counted by mode, as in VEEGAN and PacGAN."""
GOOD = 3.0
"""Standard deviations within which a point is of high quality."""


@dataclass(frozen=True)
class Cells:
    """A distribution cut into cells.

    Args:
        edges: Of the cells along an axis.
        real: Mass of the data in each cell, ``[cells]`` or ``[rows, columns]``, rows from below.
        fake: The same of the generated points.
    """

    edges: np.ndarray
    real: np.ndarray
    fake: np.ndarray

    @property
    def middles(self) -> np.ndarray:
        """Of the cells along an axis."""
        return (self.edges[1:] + self.edges[:-1]) / 2

    @property
    def optimal(self) -> np.ndarray:
        """The optimal discriminator p/(p+q) in each cell, ½ where there is neither."""
        return optimal_discriminator(self.real, self.fake)

    def jensen_shannon(self) -> float:
        """The divergence of generated points from the data, in nats, the outside included."""
        outside = [max(0.0, 1 - float(mass.sum())) for mass in (self.real, self.fake)]
        masses = (np.append(mass, rest) for mass, rest in zip((self.real, self.fake), outside, strict=True))
        return float(jensen_shannon(*map(torch.from_numpy, masses)))


class Coverage(NamedTuple):
    """Coverage of the modes."""

    covered: int
    modes: int
    quality: float


def optimal_discriminator(real: np.ndarray, fake: np.ndarray) -> np.ndarray:
    """D* = p/(p+q), ½ where both vanish.

    References:
        Goodfellow et al. 2014, arXiv 1406.2661, proposition 1.
    """
    total = real + fake
    return np.divide(real, total, out=np.full_like(total, 0.5), where=total > 0)


def separation(real: np.ndarray, fake: np.ndarray) -> float:
    """How well one threshold on the scores parts data from generated points: 0 not at all, 1 without an error.

    It is the Kolmogorov-Smirnov distance of the two sets of scores, twice the accuracy above one half, and never more
    than the total variation of the distributions but for the chance in the samples.

    Example:
        >>> separation(np.array([2.0, 3.0]), np.array([0.0, 1.0]))
        1.0
    """
    every = np.sort(np.concatenate([real, fake]))
    below = [np.searchsorted(np.sort(scores), every, side="right") / len(scores) for scores in (real, fake)]
    return float(np.abs(below[0] - below[1]).max())


def edges_of(distribution: Any) -> np.ndarray:
    """Of the cells of the line, or along either axis of the plane."""
    low, high = distribution.window
    return np.linspace(low, high, (CELLS if distribution.dimensions == 1 else SIDE) + 1)


def real_masses(distribution: Any) -> np.ndarray:
    """The data's mass in each cell, from the density averaged over the cell."""
    edges = edges_of(distribution)
    count, low, high = len(edges) - 1, edges[0], edges[-1]
    fine = torch.from_numpy(low + (np.arange(count * FINER) + 0.5) * (high - low) / (count * FINER))
    if distribution.dimensions == 1:
        density = distribution.density(fine[:, None]).reshape(count, FINER).mean(1)
        return (density * (high - low) / count).numpy()
    density = distribution.density_on_grid(fine, fine).reshape(count, FINER, count, FINER).mean((1, 3))
    return (density * ((high - low) / count) ** 2).numpy()


@torch.no_grad()
def pushed_forward(generator: nn.Module, edges: np.ndarray) -> np.ndarray:
    r"""The generator's mass in each cell of the line, for one standard normal latent.

    The latents' line is cut into pieces of one mass; each is mapped onto a stretch of the line and its mass is spread
    evenly there: the change of variables :math:`q(x) = \sum_{G(z)=x} p(z)/|G'(z)|`, monotone or not, exact where G is
    straight within the pieces. The outermost pieces, of 1/4096 each, are cut off far out.
    """
    shares = torch.linspace(0, 1, PIECES + 1, dtype=torch.float64).clamp(0.1 / PIECES, 1 - 0.1 / PIECES)
    ends = generator(torch.special.ndtri(shares).float()[:, None])[:, 0].double()
    low, high = torch.minimum(ends[1:], ends[:-1]), torch.maximum(ends[1:], ends[:-1])
    length = (high - low).clamp_min(1e-9)
    below = torch.stack([((place - low) / length).clamp(0, 1).mean() for place in torch.from_numpy(edges)])
    return below.diff().numpy()


def histogram(points: Tensor, edges: np.ndarray) -> np.ndarray:
    """The share of points ``[N, 2]`` in each cell of the plane, ``[rows, columns]``, rows from below."""
    x, y = points.numpy().T
    return np.histogram2d(y, x, bins=(edges, edges))[0] / len(points)


@torch.no_grad()
def line_wasserstein(generator: nn.Module, distribution: Any) -> float:
    r"""Wasserstein-1 on the line, by the quantile functions: :math:`W_1 = \int_0^1 |F_p^{-1}(u) - F_q^{-1}(u)|\,du`.

    The latents are taken at even quantiles; the data's quantiles come from their density on a fine grid.
    """
    u = (np.arange(PIECES) + 0.5) / PIECES
    fake = np.sort(generator(torch.special.ndtri(torch.from_numpy(u)).float()[:, None])[:, 0].numpy())
    low, high = distribution.window
    reach = high - low
    fine = torch.linspace(low - reach, high + reach, 3 * 8 * CELLS, dtype=torch.float64)
    density = distribution.density(fine[:, None])
    risen = torch.cumulative_trapezoid(density, fine).numpy()
    real = np.interp(u, np.append(0.0, risen / risen[-1]), fine.numpy())
    return float(np.abs(real - fake).mean())


def plane_wasserstein(real: Tensor, fake: Tensor) -> float:
    """Wasserstein-1 in the plane, by the exact pairing of samples: sampling alone leaves some of it."""
    return wasserstein_1(real[:PAIRED].double().numpy(), fake[:PAIRED].double().numpy())


def coverage(points: Tensor, distribution: Any) -> Coverage | None:
    """Modes with a high-quality point among these, and the share of such points; None for a distribution without modes.

    A point is of high quality within three standard deviations of the nearest mode's centre; a mode is covered if at
    least one such point is nearest to it.

    References:
        Srivastava et al. 2017, arXiv 1705.07761, section 4.1; Lin et al. 2018, arXiv 1712.04086, section 4.1.
    """
    if distribution.centres is None:
        return None
    distances = torch.cdist(points[:JUDGED], distribution.centres.to(points))
    nearest, which = distances.min(1)
    good = nearest <= GOOD * distribution.spread
    return Coverage(len(which[good].unique()), len(distribution.centres), float(good.float().mean()))
