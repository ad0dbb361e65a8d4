"""Where a small step changes the image most."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from belamy.editing.directions import DirectionData, Directions, in_deviations, oriented
from belamy.errors import UsageError
from belamy.sampling.draw import placement
from belamy.seeds import generator


class Direction:
    r"""The leading eigenvectors of the mean of :math:`J^\top J` over latents, with J = dG/dz at each: the directions
    that move pixels most, by subspace iteration with two reverse derivatives per vector and round.

    .. math:: Q \leftarrow \mathrm{orth}\Bigl(\tfrac1n \sum_i J_i^\top J_i Q\Bigr)

    References:
        Ramesh et al. 2018, arXiv 1812.01161, section 2 (right singular vectors of the Jacobian); Wang & Ponce 2021,
        arXiv 2101.06006, section 3 (the same as the metric's Hessian).

    Args:
        count: How many directions.
        points: Latents at which the derivative is taken.
        rounds: Of the iteration.
    """

    supervised = False
    wide = False

    def __init__(self, *, count: int = 5, points: int = 16, rounds: int = 12) -> None:
        if min(count, points, rounds) < 1:
            raise UsageError(f"count {count}, points {points} and rounds {rounds} must all be at least 1.")
        self.count, self.points, self.rounds = count, points, rounds

    def find(self, evidence: DirectionData, names: Sequence[str] = ()) -> Directions:
        """The leading directions; ``speed`` is the root of the eigenvalue, in grey levels of [-1, 1] per unit."""
        latent = evidence.latents.shape[1]
        if self.count > latent:
            raise UsageError(f"count is {self.count}, but there are 1 to {latent} directions in this latent space.")
        method: Any = evidence.method.eval()
        device, dtype = placement(method)
        where = evidence.latents[: self.points].to(device, dtype)
        labels = torch.arange(len(where), device=device) % len(method.spec.classes) if method.spec.classes else None

        def make(latents: Tensor) -> Tensor:
            images: Tensor = method.generate(latents, labels)
            return images

        start = torch.randn(latent, self.count, generator=generator(0, "jacobian")).to(device, dtype)
        basis = torch.linalg.qr(start).Q
        values = torch.zeros(self.count)
        for _ in range(self.rounds):
            moved = _squared(make, where, basis)
            values, inner = torch.linalg.eigh(basis.T @ moved)  # within the subspace, smallest first
            basis = torch.linalg.qr(moved @ inner.flip(1)).Q
        named = tuple(f"jacobian {number}" for number in range(1, self.count + 1))
        speeds = values.flip(0).clamp_min(0).sqrt().tolist()
        facts = {name: {"speed": round(speed, 4)} for name, speed in zip(named, speeds, strict=True)}
        return Directions(in_deviations(oriented(basis.T.cpu()), evidence.latents), named, facts)


def _squared(make: Callable[[Tensor], Tensor], where: Tensor, basis: Tensor) -> Tensor:
    """The mean of JᵀJ over the points, times each column: Jv is the derivative of vᵀ(Jᵀu) by u.  # [latent, k]"""
    where = where.detach().requires_grad_()
    with torch.enable_grad():
        images = make(where)
        probe = torch.zeros_like(images, requires_grad=True)
        back = torch.autograd.grad(images, where, probe, create_graph=True)[0]  # Jᵀu, linear in u
    columns = []
    for column in basis.T:
        change = torch.autograd.grad(back, probe, column.expand_as(back), retain_graph=True)[0]
        columns.append(torch.autograd.grad(images, where, change, retain_graph=True)[0].mean(0))
    return torch.stack(columns, 1).detach()
