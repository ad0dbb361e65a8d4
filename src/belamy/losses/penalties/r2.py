"""The zero-centred gradient penalty on generated samples."""

from collections.abc import Callable

from torch import Tensor

from belamy.losses.penalties.r1 import squared_gradient
from belamy.seeds import Draws


class Penalty:
    r"""Squared norm of the discriminator's gradient at generated samples.

    .. math:: \tfrac12 \lVert\nabla_{\tilde x} D(\tilde x)\rVert_2^2

    References:
        Mescheder et al. 2018, arXiv 1801.04406, section 4.1; used together with R1 in Huang et al. 2024,
        arXiv 2501.05441.

    Args:
        weight: Factor γ in the discriminator's loss.
        every: Apply it on each ``every``-th step, scaled by ``every``.
    """

    def __init__(self, *, weight: float = 10.0, every: int = 1) -> None:
        self.weight, self.every = weight, every

    def __call__(self, critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, draw: Draws) -> Tensor:
        """``[N]`` from images ``[N, C, H, W]``; ``real`` and ``draw`` are not used."""
        return squared_gradient(critic, fake) / 2
