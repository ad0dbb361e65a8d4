"""The self-supervision of FastGAN's discriminator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from torch import Tensor

from belamy.losses.penalties import BasePenalty
from belamy.losses.penalty_context import PenaltyContext


class Penalty(BasePenalty):
    r"""Small decoders should make real images again from the discriminator's last two feature maps.

    .. math:: \lVert \mathcal G(f) - \mathcal T(x) \rVert

    From the last map the whole image is made, from a random part of the one before, that part of the image;
    :math:`\mathcal T` cuts the part out and makes images as small as the decoders'. Discriminator and decoders learn
    from it, on real images alone. See :class:`belamy.networks.reconstruction.Reconstruction`.

    *Departs from the paper* in the features of the distance: it has LPIPS, that of a trained VGG, here they are those
    of the embedded EfficientNet-lite0. Half a map's height and width are cut out.

    References:
        Liu et al. 2021, arXiv 2101.04775, section 3.2, equation 4, figure 4.

    Args:
        reconstruction: Makes the decoders of the maps that the discriminator shows.
        weight: Factor in the discriminator's loss.
        every: Apply it on each ``every``-th step, scaled by ``every``.
        part: Share of the height and width of the last map but one that is cut out.
        width: Channels of the decoders at their largest size; each halving doubles them, up to eight times.
        distance: ``perceptual``, or ``absolute``, the mean absolute difference of the pixels.

    Raises:
        UsageError: The discriminator shows no maps, ``part`` is not in (0, 1] or ``width`` below 1.
    """

    def __init__(
        self,
        reconstruction: Callable[..., Any],
        *,
        weight: float = 1.0,
        every: int = 1,
        part: float = 0.5,
        width: int = 16,
        distance: Literal["perceptual", "absolute"] = "perceptual",
    ) -> None:
        super().__init__(weight, every)
        self.reconstruction = reconstruction(part=part, width=width, perceptual=distance == "perceptual")

    def forward(self, context: PenaltyContext) -> Tensor:
        """``[N]``."""
        found: Tensor = self.reconstruction(context.real_maps, context.real.detach(), context.draw)
        return found
