"""The consistency regularisation of CR-GAN."""

import torch
from torch import Tensor

from belamy.errors import UsageError
from belamy.losses.penalties import BasePenalty
from belamy.losses.penalty_context import PenaltyContext
from belamy.seeds import Draws


class Penalty(BasePenalty):
    r"""The score of a real image should not change when the image is shifted by a few pixels or mirrored.

    .. math:: (D(x) - D(T(x)))^2

    Pixels that a shift uncovers repeat the image's edge. The images are learned from without T.

    References:
        Zhang et al. 2019, arXiv 1910.12027, equation 3 and algorithm 1.

    Args:
        weight: Factor in the discriminator's loss.
        every: Apply it on each ``every``-th step, scaled by ``every``.
        pixels: Largest shift on either axis.
        flip: Mirror half of the images; switch it off where left and right have a meaning, as in digits.

    Raises:
        UsageError: A negative ``pixels``, or neither shifts nor mirror images.
    """

    def __init__(self, *, weight: float = 10.0, every: int = 1, pixels: int = 4, flip: bool = True) -> None:
        super().__init__(weight, every)
        if pixels < 0 or not (pixels or flip):
            raise UsageError(
                f"consistency.pixels is {pixels}, but it must be at least {0 if flip else 1}"
                f"{'' if flip else ' where no image is mirrored'}. The default is 4."
            )
        self.pixels, self.flip = pixels, flip

    def forward(self, context: PenaltyContext) -> Tensor:
        """``[N]``."""
        return (context.real_scores - context.critic(self.moved(context.real.detach(), context.draw))).square()

    def moved(self, images: Tensor, draw: Draws) -> Tensor:
        """T: images ``[N, C, H, W]``, each shifted and mirrored on its own."""
        count, _, height, width = images.shape
        u = draw.uniform("consistency", count, 3).to(images.device)
        shift = (u[:, :2] * (2 * self.pixels + 1)).long() - self.pixels  # [N, 2]
        rows = (torch.arange(height, device=images.device) + shift[:, :1]).clamp(0, height - 1)  # [N, H]
        columns = (torch.arange(width, device=images.device) + shift[:, 1:]).clamp(0, width - 1)  # [N, W]
        if self.flip:
            columns = torch.where(u[:, 2:] < 0.5, columns.flip(1), columns)
        sample = torch.arange(count, device=images.device)[:, None, None]
        return images.movedim(1, 3)[sample, rows[:, :, None], columns[:, None, :]].movedim(3, 1)
