"""Binary cross-entropy between intensities."""

from torch import Tensor

EPSILON = 1e-7
"""Outputs are clipped to [EPSILON, 1 - EPSILON], as Keras does."""


class Reconstruction:
    r"""Mean over pixels of the cross-entropy, each intensity read as the probability of white.

    .. math:: -\tfrac1M \sum_m x_m \log y_m + (1-x_m) \log(1-y_m)

    Computed in float32 at least, since intensities near 1 vanish in bfloat16.

    References:
        Kingma & Welling 2013, arXiv 1312.6114, appendix C.1 (Bernoulli decoder).
    """

    def __call__(self, output: Tensor, target: Tensor) -> Tensor:
        """``[N]`` from outputs and targets ``[N, C, H, W]`` in [0, 1]."""
        output = (output if output.element_size() >= 4 else output.float()).clamp(EPSILON, 1 - EPSILON)
        entropy = target * output.log() + (1 - target) * (1 - output).log()
        return -entropy.flatten(1).mean(1)
