"""Self-attention between the pixels of an image."""

import torch
from torch import Tensor, nn

from belamy.networks.layers import KerasConv2d


class SelfAttention(nn.Module):
    r"""Adds to each pixel a mean over all pixels, weighted by how much they have to do with it.

    .. math::
        \beta_{j,i} = \mathrm{softmax}_i\,f(x_i)^\top g(x_j), \qquad
        o_j = v\Big(\sum_i \beta_{j,i} h(x_i)\Big), \qquad y_j = \gamma o_j + x_j

    with 1×1 convolutions f, g, h, v without offsets and a learned number γ that is 0 at first, so that the layer is
    then the identity.

    References:
        Zhang et al. 2018, arXiv 1805.08318, equations 1 to 3.

    Args:
        channels: C, of the input and the output.
        reduction: k: f, g and h have C/k channels, at least 1.

    Example:
        >>> x = torch.randn(2, 16, 4, 4)
        >>> torch.equal(SelfAttention(16)(x), x)
        True
    """

    def __init__(self, channels: int, *, reduction: int = 8) -> None:
        super().__init__()
        inner = max(channels // reduction, 1)
        self.f = KerasConv2d(channels, inner, 1, bias=False)
        self.g = KerasConv2d(channels, inner, 1, bias=False)
        self.h = KerasConv2d(channels, inner, 1, bias=False)
        self.v = KerasConv2d(inner, channels, 1, bias=False)
        self.gamma = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        """Same shape as ``x`` ``[N, C, H, W]``."""
        f, g, h = (part(x).flatten(2) for part in (self.f, self.g, self.h))  # [N, C/k, pixels]
        attention = torch.softmax(f.transpose(1, 2) @ g, 1)  # [N, i, j]
        o = self.v((h @ attention).unflatten(2, x.shape[2:]))
        return torch.addcmul(x, self.gamma, o)
