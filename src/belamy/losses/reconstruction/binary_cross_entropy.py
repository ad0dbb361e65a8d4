"""Binary cross-entropy between intensities."""

from torch import Tensor
from torch.nn.functional import binary_cross_entropy


class Reconstruction:
    r"""Mean over pixels of the cross-entropy, each intensity read as the probability of white.

    .. math:: -\tfrac1M \sum_m x_m \log y_m + (1-x_m) \log(1-y_m)

    *Departs from Keras*: the logarithm is bounded below by -100 (PyTorch) instead of clipping y to [1e-7, 1-1e-7].

    References:
        Kingma & Welling 2013, arXiv 1312.6114, appendix C.1 (Bernoulli decoder).
    """

    def __call__(self, output: Tensor, target: Tensor) -> Tensor:
        """``[N]`` from outputs and targets ``[N, C, H, W]`` in [0, 1]."""
        return binary_cross_entropy(output, target, reduction="none").flatten(1).mean(1)
