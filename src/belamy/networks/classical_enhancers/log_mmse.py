"""Ephraim and Malah's estimate of the logarithm of the spectrum's amplitude."""

from __future__ import annotations

import torch
from scipy.special import exp1
from torch import Tensor

from belamy.networks.classical_enhancers._gains import GainEnhancer


class ClassicalEnhancer(GainEnhancer):
    r"""The estimate of the amplitude whose logarithm has the least squared error (log-MMSE).

    .. math:: G = \frac{\xi}{1 + \xi}\exp\left(\frac12 \int_v^\infty \frac{e^{-t}}{t}\,dt\right),
        \qquad v = \frac{\xi}{1 + \xi}\,\gamma

    References:
        Ephraim & Malah 1985, "Speech enhancement using a minimum mean-square error log-spectral amplitude estimator",
        equation 20.

    Args:
        rate: Samples in a second.
        memory: The share of the frame before in the ratio of speech to noise.
    """

    def gain(self, speech: Tensor, heard: Tensor) -> Tensor:
        """The factor of the amplitude."""
        share = speech / (1 + speech)
        v = (share * heard).clamp_min(1e-8)
        integral = torch.from_numpy(exp1(v.cpu().numpy())).to(v)
        return share * torch.exp(integral / 2)
