"""The power spectrum: its course over the radius, its end, and peaks or holes at the period of a stride."""

from __future__ import annotations

from math import gcd

import torch
from torch import Tensor

from belamy.forensics.frequency import azimuthal, power
from belamy.forensics.traces import Trace as BaseTrace
from belamy.forensics.traces._charts import course
from belamy.forensics.traces._reduce import grey
from belamy.ranges import Within

_FLOOR = 1e-12
"""Mean power of a pixel, and share of an image's power, below which power is rounding."""
_REACH = 2
"""Frequencies on each side of a stride's that are its surroundings."""


class Trace(BaseTrace):
    r"""Logarithm of the azimuthally averaged power, its slope at the end, and how strides stand out.

    Power is taken of the mean of the channels, without its average, and as a share of the whole, whose logarithm is
    one more number. The slope is that of log power over log radius from half the Nyquist frequency on. A layer that
    enlarges by s copies the spectrum at the multiples of 1/s cycles per pixel: for each s its mark is

    .. math:: \log \overline{P_{\text{at}}} - \log \overline{P_{\text{around}}}

    over the frequencies (a/s, b/s) that belong to no smaller stride and those within two places of them: above 0 is a
    peak, as uneven windows leave it, below 0 a hole, as repeating pixels does.

    *Departs from the paper*: Durall et al. divide by the power at frequency 0; here brightness does not count.

    References:
        Durall et al. 2020, arXiv 2003.01826 (course); Dzanic et al. 2020, arXiv 1911.06465 (decay); Zhang et al. 2019,
        arXiv 1907.06515 (copies of the spectrum at strides).

    Args:
        strides: Periods in pixels that are looked for, where an image has four of them or more.

    Raises:
        UsageError: An option is out of range.
    """

    title = "Power spectrum"

    def __init__(self, *, strides: tuple[int, ...] = (2, 4, 8)) -> None:
        self.strides = tuple(Within(2, 64).check("spectrum.strides", stride) for stride in strides)

    def unfit(self, shape: tuple[int, ...]) -> str | None:
        side = min(shape[1:])
        return None if side >= 8 else f"a spectrum needs 8 pixels a side, these have {side}"

    def describe(self, values: Tensor) -> Tensor:
        shown, total = _relative(values)
        rings = (azimuthal(shown)[:, 1:] + _FLOOR).log()  # [n, R]
        fitting = [stride for stride in self.strides if min(shown.shape[1:]) >= 4 * stride]
        marks = [_mark(shown, stride) for stride in fitting]
        return torch.cat([rings, torch.stack([(total + _FLOOR).log(), _decay(rings), *marks], 1)], 1)

    def figure(self, real: Tensor, suspect: Tensor) -> str:
        tables = [azimuthal(_relative(values)[0])[:, 1:] + _FLOOR for values in (real, suspect)]
        radii = torch.arange(1, tables[0].shape[1] + 1) / min(real.shape[2:])
        marks = [(1 / stride, f"period {stride}") for stride in self.strides]
        label = "share of the power"
        return course(tables[0], tables[1], radii, self.title, "cycles per pixel", label, marks, log_y=True)


def _relative(values: Tensor) -> tuple[Tensor, Tensor]:
    """Each frequency's share of the power, none at frequency 0, and the mean power of a pixel.

    # [n, H, W] and [n]
    """
    plane = grey(values)
    spectra = power(plane - plane.mean((1, 2), keepdim=True))
    spectra[:, 0, 0] = 0
    mean = spectra.mean((1, 2))
    shown = torch.where(mean > _FLOOR, spectra.shape[1] * spectra.shape[2] * mean, torch.inf)
    return spectra / shown[:, None, None], mean


def _decay(rings: Tensor) -> Tensor:
    """Slope of log power over log radius, from half the largest radius on.  # [n, R] -> [n]"""
    radius = torch.arange(1, rings.shape[1] + 1, dtype=torch.float64).log()[rings.shape[1] // 2 - 1 :]
    centred = radius - radius.mean()
    return rings[:, rings.shape[1] // 2 - 1 :] @ centred / centred.square().sum()


def _mark(spectra: Tensor, stride: int) -> Tensor:
    """How much more power lies at a stride's frequencies than around them, as a logarithm.  # [n, H, W] -> [n]"""
    at, near = _places(spectra.shape[1], spectra.shape[2], stride)
    return (spectra[:, at].mean(1) + _FLOOR).log() - (spectra[:, near].mean(1) + _FLOOR).log()


def _places(height: int, width: int, stride: int) -> tuple[Tensor, Tensor]:
    """Where a stride's own frequencies are, and what is around them.  # each [H, W] bool"""
    own = [(a, b) for a in range(stride) for b in range(stride) if gcd(a, b, stride) == 1]
    at, near = torch.zeros(height, width, dtype=torch.bool), torch.zeros(height, width, dtype=torch.bool)
    for a, b in own:
        y, x = round(a * height / stride), round(b * width / stride)
        at[y, x] = True
        for down in range(-_REACH, _REACH + 1):
            for across in range(-_REACH, _REACH + 1):
                near[(y + down) % height, (x + across) % width] = True
    near[0, 0] = False
    return at, near & ~at
