"""Noise between the levels of pictures, chosen by a small conditional flow (Flow++)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.special import log_ndtr, ndtri

from belamy.networks.flow_levels import told_by
from belamy.networks.invertible import checkerboard

LEAST = 1e-6
"""How near uniform numbers come to 0 and 1, and noise too."""
TURNS = 4


class Dequantiser(nn.Module):
    r"""Noise in (0, 1) for each value, of a density q(u | x) that is known.

    Uniform numbers become normal ones, four affine couplings over checkerboards move them as the picture tells, and the
    normal distribution function Φ brings them back to (0, 1):

    .. math:: u = \Phi(f(\Phi^{-1}(w); x)), \qquad
              \ln q(u \mid x) = \ln \varphi(\Phi^{-1}(w)) - \ln|\det f'| - \ln \varphi(\Phi^{-1}(u))

    It begins with the identity f, and so with uniform noise, q = 1.

    *Departs from the paper*: Φ in place of the logistic function, so that it begins as what it is compared with, and
    plain affine couplings.

    References:
        Ho, Chen, Srinivas, Duan & Abbeel 2019, "Flow++", arXiv 1902.00275, section 3.1 and appendix.

    Args:
        channels: Of the pictures.
        width: Channels of the couplings' networks.

    Example:
        >>> noise, chosen = Dequantiser(1, 4)(torch.zeros(2, 1, 4, 4), torch.full((2, 1, 4, 4), 0.25))
        >>> noise.allclose(torch.tensor(0.25), atol=1e-6), chosen.abs().max() < 1e-4
        (True, tensor(True))
    """

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.networks = nn.ModuleList(told_by(2 * channels, 2 * channels, width, 0) for _ in range(TURNS))

    def forward(self, images: Tensor, uniform: Tensor) -> tuple[Tensor, Tensor]:
        """Noise and ln q(u | x).  # [N, C, H, W] in [-1, 1], [N, C, H, W] in [0, 1) to [N, C, H, W], [N]"""
        channels, height, width = images.shape[1:]
        place = ndtri(uniform.clamp(LEAST, 1 - LEAST))
        chosen = -0.5 * place.square()
        for turn, network in enumerate(self.networks):
            mask = checkerboard((channels, height, width), odd=bool(turn % 2)).to(place)
            shift, scale = network(torch.cat([place * mask, images], 1)).chunk(2, 1)
            scale = (1 - mask) * torch.tanh(scale)
            place = place * scale.exp() + (1 - mask) * shift
            chosen = chosen - scale
        chosen = chosen + 0.5 * place.square()
        return log_ndtr(place).exp().clamp(LEAST, 1 - LEAST), chosen.flatten(1).sum(1)
