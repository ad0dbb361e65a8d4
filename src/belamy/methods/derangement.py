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
        captions: Their symbols.  # long [N, L]
        draw: The step's random numbers.

    Returns:
        A permutation, long ``[N]``, and whether what it gives is wrong, bool ``[N]``: everywhere, save where more than
        half of the batch is alike, so that there are not enough others.
    """
    groups = _alike(images, captions)
    keys = draw.uniform("mismatch", len(groups)).to(groups.device)
    rows = keys.argsort()
    rows = rows[keys[groups[rows]].argsort(stable=True)]
    order = torch.empty_like(rows)
    order[rows] = rows.roll(-int(groups.bincount().max()))
    return order, groups[order] != groups


def _alike(*fields: Tensor) -> Tensor:
    """The first of the rows that each is alike with, by any field, directly or by way of others.  # long [N]"""
    numbers = [torch.unique(field.flatten(1), dim=0, return_inverse=True)[1] for field in fields]
    first = torch.arange(len(numbers[0]), device=numbers[0].device)
    while True:
        before = first
        for number in numbers:
            first = torch.full_like(first, len(first)).scatter_reduce(0, number, first, "amin")[number]
        if torch.equal(first, before):
            return first
