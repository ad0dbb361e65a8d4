"""Style by Gram matrices: which features appear together, wherever they are."""

from __future__ import annotations

from torch import Tensor


def gram(features: Tensor, weights: Tensor | None = None) -> Tensor:
    r"""Products of features, summed over positions; not normalised.

    .. math:: G_{ij} = \sum_k w_k F_{ik} F_{jk}

    References:
        Gatys et al. 2015, arXiv 1508.06576, eq. 3.

    Args:
        features: Of a layer.  # [N, C, H, W]
        weights: How much each position counts; None counts all once.  # [N or 1, 1, H, W]

    Example:
        >>> gram(torch.tensor([[[[1.0, 2.0]], [[3.0, 4.0]]]])).tolist()
        [[[5.0, 11.0], [11.0, 25.0]]]
    """
    flat = features.flatten(2)
    weighted = flat if weights is None else flat * weights.flatten(2)
    return weighted @ flat.transpose(1, 2)


def difference(found: Tensor, target: Tensor, channels: int, positions: float) -> Tensor:
    r"""Squared difference of Gram matrices, scaled.

    .. math:: E = \frac{1}{4 N^2 M^2} \sum_{ij} (G_{ij} - A_{ij})^2

    References:
        Gatys et al. 2015, arXiv 1508.06576, eq. 4, with the layer's own N and M.

    Args:
        found: Gram matrices of the images.  # [N, C, C]
        target: Gram matrix of the style, broadcast over N.  # [N or 1, C, C]
        channels: N, the number of channels.
        positions: M, the number of positions; 1 for Gram matrices that are means over positions.
    """
    return (found - target).square().sum((1, 2)) / (4 * channels**2 * positions**2)
