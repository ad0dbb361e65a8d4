"""Captions that are wrong for their pictures: a permutation of a batch that leaves none where it fits."""

from __future__ import annotations

import torch
from torch import Tensor

from belamy.seeds import Draws


def deranged(images: Tensor, captions: Tensor, draw: Draws) -> tuple[Tensor, Tensor]:
    """Whose caption each picture gets in place of its own: a derangement.

    Rows with the same caption, or the same picture, are alike, and so are those alike to a third: a further caption of
    a picture is never wrong for it. Rows are put in a random order, alike ones beside each other, and the order is
    turned on by as many places as the most alike rows take. Where all are different, it is a cycle of the whole batch,
    each as likely as any other.

    Args:
        images: Of the batch.  # [N, C, H, W]
        captions: Their symbols, or those of all captions of each picture: it is alike with each that shares one.
            # long [N, L] or [N, K, L]
        draw: The step's random numbers.

    Returns:
        A permutation, long ``[N]``, and whether what it gives is wrong, bool ``[N]``: everywhere, save where more than
        half of the batch is alike, so that there are not enough others.
    """
    groups = alike(images, captions)
    keys = draw.uniform("mismatch", len(groups)).to(groups.device)
    rows = keys.argsort()
    rows = rows[keys[groups[rows]].argsort(stable=True)]
    order = torch.empty_like(rows)
    order[rows] = rows.roll(-int(groups.bincount().max()))
    return order, groups[order] != groups


def alike(images: Tensor, captions: Tensor) -> Tensor:
    """The first of the rows of a batch that each is alike with, as :func:`deranged` says.  # long [N]

    Args:
        images: Of the batch.  # [N, C, H, W]
        captions: Their symbols, or those of all captions of each picture.  # long [N, L] or [N, K, L]
    """
    told = _numbered(captions.flatten(0, -2)).unflatten(0, (len(images), -1))
    return _alike(_numbered(images.flatten(1))[:, None], told)


def _numbered(rows: Tensor) -> Tensor:
    """A number for each row, the same for equal ones.  # [N, F] to long [N]"""
    return torch.unique(rows, dim=0, return_inverse=True)[1]


def _alike(*marks: Tensor) -> Tensor:
    """The first of the rows that each is alike with, by any mark, directly or by way of others.  # long [N, K] each"""
    first = torch.arange(len(marks[0]), device=marks[0].device)
    while True:
        before = first
        for numbers in marks:
            lowest = torch.full((int(numbers.max()) + 1,), len(first), device=first.device)
            lowest.scatter_reduce_(0, numbers.flatten(), first[:, None].expand_as(numbers).flatten(), "amin")
            first = lowest[numbers].amin(1)
        if torch.equal(first, before):
            return first
