r"""Codes from a codebook that is learned, as in VQ-VAE.

.. math:: \lVert \mathrm{sg}[z] - e \rVert^2 + \beta \lVert z - \mathrm{sg}[e] \rVert^2

draw the nearest code e to the features z of a place and the features to it; sg stops gradients.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from belamy.errors import UsageError
from belamy.networks.quantisers import Quantised
from belamy.networks.sizes import check_positive


class Quantiser(nn.Module):
    """The nearest vector of a codebook.

    The terms are means over places and dimensions.

    Args:
        codes: How many vectors.
        dimensions: Numbers of each.
        commitment: The factor β.

    References:
        Van den Oord, Vinyals & Kavukcuoglu 2017, "Neural discrete representation learning", arXiv:1711.00937,
        equation 3.

    Raises:
        UsageError: There are no codes or no dimensions, or β is not above 0.
    """

    def __init__(self, *, codes: int = 512, dimensions: int = 64, commitment: float = 0.25) -> None:
        super().__init__()
        for name, value in {"codes": codes, "dimensions": dimensions}.items():
            check_positive(value, f"vector:{name}")
        if not 0 < commitment < math.inf:
            raise UsageError(f"vector:commitment is {commitment:g}, but it must be above 0; the paper's is 0.25.")
        self.codes, self.dimensions, self.commitment = codes, dimensions, commitment
        self.book = nn.Parameter(torch.empty(codes, dimensions).uniform_(-1 / codes, 1 / codes))

    def forward(self, features: Tensor) -> Quantised:
        """The nearest vectors."""
        rows = features.movedim(1, -1)
        near = rows.detach() @ self.book.detach().T
        codes = (self.book.detach().square().sum(1) - 2 * near).argmin(-1)
        vectors = self.vectors(codes)
        book, commitment = (
            (one - other.detach()).square().flatten(1).mean(1)
            for one, other in ((vectors, features), (features, vectors))
        )
        terms = {"codebook": book, "commitment": self.commitment * commitment}
        return Quantised(features + (vectors - features).detach(), codes, terms)

    def vectors(self, codes: Tensor) -> Tensor:
        """Rows of the codebook."""
        return self.book[codes].movedim(-1, 1)

    @torch.no_grad()
    def revive(self, codes: Tensor, features: Tensor) -> None:
        """The codes' vectors become the features."""
        self.book[codes] = features.to(self.book)
