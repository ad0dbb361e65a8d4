"""PatchNCE: a place of a translation should look more like the same place of its input than like others of it."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

TEMPERATURE = 0.07
"""τ of the paper."""


def patch_nce(queries: Tensor, keys: Tensor, temperature: float = TEMPERATURE) -> Tensor:
    r"""The cross-entropy of finding each query's own key among the keys of all places, one mean per sample.

    .. math:: \ell_n = -\frac1S \sum_s \log \frac{\exp(q_s \cdot k_s / \tau)}
        {\exp(q_s \cdot k_s / \tau) + \sum_{t \ne s} \exp(q_s \cdot k_t / \tau)}

    The negatives are the other places of the same picture. The published code lays its positives beside the whole
    matrix of products, whose diagonal it then has to mask; here the diagonal *is* the positives, which is the same.

    *Departs from the paper*: the mean over places, as the published code has, where equation 4 has a sum.

    References:
        Park, Efros, Zhang & Zhu 2020, arXiv 2007.15651, equations 2 and 4.

    Args:
        queries: Features of places of what was made, of length 1.  # [N, S, F]
        keys: Features of the same places of what was given, of length 1; nothing is learned through them.  # [N, S, F]
        temperature: τ.

    Returns:
        ``[N]``, log S where all places look alike.

    Example:
        >>> places = torch.eye(3).unsqueeze(0)
        >>> patch_nce(places, places, temperature=1.0)  # log(1 + 2/e)
        tensor([0.5514])
    """
    products = queries @ keys.detach().transpose(1, 2) / temperature  # [N, S, S]
    own = torch.arange(products.shape[1], device=products.device).expand(products.shape[:2])
    return F.cross_entropy(products.transpose(1, 2), own, reduction="none").mean(1)
