"""Edges and residuals: how smooth images are, and how flat where they are smooth."""

from __future__ import annotations

import torch
from torch import Tensor

from belamy.forensics.traces import Trace as BaseTrace
from belamy.forensics.traces._charts import distribution
from belamy.forensics.traces._reduce import grey, moments

_FLAT = 1e-6
"""A difference up to this is none: float32 values that are equal differ by less after they are averaged."""


class Trace(BaseTrace):
    r"""Statistics of the gradient and of the Laplacian residual of the grey image.

    .. math:: r_{yx} = p_{yx} - \tfrac14(p_{y-1,x} + p_{y+1,x} + p_{y,x-1} + p_{y,x+1})

    Of the gradient: mean magnitude and mean square across and down, and the share of neighbours that are equal. Of the
    residual: moments, mean magnitude, share of zeros, and the correlation of neighbours.

    References:
        Residuals of high passes as forensic traces: Fridrich & Kodovský 2012, "Rich models for steganalysis of digital
        images".
    """

    title = "Smoothness"

    def unfit(self, shape: tuple[int, ...]) -> str | None:
        side = min(shape[1:])
        return None if side >= 4 else f"residuals need 4 pixels a side, these images have {side}"

    def describe(self, values: Tensor) -> Tensor:
        plane = grey(values)
        numbers = []
        for axis in (1, 2):
            step = plane.diff(dim=axis).flatten(1)
            numbers += [step.abs().mean(1), step.square().mean(1), (step.abs() <= _FLAT).double().mean(1)]
        residual = residuals(plane)
        inner = residual.flatten(1)
        numbers += [inner.abs().mean(1), (inner.abs() <= _FLAT).double().mean(1), _correlation(residual)]
        return torch.cat([torch.stack(numbers, 1), moments(inner)], 1)

    def figure(self, real: Tensor, suspect: Tensor) -> str:
        means = [residuals(grey(values)).flatten(1).abs().mean(1) for values in (real, suspect)]
        return distribution(means[0], means[1], self.title, "mean magnitude of an image's Laplacian residual")


def residuals(plane: Tensor) -> Tensor:
    """What a pixel's four neighbours do not tell of it.  # [n, H, W] -> [n, H - 2, W - 2]"""
    around = plane[:, :-2, 1:-1] + plane[:, 2:, 1:-1] + plane[:, 1:-1, :-2] + plane[:, 1:-1, 2:]
    return plane[:, 1:-1, 1:-1] - around / 4


def _correlation(residual: Tensor) -> Tensor:
    """Of residuals and those to their right, about 0; 0 where there are none.  # [n, h, w] -> [n]"""
    power = residual.square().mean((1, 2))
    product = (residual[:, :, 1:] * residual[:, :, :-1]).mean((1, 2))
    return torch.where(power > 1e-12, product / torch.where(power > 1e-12, power, 1.0), 0.0)
