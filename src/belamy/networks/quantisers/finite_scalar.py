r"""Codes that are places of a fixed grid, as in FSQ: each feature is bounded and rounded to one of few levels.

.. math:: \mathrm{round}\bigl(\tfrac{(L - 1)(1 + \epsilon)}{2} \tanh(z + s) - o\bigr)

where o is a half for an even number of levels L, else 0, and s makes 0 stay 0. No codebook is learned, so none can die.
"""

from __future__ import annotations

from math import prod

import torch
from torch import Tensor, nn

from belamy.errors import UsageError
from belamy.networks.quantisers import Quantised

MARGIN = 1e-3
MOST_CODES = 65_536


class Quantiser(nn.Module):
    """Features rounded to levels, told on [-1, 1]; a code's number counts the first feature fastest.

    Args:
        levels: Of each feature.

    References:
        Mentzer et al. 2023, "Finite scalar quantization: VQ-VAE made simple", arXiv:2309.15505, equation 1 and
        appendix A.

    Raises:
        UsageError: A feature has fewer than two levels, or there are more than 65,536 codes.

    Example:
        >>> Quantiser(levels=(3, 2)).vectors(torch.arange(6).view(6, 1, 1))[..., 0, 0].tolist()
        [[-1.0, -1.0], [0.0, -1.0], [1.0, -1.0], [-1.0, 0.0], [0.0, 0.0], [1.0, 0.0]]
    """

    levels: Tensor
    steps: Tensor

    def __init__(self, *, levels: tuple[int, ...] = (8, 5, 5, 5)) -> None:
        super().__init__()
        self.codes, self.dimensions = prod(levels), len(levels)
        if not levels or min(levels) < 2 or self.codes > MOST_CODES:
            raise UsageError(
                f"finite-scalar:levels={'x'.join(map(str, levels))}, but each feature needs 2 levels or more, and "
                f"their product may be {MOST_CODES:,}. The paper's choice is levels=8x5x5x5."
            )
        self.register_buffer("levels", torch.tensor(levels))
        self.register_buffer("steps", torch.tensor([prod(levels[:place]) for place in range(len(levels))]))

    def forward(self, features: Tensor) -> Quantised:
        """The nearest places of the grid."""
        rows = features.movedim(1, -1)
        half = (self.levels - 1).to(rows) * ((1 + MARGIN) / 2)
        offset = (self.levels % 2 == 0).to(rows) / 2
        bounded = torch.tanh(rows + torch.atanh(offset / half)) * half - offset
        rounded = bounded + (bounded.round() - bounded).detach()
        width = self.levels // 2
        codes = ((bounded.detach().round().long() + width) * self.steps).sum(-1)
        return Quantised((rounded / width).movedim(-1, 1), codes, {})

    def vectors(self, codes: Tensor) -> Tensor:
        """Places of the grid."""
        places = codes[..., None] // self.steps % self.levels
        width = self.levels // 2
        shown = ((places - width) / width).to(torch.get_default_dtype())
        return shown.movedim(-1, 1)

    def revive(self, codes: Tensor, features: Tensor) -> None:
        """Nothing: places of a grid are where they are."""
