"""The values of a sample, wherever they stand."""

from __future__ import annotations

import torch
from torch import Tensor

from belamy.forensics.traces._reduce import moments
from belamy.modalities import modality
from belamy.modalities.fields import Field

_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_END = 1 - 1e-6


class SampleTrace:
    """Moments, extremes, quantiles of a sample's values, shares at the ends; of a series, of each channel for itself.

    Args:
        field: Of the samples.
    """

    modalities = ("series", "vector", "video", "volume")
    title = "Values"

    def __init__(self, field: Field) -> None:
        self.field, self.kind = field, modality(field.modality)

    def describe(self, raw: Tensor) -> Tensor:
        values = self.kind.to_float(raw, self.field).double()
        if self.field.modality == "series":
            return torch.cat([_told(channel) for channel in values.unbind(2)], 1)
        return _told(values.flatten(1))


def _told(values: Tensor) -> Tensor:
    """Of values ``[n, m]``.  # [n, 13]"""
    shares = torch.tensor(_QUANTILES, dtype=torch.float64)
    quantiles = values.sort(1).values[:, (shares * (values.shape[1] - 1)).round().long()]
    ends = [(values <= -_END).double().mean(1), (values >= _END).double().mean(1)]
    return torch.cat([moments(values), torch.stack([values.amin(1), values.amax(1), *ends], 1), quantiles], 1)
