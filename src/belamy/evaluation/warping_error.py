"""Temporal warping error: how much of a film changes that only moves."""

from __future__ import annotations

import torch
from torch import Tensor

from belamy.errors import UsageError
from belamy.networks.warping import changes_on_the_way

_FILM, _FLOW = 5, 3


def warping_error(films: Tensor, flow: Tensor) -> Tensor:
    r"""Root of the mean squared change of a pixel against its place in the frame before, where it was seen there.

    .. math:: E = \sqrt{\frac{\sum_{t \ge 1} \sum_p s_t(p) \frac1C \lVert x_t(p) - w_t(x_{t-1})(p) \rVert^2}
        {\sum_{t \ge 1} \sum_p s_t(p)}}

    0 for a film in which everything keeps its colour on its way. The film from which the flow is known has an error
    too, of what the bilinear warp loses; put it beside.

    *Departs from the paper*, whose error is squared, averaged over pairs of frames, and judges by an estimated flow.

    References:
        Lai et al. 2018, arXiv 1808.00449, section 4.1.

    Args:
        films: Of any type and range; the error has their unit, e.g. levels of 255.  # [N, T, C, H, W]
        flow: From each pixel to its place in the frame before, x and y in pixels, and 1 where it was seen there, else
            0; that of the first frame is not looked at.  # [N, T, 3, H, W]

    Returns:
        0 for films in which nothing was seen before.  # [N] float64

    Raises:
        UsageError: Shapes that do not belong together, or values that are not finite.

    Example:
        >>> film = torch.arange(4.0).view(1, 1, 1, 1, 4).repeat(1, 2, 1, 1, 1)
        >>> film[:, 1] += 2
        >>> still = torch.tensor([0.0, 0.0, 1.0]).view(1, 1, 3, 1, 1).expand(1, 2, 3, 1, 4)
        >>> warping_error(film, still)
        tensor([2.], dtype=torch.float64)
    """
    wanted = (*films.shape[:2], _FLOW, *films.shape[3:]) if films.dim() == _FILM else None
    if wanted is None or tuple(flow.shape) != wanted or films.shape[1] < 2:
        raise UsageError(
            f"Films of shape {list(films.shape)} and flow of {list(flow.shape)} do not belong together: they must be "
            "[films, frames, channels, rows, columns] of two frames or more, and the same with 3 channels."
        )
    values, moves = films.detach().cpu().double(), flow.detach().cpu().double()
    if not (torch.isfinite(values).all() and torch.isfinite(moves).all()):
        raise UsageError("Some values of films or flow are NaN or infinite, so nothing can be compared.")
    return changes_on_the_way(values, moves)
