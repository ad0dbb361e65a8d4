"""Levels of noise: which a diffusion model is trained at, and which its sampler steps through."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

NoiseSchedule = Literal["linear", "cosine", "edm", "flow"]
STEPS = 1000
"""T of the schedules that have a table."""
LEAST, MOST, RHO = 0.002, 80.0, 7.0
LATEST = 0.999
"""The last time of flows that is stepped from; at 1, σ = t/(1 - t) would be infinite."""


def alphas_bar(kind: Literal["linear", "cosine"]) -> Tensor:
    """The share of the data's variance left after each of T steps.  # [1000] float64

    References:
        ``linear``: Ho et al. 2020, arXiv 2006.11239, section 4; ``cosine``: Nichol & Dhariwal 2021, arXiv 2102.09672,
        equation 17, β clipped at 0.999.

    Example:
        >>> round(float(alphas_bar("linear")[499]), 6)
        0.078587
    """
    if kind == "linear":
        betas = torch.linspace(1e-4, 0.02, STEPS, dtype=torch.float64)
    else:
        at = torch.arange(STEPS + 1, dtype=torch.float64) / STEPS
        left = ((at + 0.008) / 1.008 * math.pi / 2).cos().square()
        betas = (1 - left[1:] / left[:-1]).clamp(max=0.999)
    return (1 - betas).cumprod(0)


def trained_sigmas(
    kind: NoiseSchedule, normal: Tensor, uniform: Tensor, mean: float = -1.2, spread: float = 1.2
) -> Tensor:
    """Levels to train at: a table's all alike, EDM's log-normal, or σ of a flow's logit-normal times.  # [N]

    References:
        ``edm``: Karras et al. 2022, arXiv 2206.00364, table 1; logit-normal times: Esser et al. 2024, arXiv 2403.03206,
        equation 19.

    Args:
        kind: Of the schedule.
        normal: Standard normal numbers.  # [N]
        uniform: Numbers in [0, 1).  # [N]
        mean: Of ln σ, of ``edm``.
        spread: The standard deviation of ln σ, of ``edm``.
    """
    if kind == "edm":
        return (spread * normal + mean).exp()
    if kind == "flow":
        return normal.exp()  # t/(1 - t) of t = sigmoid(normal)
    return _sigmas(alphas_bar(kind)).to(uniform)[(uniform * STEPS).long().clamp(max=STEPS - 1)]


def ends(kind: NoiseSchedule) -> tuple[float, float]:
    """The least and the most noise that samples are led through before the last step.

    Example:
        >>> ends("edm")
        (0.002, 80.0)
    """
    if kind == "edm" or kind == "flow":
        return LEAST, MOST if kind == "edm" else LATEST / (1 - LATEST)
    levels = _sigmas(alphas_bar(kind))
    return float(levels[0]), float(levels[-1])


def sampled_sigmas(kind: NoiseSchedule, steps: int) -> Tensor:
    """Levels that ``steps`` steps lead through, from noise to 0.  # [steps + 1] float64

    References:
        ``edm``: Karras et al. 2022, arXiv 2206.00364, equation 5.

    Args:
        kind: Of the schedule.
        steps: At least 1; of a schedule with a table at most its 1,000.
    """
    share = torch.arange(steps, dtype=torch.float64) / max(steps - 1, 1)
    if kind == "edm":
        levels = (MOST ** (1 / RHO) + share * (LEAST ** (1 / RHO) - MOST ** (1 / RHO))) ** RHO
    elif kind == "flow":
        times = LATEST * (1 - torch.arange(steps, dtype=torch.float64) / steps)
        levels = times / (1 - times)
    else:
        levels = _sigmas(alphas_bar(kind))[((1 - share) * (STEPS - 1)).round().long()]
    return torch.cat([levels, levels.new_zeros(1)])


def _sigmas(left: Tensor) -> Tensor:
    return ((1 - left) / left).sqrt()
