"""Normalisation of each channel of each image by itself."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from belamy.networks.layers import BatchNorm


class Normalisation:
    r"""Instance normalisation: mean and variance over the pixels of one channel of one image.

    .. math:: y_{nc} = \gamma_c \frac{x_{nc}-\mu_{nc}}{\sqrt{\sigma_{nc}^2+\epsilon}} + \beta_c

    *Departs from the paper* where there is one value per channel (vectors, maps of one pixel), which it would erase:
    there the mean and the variance are over the channels.

    References:
        Ulyanov et al. 2016, arXiv 1607.08022, equation 3.

    Args:
        eps: ε.
        affine: Whether each channel learns a gain γ and an offset β; CycleGAN's do not.
    """

    def __init__(self, *, eps: float = 1e-5, affine: bool = True) -> None:
        self.eps, self.affine = eps, affine

    def replace(self, norm: BatchNorm) -> nn.Module:
        """An instance normalisation of the same size."""
        return InstanceNorm(norm.num_features, self.eps, self.affine)


class InstanceNorm(nn.Module):
    """Instance normalisation, with a gain and an offset per channel where it learns.

    Args:
        features: Size of the second axis.
        eps: ε.
        affine: Whether it learns.
    """

    def __init__(self, features: int, eps: float, affine: bool = True) -> None:
        super().__init__()
        self.num_features, self.eps = features, eps
        self.weight = nn.Parameter(torch.ones(features)) if affine else None
        self.bias = nn.Parameter(torch.zeros(features)) if affine else None

    def forward(self, x: Tensor) -> Tensor:
        """Normalised ``[N, features, …]``."""
        groups = self.num_features if x.shape[2:].numel() > 1 else 1
        return F.group_norm(x, groups, self.weight, self.bias, self.eps)
