"""Mean squared error."""

from torch import Tensor


class Reconstruction:
    r"""Mean over pixels of the squared difference.

    .. math:: \tfrac1M \sum_m (x_m - y_m)^2
    """

    def __call__(self, output: Tensor, target: Tensor) -> Tensor:
        """``[N]`` from outputs and targets ``[N, C, H, W]``."""
        return (output - target).square().flatten(1).mean(1)
