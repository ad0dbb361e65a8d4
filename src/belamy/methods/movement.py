"""How pictures are moved and mirrored before they are learned from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from belamy.seeds import Draws


def shifted(fields: Sequence[Tensor], modes: Sequence[str], recipe: Any, draw: Draws) -> list[Tensor]:
    """Aligned maps and pictures of a batch, moved and mirrored alike as a recipe's ``jitter`` and ``mirror`` say.

    Args:
        fields: What is moved.  # [N, C, H, W] each
        modes: How each is enlarged: ``bilinear`` or ``nearest``.
        recipe: Has both numbers.
        draw: The step's random numbers.
    """
    found, count = list(fields), len(fields[0])
    if recipe.jitter:
        places = draw.uniform("jitter", count, 2)
        found = [moved(each, recipe.jitter, places, mode) for each, mode in zip(found, modes, strict=True)]
    if recipe.mirror:
        chosen = draw.uniform("mirror", count) < 0.5
        found = [mirrored(each, chosen) for each in found]
    return found


def spliced(fields: Sequence[Tensor], share: float, draw: Draws) -> list[Tensor]:
    """Aligned maps and pictures of a batch, of which some get a rectangle of the sample before theirs, all alike.

    A rectangle takes up to three quarters of each side, at a random place; what it holds fits, as both maps of a pair
    are cut alike, but stands in other surroundings (Yun et al. 2019, arXiv 1905.04899, for pairs in place of classes).

    Args:
        fields: What is spliced.  # [N, C, H, W] each
        share: Of the samples that get one, 0 to 1.
        draw: The step's random numbers.
    """
    count, (height, width) = len(fields[0]), fields[0].shape[2:]
    chosen, tall, wide, top, left = draw.uniform("splice", count, 5).view(count, 5, 1).unbind(1)
    tall, wide = 0.25 + tall / 2, 0.25 + wide / 2
    top, left = top * (1 - tall), left * (1 - wide)
    rows, columns = (torch.arange(size, device=top.device) / size for size in (height, width))
    inside = ((rows >= top) & (rows < top + tall))[:, :, None] & ((columns >= left) & (columns < left + wide))[:, None]
    inside = (inside & (chosen < share)[:, :, None])[:, None].to(fields[0].device)
    return [torch.where(inside, each.roll(1, 0), each) for each in fields]


def moved(pictures: Tensor, share: float, places: Tensor, mode: str) -> Tensor:
    """Pictures ``[N, C, H, W]`` enlarged by a share of their sides and cut to their size, each at its own place.

    Args:
        pictures: What is moved.
        share: 0 leaves them as they are.
        places: Where each is cut, from 0, the top and the left, to 1.  # [N, 2]
        mode: How it is enlarged: ``bilinear`` or ``nearest``.
    """
    height, width = pictures.shape[2:]
    larger = (round(height * (1 + share)), round(width * (1 + share)))
    enlarged = interpolate(pictures, larger, mode=mode)
    room = torch.tensor([larger[0] - height + 1, larger[1] - width + 1])
    tops, lefts = (places.cpu() * room).long().minimum(room - 1).unbind(1)
    cut = [
        each[:, top : top + height, left : left + width] for each, top, left in zip(enlarged, tops, lefts, strict=True)
    ]
    return torch.stack(cut)


def mirrored(maps: Tensor, chosen: Tensor) -> Tensor:
    """Maps ``[N, C, H, W]``, those of the chosen samples ``[N]`` mirrored left to right."""
    return torch.where(chosen.view(-1, 1, 1, 1), maps.flip(3), maps)
