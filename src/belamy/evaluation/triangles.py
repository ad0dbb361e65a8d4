r"""Precision and recall that are exact: grey pictures of triangles, whose manifold is known.

Whether a picture is a triangle can be said without any features: it is as far from the manifold as the best-fitting
triangle is from it. Whether a generator has a triangle can be said as well: find the latent that comes closest. So

.. math:: \mathrm{precision} = \frac1m\sum_j\bigl[\min_t \lVert g_j - t\rVert \le \delta\bigr], \qquad
    \mathrm{recall} = \frac1n\sum_i\bigl[\min_z \lVert t_i - G(z)\rVert \le \delta\bigr]

with t over all triangles. Both minima are sought by descent from several starts, so that distances are upper bounds;
for the manifold the starts are good, because mean and covariance leave only the rotation of a triangle open.

*Departs from the paper* in how pictures are drawn: the corners lie on a circle about a point near the middle, and an
edge's pixels are as bright as the signed distance to it says. The threshold is our own.

References:
    Lucic et al. 2018, arXiv 1711.10337, section 5 (the manifold of convex polygons).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import pi

import torch
from torch import Tensor

from belamy.evaluation.intervals import wilson
from belamy.evaluation.neighbours import nearest
from belamy.evaluation.statistics import Interval
from belamy.sampling.grid import grid
from belamy.seeds import generator

SIDE = 28
LATENT = 7
"""Numbers in a latent of the generators here: centre, radius, rotation, two angles, and what is drawn."""
THRESHOLD = 0.75
"""δ: Euclidean, of pixels from 0 to 1. Rounding to uint8 moves a picture by 0.03, half a pixel's shift by about 2."""
STEPS, RATE = 120, 0.1
POOL, STARTS = 2000, 6
ROTATIONS = 24

Generate = Callable[[Tensor], Tensor]
"""Pictures ``[n, 1, 28, 28]``, 0 to 1, of standard normal latents; differentiable."""


@dataclass(frozen=True)
class Exact:
    """The shares of generated pictures that are triangles and of triangles that can be generated, with intervals."""

    precision: Interval
    recall: Interval

    @property
    def f1(self) -> float:
        """Their harmonic mean."""
        total = self.precision.value + self.recall.value
        return 2 * self.precision.value * self.recall.value / total if total else 0.0


def render(corners: Tensor) -> Tensor:
    """Triangles, white on black, with edges one pixel soft.

    Args:
        corners: In pixels from the top left, (x, y).  # [n, 3, 2]

    Returns:
        Pixels, 0 to 1.  # [n, 1, 28, 28]
    """
    along = corners.roll(-1, 1) - corners  # [n, 3, 2]
    area = along[:, 0, 0] * along[:, 1, 1] - along[:, 0, 1] * along[:, 1, 0]
    turn = torch.where(area >= 0, 1.0, -1.0).to(corners)[:, None]
    normal = torch.stack([along[..., 1], -along[..., 0]], -1) * turn[..., None]
    normal = normal / normal.norm(dim=-1, keepdim=True).clamp(min=1e-6)
    offset = (normal * corners).sum(-1)
    distances = torch.einsum("nei,pi->nep", normal, _places().to(corners)) - offset[..., None]
    return (0.5 - distances.amax(1)).clamp(0, 1).unflatten(1, (1, SIDE, SIDE))


def corners_of(latents: Tensor, *, spread: float = 1.0) -> Tensor:
    """The corners ``[n, 3, 2]`` of the triangles that standard normal latents ``[n, 7]`` stand for.

    Centres lie within 3 pixels of the middle, radii from 6 to 10, the corners 120° apart but for up to 30°.

    Args:
        latents: The last number is not used.
        spread: Share of the range of radii and rotations that is used; 1 is all.
    """
    shares = torch.special.ndtr(latents)
    centre = SIDE / 2 + 6 * (shares[:, :2] - 0.5)
    radius = 6 + 4 * spread * shares[:, 2:3]
    apart = torch.cat(
        [torch.zeros_like(radius), 2 * pi / 3 * torch.tensor([1.0, 2.0]) + pi / 3 * (shares[:, 4:6] - 0.5)], 1
    )
    angles = 2 * pi * spread * shares[:, 3:4] + apart
    return centre[:, None] + radius[..., None] * torch.stack([angles.cos(), angles.sin()], -1)


def blobs(latents: Tensor) -> Tensor:
    """Soft discs ``[n, 1, 28, 28]``, where triangles would be: what is no triangle."""
    shares = torch.special.ndtr(latents)
    centre = SIDE / 2 + 6 * (shares[:, :2] - 0.5)
    far = (_places().to(latents) - centre[:, None]).norm(dim=-1)
    return (1 - far / (6 + 4 * shares[:, 2:3])).clamp(0, 1).unflatten(1, (1, SIDE, SIDE))


def mixed(latents: Tensor, *, spread: float = 1.0, honest: float = 1.0) -> Tensor:
    """Pictures of which a share ``honest`` is triangles of so much ``spread``, and the rest blobs."""
    drawn = torch.special.ndtr(latents[:, 6]) < honest
    return torch.where(drawn[:, None, None, None], render(corners_of(latents, spread=spread)), blobs(latents))


CASES: dict[str, Generate] = {
    "high precision, high recall": mixed,
    "high precision, low recall": partial(mixed, spread=0.1),
    "low precision, high recall": partial(mixed, honest=0.3),
    "low precision, low recall": partial(mixed, spread=0.1, honest=0.3),
}
"""The four cases, as generators."""


