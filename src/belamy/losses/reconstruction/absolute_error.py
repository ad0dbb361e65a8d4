"""Mean absolute error."""

from torch import Tensor


class Reconstruction:
    r"""Mean over pixels of the absolute difference: the likelihood of Laplace pixels.

    A pixel that is a little off costs more than by squares, so thin strokes in nearly the ground's colour are kept.

    .. math:: \tfrac1M \sum_m |x_m - y_m|
    """

    def __call__(self, output: Tensor, target: Tensor) -> Tensor:
        """``[N]`` from outputs and targets ``[N, C, H, W]``."""
        return (output - target).abs().flatten(1).mean(1)
