"""Normalisation of each sample by itself."""

from torch import nn

from belamy.networks.layers import BatchNorm


class Normalisation:
    r"""Layer normalisation: mean and variance over all channels and pixels of one sample.

    .. math:: y_{nc} = \gamma_c \frac{x_{nc}-\mu_n}{\sqrt{\sigma_n^2+\epsilon}} + \beta_c

    References:
        Ba et al. 2016, arXiv 1607.06450, equation 3; one group, with a gain and an offset per channel: Wu & He 2018,
        arXiv 1803.08494, section 3.1; in a critic with a gradient penalty: Gulrajani et al. 2017, arXiv 1704.00028,
        section 4.

    Args:
        eps: ε.
    """

    def __init__(self, *, eps: float = 1e-5) -> None:
        self.eps = eps

    def replace(self, norm: BatchNorm) -> nn.Module:
        """A layer normalisation of the same size."""
        return nn.GroupNorm(1, norm.num_features, self.eps)
