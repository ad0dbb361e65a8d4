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
    """

    def __init__(self, *, eps: float = 1e-5) -> None:
        self.eps = eps

    def replace(self, norm: BatchNorm) -> nn.Module:
        """An instance normalisation of the same size."""
        return InstanceNorm(norm.num_features, self.eps)


class InstanceNorm(nn.Module):
    """Instance normalisation with a gain and an offset per channel.

    Args:
        features: Size of the second axis.
        eps: ε.
    """

    def __init__(self, features: int, eps: float) -> None:
        super().__init__()
        self.num_features, self.eps = features, eps
        self.weight = nn.Parameter(torch.ones(features))
        self.bias = nn.Parameter(torch.zeros(features))

    def forward(self, x: Tensor) -> Tensor:
        """Normalised ``[N, features, …]``."""
        groups = self.num_features if x.shape[2:].numel() > 1 else 1
        return F.group_norm(x, groups, self.weight, self.bias, self.eps)
