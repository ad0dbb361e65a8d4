"""Series along a direction as pictures, and the page of directions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from belamy import pages
from belamy.editing.directions import Directions
from belamy.editing.leakage import Leakage
from belamy.modalities.grid import grid
from belamy.sampling.picture import Picture

PAD = 2
STRONGEST = 1.5
"""Shift per step, in standard deviations, from which on the colour is full."""


def strips(
    render: Callable[[Tensor], Tensor], latents: Tensor, directions: Directions, alphas: Sequence[float]
) -> dict[str, Picture]:
    """One picture for each direction: a row for each latent, a column for each step.

    Args:
        render: Latents to uint8 images.
        latents: Where the rows begin.  # [n, latent]
        directions: Where they go.
        alphas: Steps.
    """
    steps = torch.tensor(alphas)
    found = {}
    for name, vector in zip(directions.names, directions.vectors, strict=True):
        points = latents[:, None] + steps[None, :, None] * vector  # [n, steps, latent]
        images = render(points.flatten(0, 1))
        captions = [f"{alpha:+g}" if alpha else "0" for alpha in alphas]
        rows, last = images[: -len(alphas)], images[-len(alphas) :]  # captions under the last row alone
        sheet = grid(last, columns=len(alphas), scale=None, captions=captions)
        if len(rows):
            sheet = np.concatenate([grid(rows, columns=len(alphas), scale=None, pad=PAD)[:-PAD], sheet])
        found[name] = Picture(sheet)
    return found


def page(title: str, lead: str, pictures: Mapping[str, Picture], facts: Mapping[str, object], leaks: Leakage) -> str:
    """One self-contained HTML page: the series, and what else changed."""
    steps = torch.tensor(leaks.alphas, dtype=torch.float64)
    near = int((steps - steps.max() / 2).abs().argmin())
    changed = [[_cell(value, value / STRONGEST, f"{value:+.2f}") for value in row] for row in leaks.matrix.tolist()]
    kept = [[_cell(1 - value, 1 - value, f"{value:.0%}") for value in row] for row in leaks.kept[:, near].tolist()]
    return pages.page(
        "directions", title, lead_text=lead, predictors=leaks.predictors, near=f"{leaks.alphas[near]:+g}",
        series=[(name, _caption(name, facts.get(name)), picture.pixels) for name, picture in pictures.items()],
        leakage=list(zip(leaks.directions, changed, strict=True)), kept=list(zip(leaks.directions, kept, strict=True)),
    )  # fmt: skip


def _caption(name: str, facts: object) -> str:
    told = ", ".join(f"{key} {value}" for key, value in facts.items()) if isinstance(facts, Mapping) else ""
    return f"{name}: {told}" if told else name


def _cell(value: float, share: float, text: str) -> tuple[int, int, str]:
    """Number and strength of a cell's colour, and its text."""
    return int(value > 0), round(min(abs(share), 1) * 70), text
