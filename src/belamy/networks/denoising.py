"""Samplers of diffusion models: from noise to data by a denoiser, step by step.

The state x is data plus σ times noise; D(x; σ) is what a denoiser takes the data to be. Every paper's state is this
one times its share of the data α.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

import torch
from torch import Tensor

Sampler = Literal["ddpm", "ddim", "heun", "dpm-solver"]
SAMPLERS: tuple[Sampler, ...] = get_args(Sampler)


def denoised(
    kind: Sampler,
    denoise: Callable[[Tensor, Tensor], Tensor],
    x: Tensor,
    sigmas: Tensor,
    *,
    noise: Callable[[int], Tensor] = lambda step: torch.zeros(()),
    report: Callable[[int, int], None] = lambda done, total: None,
) -> Tensor:
    r"""Data from noise, of x's shape and type.

    ``ddpm`` is the ancestral sampler with the variance of the posterior, which draws new noise. The others go along the
    probability flow :math:`dx/d\sigma = (x - D(x; \sigma))/\sigma`: ``ddim`` by Euler's steps, which are also the
    straight steps of a rectified flow; ``heun`` at second order, with two evaluations a step and one in the last;
    ``dpm-solver`` at second order with one, for it looks back at the step before.

    References:
        ``ddpm``: Ho et al. 2020, arXiv 2006.11239, equations 6 and 7; ``ddim``: Song et al. 2020, arXiv 2010.02502,
        equations 12 and 14; ``heun``: Karras et al. 2022, arXiv 2206.00364, algorithm 1; ``dpm-solver``: Lu et al.
        2022, arXiv 2211.01095, algorithm 2, whose last step is of first order.

    Args:
        kind: Which sampler.
        denoise: Gives D of a state and a level.
        x: Noise of standard deviation ``sigmas[0]``.
        sigmas: Falling to 0.  # [steps + 1]
        noise: Gives step i's new noise, of x's shape; of ``ddpm`` alone.
        report: Called with steps done and steps in all; it ends the sampling by raising.

    Example:
        >>> shrunk = lambda x, sigma: x / (1 + sigma**2)  # of data N(0, 1)
        >>> denoised("heun", shrunk, 80 * torch.ones(1), torch.tensor([80.0, 9.0, 1.0, 0.0])).shape
        torch.Size([1])
    """
    steps, before = len(sigmas) - 1, x
    for i in range(steps):
        sigma, following = sigmas[i], sigmas[i + 1]
        clean = denoise(x, sigma)
        slope = (x - clean) / sigma
        if kind == "heun" and following > 0:
            ahead = x + (following - sigma) * slope
            x = x + (following - sigma) * (slope + (ahead - denoise(ahead, following)) / following) / 2
        elif kind == "dpm-solver":
            guess = clean if i == 0 or following == 0 else looking_back(clean, before, *sigmas[i - 1 : i + 2])
            x = guess + following / sigma * (x - guess)
        elif kind == "ddpm":
            fresh = following / sigma * (sigma.square() - following.square()).sqrt()
            x = clean + following.square() / sigma * slope + (fresh * noise(i) if following > 0 else 0.0)
        else:
            x = clean + following * slope
        before = clean
        report(i + 1, steps)
    return x


def looking_back(clean: Tensor, before: Tensor, last: Tensor, sigma: Tensor, following: Tensor) -> Tensor:
    """D, drawn on to the middle of a step in ln σ by the one of the step before."""
    ratio = torch.log(last / sigma) / torch.log(sigma / following)
    return clean + (clean - before) / (2 * ratio)
