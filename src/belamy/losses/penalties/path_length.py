"""The path length regularisation of StyleGAN2."""

from __future__ import annotations

import torch
from torch import Tensor

from belamy.errors import UsageError
from belamy.losses.penalties import BasePenalty
from belamy.losses.penalty_context import PenaltyContext
from belamy.processes import gather


class Penalty(BasePenalty):
    r"""A step in the space of styles should change the image by a fixed amount, whatever its place and direction.

    .. math:: \gamma\,(\lVert J_w^\top y\rVert_2 - a)^2, \qquad y \sim N(0, I), \quad
        J_w = \frac{\partial g(w)}{\partial w}, \quad a \leftarrow (1 - \beta)\,a + \beta\,E\lVert J_w^\top y\rVert_2

    with w the styles of all L layers, and :math:`\gamma = 2 / (L H W)`, which is the paper's
    :math:`\ln 2 / (r^2(\ln r - \ln 2))` for r × r pixels, r a power of two. Where a generator has no styles its latents
    are w, and L is 1. The typical length a starts at 0, follows after each use and is the same on every process.

    *Departs from the paper* in taking the first latents of the batch, unmixed, where it draws others.

    References:
        Karras et al. 2019, arXiv 1912.04958, section 3.2, equation 4, and appendix B.

    Args:
        weight: Factor of the term in the generator's loss; 1 is the paper's weight.
        every: Apply it on each ``every``-th step, scaled by ``every``; the paper has 8, ADA 4.
        decay: β, how fast a follows.
        shrink: Take one of ``shrink`` samples of the batch, rounded up; the paper has 2.

    Raises:
        UsageError: A ``decay`` outside (0, 1], or a ``shrink`` below 1.
    """

    players = ("generator",)
    length: Tensor

    def __init__(self, *, weight: float = 1.0, every: int = 4, decay: float = 0.01, shrink: int = 1) -> None:
        super().__init__(weight, every)
        if not 0 < decay <= 1:
            raise UsageError(f"path-length.decay is {decay:g}, but it must be above 0 and at most 1. Type decay=0.01.")
        if shrink < 1:
            raise UsageError(f"path-length.shrink is {shrink}, but it must be at least 1. Type shrink=2.")
        self.decay, self.shrink = decay, shrink
        self.register_buffer("length", torch.zeros(()))

    def forward(self, context: PenaltyContext) -> Tensor:
        """One value for each sample that is taken."""
        styles = context.styles(context.latents[: -(-len(context.latents) // self.shrink)])  # [n, L, w]
        styles = styles if styles.requires_grad else styles.requires_grad_()
        images = context.synthesize(styles)
        y = context.draw.normal("path-length", *images.shape).to(images)
        (slope,) = torch.autograd.grad((images * y).sum(), styles, create_graph=True)  # Jᵀy [n, L, w]
        lengths = (slope.square().sum((1, 2)) + 1e-12).sqrt()  # the root's own derivative stays finite
        term = (lengths - self.length).square() * (2 / (styles.shape[1] * images[0, 0].numel()))
        self.follow(lengths.detach())
        return term

    @torch.no_grad()
    def follow(self, lengths: Tensor) -> None:
        """Let the typical length follow those of a batch, of all processes."""
        self.length = torch.lerp(self.length, gather(lengths.mean().to(self.length)).mean(), self.decay)