def exact(
    generate: Generate, *, size: int = LATENT, count: int = 200, threshold: float = THRESHOLD, seed: int = 0
) -> Exact:
    """Precision of a generator's pictures, and its recall of triangles that were not shown to it.

    Args:
        generate: The generator.
        size: Numbers in its latents.
        count: Pictures, and triangles.
        threshold: δ, the distance up to which two pictures are the same.
        seed: Of both.
    """
    with torch.no_grad():
        pictures = generate(torch.randn(count, size, generator=generator(seed, "triangles-generated")))
        wanted = render(corners_of(torch.randn(count, LATENT, generator=generator(seed, "triangles-held-out"))))
    right = int((to_triangles(pictures) <= threshold).sum())
    found = int((to_generator(wanted, generate, size=size, seed=seed) <= threshold).sum())
    return Exact(wilson(right, count), wilson(found, count))


def to_triangles(pictures: Tensor) -> Tensor:
    """Distances ``[n]`` of pictures ``[n, 1, 28, 28]``, 0 to 1, to the nearest triangle of any shape."""
    fitted = fits(pictures)  # [n, r, 3, 2]
    with torch.no_grad():
        far = torch.stack([_distances(render(each), pictures) for each in fitted.unbind(1)], 1)
        chosen = far.topk(3, largest=False).indices
        starts = fitted.gather(1, chosen[..., None, None].expand(-1, -1, 3, 2))
    return _descended(starts.flatten(2), pictures, lambda flat: render(flat.unflatten(1, (3, 2))))


def fits(pictures: Tensor) -> Tensor:
    r"""Triangles ``[n, 24, 3, 2]`` with the mean μ and covariance Σ of a picture's squared brightness, any way turned.

    .. math:: c_k = \mu + \sqrt8\,\Sigma^{1/2}\bigl(\cos(\varphi + 2\pi k/3),\, \sin(\varphi + 2\pi k/3)\bigr)

    since a regular triangle of radius 1 has the covariance I/8, and every triangle is an affine image of it.
    """
    weights = pictures.flatten(1).square() + 1e-9  # [n, p]; squared, so that a noisy background weighs nothing
    weights = weights / weights.sum(1, keepdim=True)
    places = _places().to(pictures)
    mean = weights @ places
    offsets = places - mean[:, None]
    covariance = torch.einsum("np,npi,npj->nij", weights, offsets, offsets)
    values, vectors = torch.linalg.eigh(covariance)
    root = vectors * values.clamp(min=1e-6).sqrt()[:, None] @ vectors.mT
    angles = 2 * pi / 3 * (torch.arange(ROTATIONS)[:, None] / ROTATIONS + torch.arange(3)).to(pictures)
    regular = torch.stack([angles.cos(), angles.sin()], -1)  # [r, 3, 2]
    return mean[:, None, None] + 8**0.5 * torch.einsum("nij,rkj->nrki", root, regular)


def to_generator(pictures: Tensor, generate: Generate, *, size: int = LATENT, seed: int = 0) -> Tensor:
    """Distances ``[n]`` of pictures to the nearest that a generator makes, from the nearest of a pool on.

    Args:
        pictures: 0 to 1.  # [n, 1, 28, 28]
        generate: The generator.
        size: Numbers in its latents.
        seed: Of the pool.
    """
    pool = torch.randn(POOL, size, generator=generator(seed, "triangles-pool"))
    with torch.no_grad():
        made = generate(pool)
    starts = pool[nearest(pictures.flatten(1), made.flatten(1), STARTS).indices]
    return _descended(starts, pictures, generate)


def _descended(starts: Tensor, pictures: Tensor, make: Generate) -> Tensor:
    """The least distance ``[n]`` on the way down from each of several starts ``[n, s, k]``, by Adam."""
    with torch.enable_grad():
        free = starts.flatten(0, 1).clone().requires_grad_()
        targets = pictures.repeat_interleave(starts.shape[1], 0)
        descent = torch.optim.Adam([free], lr=RATE)
        best = torch.full((len(free),), torch.inf)
        for step in range(STEPS):
            descent.param_groups[0]["lr"] = RATE * (1 - step / STEPS)
            far = _distances(make(free), targets)
            best = best.minimum(far.detach())
            (gradient,) = torch.autograd.grad(far.square().sum(), free)
            free.grad = gradient
            descent.step()
    return best.unflatten(0, starts.shape[:2]).amin(1)


def _distances(a: Tensor, b: Tensor) -> Tensor:
    return ((a - b).flatten(1).square().sum(1) + 1e-12).sqrt()


def picture(count: int = 10, seed: int = 0) -> Tensor:
    """The four cases as rows of pictures, uint8 ``[H, W, 3]``, in the order of ``CASES``."""
    latents = torch.randn(count, LATENT, generator=generator(seed, "triangles-shown"))
    with torch.no_grad():
        rows = torch.cat([generate(latents) for generate in CASES.values()])
    return torch.tensor(grid((rows * 255).round().to(torch.uint8), columns=count, scale=2))


def _places() -> Tensor:
    """The middles of the pixels, (x, y).  # [784, 2]"""
    middles = torch.arange(SIDE) + 0.5
    return torch.cartesian_prod(middles, middles).flip(1)
