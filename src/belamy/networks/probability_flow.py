r"""The density of what a denoiser generates: noise is carried to data by an ordinary differential equation.

.. math:: \frac{dx}{d\ln\sigma} = x - D(x; \sigma), \qquad
          \frac{d\ln p(x)}{d\ln\sigma} = -\nabla \cdot (x - D(x; \sigma))

The density is exact but for the steps of the solver, whatever the denoiser has learned: what begins normal with
standard deviation σ_max ends, at σ_min, with a density that integrates to 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor

Denoise = Callable[[Tensor, Tensor], Tensor]


def log_density(
    denoise: Denoise,
    x: Tensor,
    least: float,
    most: float,
    *,
    spread: float = 1.0,
    steps: int = 20,
    probe: Tensor | None = None,
) -> Tensor:
    r"""The logarithm of the density at x of what the probability flow makes of noise.  # [n, …] to [n]

    The state is :math:`x / \sqrt{\sigma^2 + s^2}`, which hardly moves where data spread by s; steps are even in ln σ,
    of fourth order (Runge & Kutta), four evaluations each.

    References:
        Song et al. 2020, arXiv 2011.13456, section 4.3 and equation 39; in σ: Karras et al. 2022, arXiv 2206.00364,
        equation 1; the estimate of the divergence: Grathwohl et al. 2018, arXiv 1810.01367, equation 8.

    Args:
        denoise: D of states and one level for all; rows must not mix.
        x: Where, at σ_min.
        least: σ_min.
        most: σ_max.
        spread: s, about the standard deviation of the data; any value is right.
        steps: Of the solver.
        probe: Numbers of mean 0 and variance 1, of x's shape, ±1 say: the divergence is estimated by one product with
            them, without bias; None for all of it, at one product for each value of a sample.

    Example:
        >>> x = torch.tensor([[0.3]], dtype=torch.float64)
        >>> bell = lambda x, sigma: x / (1 + sigma**2)  # the denoiser of N(0, 1)
        >>> round(float(log_density(bell, x, 1e-3, 1e3)), 4)  # of N(0, 1)
        -0.9639
    """
    with torch.enable_grad():
        level = torch.linspace(math.log(least), math.log(most), steps + 1, dtype=torch.float64).to(x)
        state, change = x / math.hypot(least, spread), torch.zeros(len(x)).to(x)
        for now, after in pairwise(level):
            step, middle = after - now, (now + after) / 2
            first, one = _slope(denoise, state, now, spread, probe)
            second, two = _slope(denoise, state + step / 2 * first, middle, spread, probe)
            third, three = _slope(denoise, state + step / 2 * second, middle, spread, probe)
            fourth, four = _slope(denoise, state + step * third, after, spread, probe)
            state = state + step / 6 * (first + 2 * second + 2 * third + fourth)
            change = change + step / 6 * (one + 2 * two + 2 * three + four)
    size, deviation = state[0].numel(), most / math.hypot(most, spread)
    last = -0.5 * (state / deviation).square().flatten(1).sum(1) - size * math.log(deviation * math.sqrt(2 * math.pi))
    return last + change - size * math.log(math.hypot(least, spread))


def _slope(
    denoise: Denoise, state: Tensor, level: Tensor, spread: float, probe: Tensor | None
) -> tuple[Tensor, Tensor]:
    """How the state moves with ln σ, and the divergence of that.  # [n, …], [n]"""
    state = state.detach().requires_grad_()
    sigma = level.exp()
    total = sigma.square() + spread**2
    x = state * total.sqrt()
    slope = (spread**2 / total * x - denoise(x, sigma)) / total.sqrt()
    if probe is not None:
        (product,) = torch.autograd.grad(slope, state, probe)
        return slope.detach(), (product * probe).flatten(1).sum(1)
    columns = slope.flatten(1).unbind(1)
    divergence = torch.zeros(len(state)).to(state)
    for number, column in enumerate(columns):
        (row,) = torch.autograd.grad(column.sum(), state, retain_graph=number + 1 < len(columns))
        divergence = divergence + row.flatten(1)[:, number]
    return slope.detach(), divergence
