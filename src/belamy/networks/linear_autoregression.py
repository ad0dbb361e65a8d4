"""A linear autoregression: each step of a series is a sum of those before it, and of normal noise."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.linalg import cholesky, solve_triangular

from belamy.errors import UsageError

LEAST = 1e-8
"""Variance, in the units of networks, that is added to every channel's, so that what never changes has a density."""


class TriangularNormal(nn.Module):
    r"""A normal distribution of rows, :math:`x = \mu + L\epsilon`, that is learned in units of measured moments.

    .. math:: \mu = m + S b, \qquad L = S\,(\mathrm{tril}_{-1}(R) + \mathrm{diag}(e^{\mathrm{diag} R}))

    with m and :math:`S S^T` mean and covariance of what it begins with, and b = 0, R = 0 at the start: steps of the
    optimiser have one size whatever the scale of the data, and however alike neighbouring numbers are.

    Args:
        size: Numbers of a row, n.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("scale", torch.eye(size))
        self.shift = nn.Parameter(torch.zeros(size))
        self.spread = nn.Parameter(torch.zeros(size, size))

    def begin(self, rows: Tensor) -> None:
        """Measure mean and covariance.  # [N, n]"""
        mean, scale = moments(rows)
        self.mean, self.scale = mean.to(self.mean), scale.to(self.scale)

    def factor(self) -> Tensor:
        """L, lower triangular; the covariance is its product with its transpose.  # [n, n]"""
        return self.scale @ (self.spread.tril(-1) + torch.diag(self.spread.diagonal().exp()))

    def expected(self) -> Tensor:
        """μ.  # [n]"""
        return self.mean + self.scale @ self.shift

    def noise(self, deviations: Tensor) -> tuple[Tensor, Tensor]:
        """ε of what rows deviate from their expectation, and ln |det| of the way there.  # [..., n] to [..., n], []"""
        factor = self.factor()
        flat = deviations.reshape(-1, deviations.shape[-1])
        found = solve_triangular(factor, flat.T, upper=False).T.reshape(deviations.shape)
        return found, -factor.diagonal().log().sum()


class LinearAutoregression(nn.Module):
    r"""Steps told by the p before them, to independent standard normal numbers and back.

    .. math:: y_t = c + \sum_{i=1}^{p} A_i y_{t-i} + L \epsilon_t, \qquad \epsilon_t \sim N(0, I)

    The first p steps have a normal distribution of their own, whatever the coefficients: nothing is asked of these, not
    even that the series be stationary. The logarithm of the density is so the sum of that of the first p steps and of
    the conditional one of the others, which is largest at the least-squares solution, L at the innovations' covariance.

    References:
        Lütkepohl 2005, New Introduction to Multiple Time Series Analysis, sections 2.1 and 3.4.

    Args:
        steps: Of a series, T.
        channels: C.
        order: p.

    Raises:
        UsageError: The order is not in 1..T - 1.
    """

    past_mean: Tensor
    whitening: Tensor

    def __init__(self, steps: int, channels: int, order: int) -> None:
        super().__init__()
        if not 1 <= order < steps:
            raise UsageError(
                f"order is {order}, but series of {steps} steps can be told by 1 to {steps - 1} steps before. Choose "
                "a smaller --order, or a larger --length."
            )
        self.steps, self.channels, self.order = steps, channels, order
        told = order * channels
        self.first, self.innovation = TriangularNormal(told), TriangularNormal(channels)
        self.register_buffer("past_mean", torch.zeros(told))
        self.register_buffer("whitening", torch.eye(told))
        self.weight = nn.Parameter(torch.zeros(channels, told))

    @torch.no_grad()
    def begin(self, series: Tensor) -> None:
        """Measure the moments of the first steps, of pasts and of single steps.  # [N, T, C]"""
        self.first.begin(series[:, : self.order].flatten(1))
        self.innovation.begin(series[:, self.order :].flatten(0, 1))
        mean, scale = moments(self.pasts(series).flatten(0, 1))
        inverse = solve_triangular(scale, torch.eye(len(scale)).to(scale), upper=False)
        self.past_mean, self.whitening = mean.to(self.past_mean), inverse.to(self.whitening)

    def pasts(self, series: Tensor) -> Tensor:
        """The p steps before each step but the first p, the nearest first.  # [N, T, C] to [N, T - p, p C]"""
        last = series.shape[1]
        return torch.cat([series[:, self.order - i : last - i] for i in range(1, self.order + 1)], 2)

    def combined(self) -> Tensor:
        """The coefficients of a past, the nearest step's first.  # [C, p C]"""
        return self.innovation.scale @ self.weight @ self.whitening

    def coefficients(self) -> Tensor:
        """A_1 … A_p.  # [p, C, C]"""
        return self.combined().unflatten(1, (self.order, self.channels)).transpose(0, 1)

    def constant(self) -> Tensor:
        """c.  # [C]"""
        return self.innovation.expected() - self.combined() @ self.past_mean

    def largest_root(self) -> Tensor:
        """Modulus of the companion matrix's largest eigenvalue: below 1 the process is stationary.  # []"""
        told = self.order * self.channels
        companion = torch.eye(told, dtype=torch.float64).roll(self.channels, 0)
        companion[: self.channels] = self.combined().detach().double().cpu()
        return torch.linalg.eigvals(companion).abs().max()

    def forward(self, series: Tensor) -> tuple[Tensor, Tensor]:
        """Standard normal numbers and ln |det J|.  # [N, T, C] to [N, T C], [N]"""
        first, told = self.first.noise(series[:, : self.order].flatten(1) - self.first.expected())
        expected = self.pasts(series) @ self.combined().T + self.constant()
        later, each = self.innovation.noise(series[:, self.order :] - expected)
        total = told + (series.shape[1] - self.order) * each
        return torch.cat([first, later.flatten(1)], 1), total.expand(len(series))

    def inverse(self, noise: Tensor) -> Tensor:
        """Series, step after step.  # [N, T C] to [N, T, C]"""
        steps = noise.unflatten(1, (-1, self.channels))
        return self.continued(steps[:, :0], steps)

    def continued(self, prefix: Tensor, noise: Tensor) -> Tensor:
        """Series that begin with a prefix of any length, the first p steps by their own distribution given it.

        Args:
            prefix: The steps that are there.  # [N, t, C]
            noise: Standard normal numbers of the steps that follow.  # [N, steps, C] to [N, t + steps, C]
        """
        made, missing = list(prefix.unbind(1)), max(self.order - prefix.shape[1], 0)
        if missing:
            factor, expected, there = self.first.factor(), self.first.expected(), prefix.shape[1] * self.channels
            deviations = prefix.flatten(1) - expected[:there]
            begun = solve_triangular(factor[:there, :there], deviations.T, upper=False).T
            whole = torch.cat([begun, noise[:, :missing].flatten(1)], 1)
            size = whole.shape[1]
            first = whole @ factor[:size, :size].T + expected[:size]
            made += first[:, there:].unflatten(1, (-1, self.channels)).unbind(1)
        combined, constant = self.combined().T, self.constant()
        for innovation in (noise[:, missing:] @ self.innovation.factor().T).unbind(1):
            past = torch.cat(made[: -self.order - 1 : -1], 1)
            made.append(past @ combined + constant + innovation)
        return torch.stack(made, 1)


def moments(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Mean, and the Cholesky factor of the covariance, of rows.  # [N, n] to [n], [n, n], float64"""
    rows = rows.double()
    centred = rows - rows.mean(0)
    covariance = centred.T @ centred / len(rows)
    covariance.diagonal().add_(LEAST)
    return rows.mean(0), cholesky(covariance)
