"""Colours: how saturated, of which hue, and how the channels go together."""

from __future__ import annotations

import torch
from torch import Tensor

from belamy.forensics.traces import Trace as BaseTrace
from belamy.forensics.traces._charts import distribution


class Trace(BaseTrace):
    r"""Moments of saturation, the mean direction of hue, over- and underexposed shares and channel correlations.

    .. math:: V = \max(r, g, b), \quad S = (V - \min(r, g, b)) / V, \quad
        \alpha = r - \tfrac12(g + b), \quad \beta = \tfrac{\sqrt3}{2}(g - b)

    Hue is the direction of (α, β): its means are taken as they are, so that grey pixels have none. Correlations are
    those of the channels and of the differences of neighbours, which a network mixes otherwise than a camera; a
    channel that does not vary has a correlation of 0.

    References:
        McCloskey & Albright 2018, arXiv 1812.08247 (over- and underexposed pixels); Li et al. 2018, arXiv 1808.07276
        (residuals of colour components); saturation: Smith 1978, "Color gamut transform pairs".
    """

    title = "Colour"

    def unfit(self, shape: tuple[int, ...]) -> str | None:
        return None if shape[0] == 3 else f"colour needs 3 channels, these images have {shape[0]}"

    def describe(self, values: Tensor) -> Tensor:
        values = values.double()
        saturation, value = _saturation(values), values.amax(1).flatten(1)
        red, green, blue = values.flatten(2).unbind(1)
        hue = torch.stack([(red - (green + blue) / 2).mean(1), 0.75**0.5 * (green - blue).mean(1)], 1)
        exposure = [(value <= 1 / 255).double().mean(1), (values.flatten(2).amin(1) >= 254 / 255).double().mean(1)]
        extremes = [(saturation <= 1e-9).double().mean(1), (saturation >= 1 - 1e-9).double().mean(1)]
        spread = [saturation.mean(1), saturation.var(1, unbiased=False), value.mean(1), value.var(1, unbiased=False)]
        numbers = torch.stack([*spread, *extremes, *exposure], 1)
        steps = values[..., 1:] - values[..., :-1]
        return torch.cat([numbers, hue, _correlations(values), _correlations(steps)], 1)

    def figure(self, real: Tensor, suspect: Tensor) -> str:
        means = [_saturation(values.double()).mean(1) for values in (real, suspect)]
        return distribution(means[0], means[1], self.title, "mean saturation of an image")


def _saturation(values: Tensor) -> Tensor:
    """Saturation of each pixel; 0 for black.  # [n, 3, H, W] -> [n, H W]"""
    high, low = values.amax(1).flatten(1), values.amin(1).flatten(1)
    return (high - low) / torch.where(high > 0, high, 1.0)


def _correlations(planes: Tensor) -> Tensor:
    """Of red and green, red and blue, green and blue.  # [n, 3, h, w] -> [n, 3]"""
    centred = planes.flatten(2) - planes.flatten(2).mean(2, keepdim=True)
    products = centred @ centred.transpose(1, 2)  # [n, 3, 3]
    size = products.diagonal(dim1=1, dim2=2).clamp(min=0).sqrt()
    scale = size.unsqueeze(2) * size.unsqueeze(1)
    table = torch.where(scale > 1e-12, products / torch.where(scale > 1e-12, scale, 1.0), 0.0)
    return torch.stack([table[:, 0, 1], table[:, 0, 2], table[:, 1, 2]], 1)
