r"""The structured joint embedding loss: pictures and texts score highest with their own class, by a margin.

.. math:: \ell_v = \max_y \left(0, \Delta(y_n, y) + \mathrm{E}_{t \sim T(y)} F(v_n, t) - F(v_n, t_n)\right), \qquad
          \ell_t = \max_y \left(0, \Delta(y_n, y) + \mathrm{E}_{v \sim V(y)} F(v, t_n) - F(v_n, t_n)\right)

References:
    Reed et al. 2016, "Learning deep representations of fine-grained visual descriptions", arXiv 1605.05395, equations 3
    to 5; Akata et al. 2015, arXiv 1409.8403.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import one_hot, relu


def joint_embedding(pictures: Tensor, texts: Tensor, classes: Tensor) -> Tensor:
    """The sum of both losses, with scores that are inner products; means are taken over those of a class in the batch.

    Args:
        pictures: Vectors of pictures.  # [N, W]
        texts: Vectors of a text of each.  # [N, W]
        classes: Of each pair, whole numbers.  # long [N]

    Returns:
        One value per pair.  # [N]

    Example:
        >>> joint_embedding(torch.eye(2), torch.eye(2) * 3, torch.tensor([0, 1]))
        tensor([0., 0.])
    """
    scores = pictures @ texts.T
    own, numbers = scores.diagonal(), torch.unique(classes, return_inverse=True)[1]
    members = one_hot(numbers).to(scores)  # [N, Y]
    shares = members / members.sum(0)
    of_pictures, of_texts = (relu((1 - members + each @ shares).amax(1) - own) for each in (scores, scores.T))
    return of_pictures + of_texts


def retrieved(pictures: Tensor, texts: Tensor, classes: Tensor) -> Tensor:
    """Whether the text with the highest score for each picture of a batch is of its class, 1 or 0.  # [N]"""
    best = (pictures @ texts.T).argmax(1)
    return (classes[best] == classes).to(pictures)
