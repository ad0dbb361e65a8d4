"""The heads of CUT: from maps of a generator to features of places that can be compared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from belamy.networks.layers import dense, gaussian
from belamy.networks.sizes import check_positive

_NORMAL = gaussian(0.02)
_SHORTEST = 1e-3


@runtime_checkable
class HasMaps(Protocol):
    """A translator whose encoder's maps can be compared, place by place."""

    map_channels: tuple[int, ...]
    """Channels of each of its maps, the pixels first."""

    def made_and_seen(
        self, images: Tensor, streams: Sequence[torch.Generator] | None = None
    ) -> tuple[Tensor, list[Tensor]]:
        """The translations of pictures, and their own maps, from one pass."""
        ...

    def seen(self, images: Tensor) -> list[Tensor]:
        """The maps of pictures alone.  # [N, channels, h, w] each"""
        ...


class PatchHeads(nn.Module):
    """For each map two dense layers with a ReLU between them, and each place's result at length 1.

    *Departs from the published code*: results shorter than 0.001 are enlarged a thousandfold instead, not to length 1.
    The direction of a place where all maps are 0 means nothing, and its gradient would swamp all others.

    References:
        Park et al. 2020, arXiv 2007.15651, section 3.2 and appendix C: 256 features, normal weights of deviation 0.02.

    Args:
        channels: Of each map.
        features: Of a place.

    Raises:
        UsageError: No features.

    Example:
        >>> heads = PatchHeads((3, 8), features=4)
        >>> maps = [torch.rand(2, 3, 6, 6), torch.rand(2, 8, 3, 3)]
        >>> places = [torch.tensor([[0, 35], [1, 2]]), torch.tensor([[8], [0]])]
        >>> [tuple(each.shape) for each in heads(*maps, places=places)]
        [(2, 2, 4), (2, 1, 4)]
    """

    def __init__(self, channels: Sequence[int], features: int = 256) -> None:
        super().__init__()
        check_positive(features, "features")
        self.heads = nn.ModuleList(
            nn.Sequential(
                dense(count, features, init=_NORMAL), nn.ReLU(), dense(features, features, init=_NORMAL)
            )
            for count in channels
        )  # fmt: skip

    def forward(self, *maps: Tensor, places: Sequence[Tensor] | None = None) -> list[Tensor]:
        """Features of length 1 of some places of each map.  # [N, S, features] each

        Args:
            maps: One for each head.  # [N, channels, h, w] each
            places: Which of the h·w places of each sample, row by row; all where none are named.  # [N, S] each
        """
        found = []
        for number, (head, each) in enumerate(zip(self.heads, maps, strict=True)):
            values = each.flatten(2).transpose(1, 2)  # [N, h·w, C]
            if places is not None:
                chosen = places[number].unsqueeze(2).expand(-1, -1, values.shape[2])
                values = values.gather(1, chosen)
            found.append(F.normalize(head(values), dim=2, eps=_SHORTEST))
        return found
