"""What the first layer makes most of."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from belamy.editing.directions import DirectionData, Directions, in_deviations, leading
from belamy.errors import UsageError
from belamy.methods.base import BaseMethod


class Direction:
    r"""The latents' directions that the first layer stretches most, in closed form and without a single image.

    .. math:: n_k = \arg\max_{\lVert n \rVert = 1} \lVert A n \rVert^2, \quad
        \text{the eigenvectors of } A^\top A \text{ with the largest eigenvalues}

    where A is the weight of the layer that meets the latents; columns for labels beside them are left out.

    References:
        Shen & Zhou 2021, arXiv 2007.06600, equations 4 to 7.

    Args:
        count: How many directions.
    """

    supervised = False
    wide = False

    def __init__(self, *, count: int = 5) -> None:
        self.count = count

    def find(self, evidence: DirectionData, names: Sequence[str] = ()) -> Directions:
        """The leading eigenvectors; ``share`` is each eigenvalue's part of their sum."""
        weight = first_weight(evidence.method, evidence.latents.shape[1])
        vectors, shares = leading(weight.T @ weight, self.count)
        named = tuple(f"factor {number}" for number in range(1, self.count + 1))
        facts = {name: {"share": round(float(share), 4)} for name, share in zip(named, shares, strict=True)}
        return Directions(in_deviations(vectors, evidence.latents), named, facts)


def first_weight(method: BaseMethod, latent: int) -> Tensor:
    """The weight of the layer that meets the latents.  # [features, latent] float64

    Raises:
        UsageError: None of the generator's layers is a linear one of the latents.
    """
    for name in ("generator", "decoder"):
        for layer in getattr(method, name, nn.Module()).modules():
            if isinstance(layer, nn.Linear) and layer.in_features >= latent:
                return layer.weight.detach().double().cpu()[:, :latent]
            if isinstance(layer, nn.ConvTranspose2d) and layer.in_channels >= latent:
                return layer.weight.detach().double().cpu()[:latent].flatten(1).T
    raise UsageError("No linear layer of this run's networks meets the latents. Type --method jacobian instead.")
