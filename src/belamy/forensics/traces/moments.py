"""Mean, variance, skewness and kurtosis of the pixels."""

from __future__ import annotations

from torch import Tensor

from belamy.forensics.traces import Trace as BaseTrace
from belamy.forensics.traces._charts import distribution
from belamy.forensics.traces._reduce import moments


class Trace(BaseTrace):
    """The first four moments of each channel of an image; an image of one value has skewness and kurtosis 0.

    References:
        Valle, Cai, Doshi 2018, arXiv 1807.04919 (moments).
    """

    title = "Moments of pixels"

    def describe(self, values: Tensor) -> Tensor:
        count, channels = values.shape[:2]
        return moments(values.reshape(count * channels, -1)).reshape(count, 4 * channels)

    def figure(self, real: Tensor, suspect: Tensor) -> str:
        spread = [values.double().flatten(1).std(1, unbiased=False) for values in (real, suspect)]
        return distribution(spread[0], spread[1], self.title, "standard deviation of an image's pixels")
