"""What else changes along a direction, by observers that know nothing of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from belamy.editing.attribute_predictors import AttributePredictor
from belamy.editing.directions import Directions


@dataclass(frozen=True, eq=False)
class Leakage:
    """What observers saw of images that went along directions.

    Args:
        directions: Names.
        predictors: Names.
        alphas: Steps.
        shift: Mean change of the score, in standard deviations of the unmoved images'; of observers of more than two
            values, the share of images with another verdict, signed as the step.  # [directions, alphas, observers]
        kept: Share of images whose verdict is that of the unmoved image.  # the same shape
        last: Share of images that have the last of the observer's values.  # the same shape
    """

    directions: tuple[str, ...]
    predictors: tuple[str, ...]
    alphas: tuple[float, ...]
    shift: Tensor
    kept: Tensor
    last: Tensor

    @property
    def matrix(self) -> Tensor:
        """Shift per unit step, by least squares through the origin.  # [directions, observers]"""
        steps = torch.tensor(self.alphas, dtype=torch.float64)
        return (steps[None, :, None] * self.shift).sum(1) / steps.square().sum().clamp_min(1e-12)

    def facts(self) -> dict[str, Any]:
        """All numbers as plain data."""
        tables = {"shift": self.shift, "kept": self.kept, "last": self.last}
        return {
            "directions": list(self.directions),
            "observers": list(self.predictors),
            "alphas": list(self.alphas),
            "matrix": rounded(self.matrix),
            **{name: rounded(table) for name, table in tables.items()},
        }


def leakage(
    render: Callable[[Tensor], Tensor],
    latents: Tensor,
    directions: Directions,
    predictors: Sequence[AttributePredictor],
    alphas: Sequence[float],
) -> Leakage:
    """Walk along every direction and look.

    Args:
        render: Latents to uint8 images.
        latents: Where to begin.  # [n, latent]
        directions: Where to go.
        predictors: Tell which attributes the images have.
        alphas: Steps, in the directions' units.
    """
    start = [predictor.predict(render(latents)) for predictor in predictors]
    tables = torch.zeros(3, len(directions.names), len(alphas), len(predictors), dtype=torch.float64)
    for row, vector in enumerate(directions.vectors):
        for column, alpha in enumerate(alphas):
            images = render(latents + alpha * vector)
            for place, (predictor, before) in enumerate(zip(predictors, start, strict=True)):
                after = predictor.predict(images)
                kept = (after.verdict == before.verdict).double().mean()
                moved = (after.score - before.score).mean() / before.score.std().clamp_min(1e-12)
                tables[0, row, column, place] = moved if len(predictor.values) == 2 else math.copysign(1 - kept, alpha)
                tables[1, row, column, place] = kept
                tables[2, row, column, place] = (after.verdict == len(predictor.values) - 1).double().mean()
    names = tuple(predictor.name for predictor in predictors)
    return Leakage(directions.names, names, tuple(alphas), *tables)


def rounded(table: Tensor) -> Any:
    """Nested lists to four decimals."""
    return (table * 1e4).round().div(1e4).tolist()
