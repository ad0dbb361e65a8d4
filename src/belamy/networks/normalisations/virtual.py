"""Normalisation by a reference batch."""

import torch
from torch import Tensor, nn

from belamy.errors import UsageError
from belamy.networks.layers import BatchNorm
from belamy.processes import gather


class Normalisation:
    r"""Virtual batch normalisation: each sample by the statistics of a fixed reference batch and of itself.

    .. math::
        \mu = \tfrac{n}{n+1}\mu_{ref} + \tfrac1{n+1}\mu_x, \qquad
        \sigma^2 = \tfrac{n}{n+1}(\sigma_{ref}^2 + (\mu_{ref}-\mu)^2) + \tfrac1{n+1}(\sigma_x^2 + (\mu_x-\mu)^2)

    so that a sample does not depend on its batch. The reference is the first batch that each layer meets in training;
    n is its size.

    *Departs from the paper*, which runs the reference batch through the network at every step: here the statistics of
    the reference batch are kept as they were when it was met, so they do not follow the weights. Until there is a
    reference, one sample of mean 0 and variance 1 stands for it.

    References:
        Salimans et al. 2016, arXiv 1606.03498, section 3.4.

    Args:
        eps: ε, added to the variance.
    """

    def __init__(self, *, eps: float = 1e-3) -> None:
        self.eps = eps

    def replace(self, norm: BatchNorm) -> nn.Module:
        """A virtual batch normalisation of the same size."""
        return VirtualNorm(norm.num_features, self.eps)


class VirtualNorm(nn.Module):
    """Virtual batch normalisation with a gain and an offset per channel.

    On several processes the reference is the first one's batch.

    Args:
        features: Size of the second axis.
        eps: ε.

    Raises:
        UsageError: The reference batch would hold a single value per channel.
    """

    reference_mean: Tensor
    reference_var: Tensor
    reference_count: Tensor

    def __init__(self, features: int, eps: float) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(features))
        self.bias = nn.Parameter(torch.zeros(features))
        self.register_buffer("reference_mean", torch.zeros(features))
        self.register_buffer("reference_var", torch.ones(features))
        self.register_buffer("reference_count", torch.zeros((), dtype=torch.int64))

    def forward(self, x: Tensor) -> Tensor:
        """Normalised ``[N, features, …]``."""
        rows = x.flatten(2) if x.dim() > 2 else x[:, :, None]  # [N, C, pixels]
        if self.training and not self.reference_count:
            self._fix(rows.detach())
        own_var, own_mean = torch.var_mean(rows, 2, correction=0)  # [N, C]
        share = 1 / (self.reference_count.clamp_min(1) + 1).to(x.dtype)
        mean = torch.lerp(self.reference_mean, own_mean, share)
        reference = self.reference_var + (self.reference_mean - mean).square()
        variance = torch.lerp(reference, own_var + (own_mean - mean).square(), share)
        scale = self.weight * torch.rsqrt(variance + self.eps)
        shape = (*mean.shape, *[1] * (x.dim() - 2))
        return torch.addcmul((self.bias - mean * scale).view(shape), x, scale.view(shape))

    @torch.no_grad()
    def _fix(self, rows: Tensor) -> None:
        if rows.numel() == rows.shape[1]:
            raise UsageError(
                "Virtual batch normalisation needs a reference batch of at least 2 values per feature, but the first "
                "batch holds 1 sample. Type --batch 2 or more."
            )
        variance, mean = torch.var_mean(rows, (0, 2), correction=0)
        leading = gather(torch.stack([mean, variance]))[0]  # all processes refer to the first one's batch
        self.reference_mean.copy_(leading[0])
        self.reference_var.copy_(leading[1])
        self.reference_count.fill_(len(rows))
