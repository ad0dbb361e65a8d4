"""Maps of the latent space: a plane of it as a sheet of images, and one axis after the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from belamy.errors import UsageError
from belamy.methods.base import BaseMethod
from belamy.modalities.grid import grid
from belamy.networks.priors import coded, truncated, uniform
from belamy.sampling.picture import Picture, named
from belamy.sampling.points import Progress, pixels_at, sampler
from belamy.sampling.walk import HasPrior

SIDE = 15
LOW, HIGH = 0.05, 0.95
MOST = 64


def coordinates(count: int = SIDE) -> Tensor:
    """``[count]`` float64: the inverse normal distribution function of ``count`` shares from 0.05 to 0.95.

    References:
        Chollet 2017, Deep Learning with Python, listing 8.28.

    Example:
        >>> coordinates(3).round(decimals=5).tolist()
        [-1.64485, 0.0, 1.64485]
    """
    if not 2 <= count <= MOST:
        raise UsageError(f"A manifold has {count} images in a row, but it must be in 2..{MOST}.")
    return torch.special.ndtri(_shares(count))


def axis_coordinates(method: BaseMethod, axis: int, count: int = SIDE) -> Tensor:
    """``[count]`` float64: those shares of an axis' own prior; normal latents get :func:`coordinates`."""
    normal = coordinates(count)
    prior: Any = method.prior if isinstance(method, HasPrior) else None
    if isinstance(prior, uniform.Prior) or (isinstance(prior, coded.Prior) and axis >= prior.latent - prior.continuous):
        return 2 * _shares(count) - 1
    if isinstance(prior, truncated.Prior):
        tail = torch.special.ndtr(torch.tensor(-prior.threshold, dtype=torch.float64))
        return torch.special.ndtri(tail + _shares(count) * (1 - 2 * tail))
    return normal


def plane(method: BaseMethod, axes: tuple[int, int] = (0, 1), count: int = SIDE, base: Tensor | None = None) -> Tensor:
    """``[count², latent]`` latents of a square sheet, row by row: the first axis grows to the right, the second down.

    Args:
        method: It samples.
        axes: Two latent axes.
        count: Images in a row and in a column.
        base: All other axes; zeros by default.  # [latent]

    Raises:
        UsageError: The method does not sample, no such axis, twice the same, or too many images.
    """
    start = _base(method, base)
    checked(axes, len(start))
    if axes[0] == axes[1]:
        raise UsageError(f"The axes are both {axes[0]}; name two, e.g. --axes 0 1.")
    across, down = (axis_coordinates(method, axis, count).to(start.dtype) for axis in axes)
    latents = start.repeat(count, count, 1)  # [row, column, latent]
    latents[..., axes[0]] = across[None, :]
    latents[..., axes[1]] = down[:, None]
    return latents.flatten(0, 1)


def traversals(method: BaseMethod, axes: Sequence[int], count: int = SIDE, base: Tensor | None = None) -> Tensor:
    """``[axes · count, latent]`` latents: for each axis a row along it.

    Raises:
        UsageError: The method does not sample, or no such axis.
    """
    start = _base(method, base)
    checked(axes, len(start))
    latents = start.repeat(len(axes), count, 1)
    for row, axis in zip(latents, axes, strict=True):
        row[:, axis] = axis_coordinates(method, axis, count).to(start.dtype)
    return latents.flatten(0, 1)


def sheet(
    method: BaseMethod,
    latents: Tensor,
    columns: int,
    label: int | None = None,
    *,
    pad: int = 0,
    rows: Sequence[str] = (),
    progress: Progress | None = None,
) -> Picture:
    """The images at latents in rows of ``columns``, named if ``rows`` are; of class ``label`` where labels matter."""
    weights = None
    if label is not None:
        weights = torch.zeros(len(latents), len(method.spec.classes))
        weights[:, label] = 1
    made = grid(pixels_at(method, latents, weights, progress=progress), columns, pad=pad)
    return Picture(named(made, rows) if rows else made)


def checked(axes: Sequence[int], latent: int) -> None:
    """Refuse axes that a latent does not have.

    Raises:
        UsageError: There is one.
    """
    for axis in axes:
        if not 0 <= axis < latent:
            raise UsageError(f"There is no latent axis {axis}: this run's latents have the axes 0..{latent - 1}.")


def _base(method: BaseMethod, base: Tensor | None) -> Tensor:
    drawn: Tensor = sampler(method).latents(0, [0])[0]
    return torch.zeros_like(drawn) if base is None else base


def _shares(count: int) -> Tensor:
    return torch.linspace(LOW, HIGH, count, dtype=torch.float64)
