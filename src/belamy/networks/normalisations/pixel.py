"""Normalisation of the feature vector in each pixel."""

import torch
from torch import Tensor, nn

from belamy.networks.layers import BatchNorm


class Normalisation:
    r"""Pixelwise feature vector normalisation, without gain or offset.

    .. math:: b_{x,y} = a_{x,y} \Big/ \sqrt{\tfrac1C \sum_j (a^j_{x,y})^2 + \epsilon}

    *Departs from the paper* in its place: there it follows each convolution's activation, here it stands where the
    network had a batch normalisation.

    References:
        Karras et al. 2017, arXiv 1710.10196, section 4.2.

    Args:
        eps: ε.
    """

    def __init__(self, *, eps: float = 1e-8) -> None:
        self.eps = eps

    def replace(self, norm: BatchNorm) -> nn.Module:
        """A pixel normalisation."""
        return PixelNorm(self.eps)


class PixelNorm(nn.Module):
    """Divides by the root of the mean square over the second axis.

    Args:
        eps: ε.
    """

    def __init__(self, eps: float) -> None:
        super().__init__()
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """Normalised ``[N, C, …]``."""
        return x * torch.rsqrt(x.square().mean(1, keepdim=True) + self.eps)
