"""Ephraim and Malah's estimate of the spectrum's amplitude."""

from __future__ import annotations

from math import pi, sqrt

import torch
from torch import Tensor

from belamy.networks.classical_enhancers._gains import GainEnhancer


class ClassicalEnhancer(GainEnhancer):
    r"""The estimate of the amplitude with the least squared error, where speech and noise are Gaussian (MMSE-STSA).

    .. math:: G = \frac{\sqrt{\pi}}{2}\,\frac{\sqrt v}{\gamma}\,e^{-v/2}\left[(1 + v)\,I_0(v/2) + v\,I_1(v/2)\right],
        \qquad v = \frac{\xi}{1 + \xi}\,\gamma

    References:
        Ephraim & Malah 1984, "Speech enhancement using a minimum mean-square error short-time spectral amplitude
        estimator", equation 7.

    Args:
        rate: Samples in a second.
        memory: The share of the frame before in the ratio of speech to noise.
    """

    def gain(self, speech: Tensor, heard: Tensor) -> Tensor:
        """The factor of the amplitude."""
        heard = heard.clamp_min(1e-8)
        v = speech / (1 + speech) * heard
        bessel = (1 + v) * torch.special.i0e(v / 2) + v * torch.special.i1e(v / 2)  # with the exponential in them
        return sqrt(pi) / 2 * v.sqrt() / heard * bessel
