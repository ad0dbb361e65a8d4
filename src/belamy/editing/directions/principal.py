"""Where the images differ most."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch

from belamy.editing.directions import DirectionData, Directions, in_deviations, leading
from belamy.sampling.points import images_at

MOST = 2000
"""Images looked at."""


class Direction:
    r"""Principal components: of the latents themselves, or of their images, carried back to the latents.

    Scores of a component of the images are predicted from latents by least squares; the direction is where the expected
    latent moves when the score does,

    .. math:: v_k = \mathbb{E}[(z - \bar z)\, s_k] / \mathbb{E}[s_k^2], \qquad s_k = u_k^\top (x - \bar x)

    *Departs from the paper* in what is analysed: the images, not a layer; for a linear first layer and normal latents
    its components are those of :mod:`belamy.editing.directions.factorisation`.

    References:
        Härkönen et al. 2020, arXiv 2004.02546, sections 2.1 and 2.2 (equation 3).

    Args:
        count: How many directions.
        space: ``images`` or ``latents``.
    """

    supervised = False
    wide = False

    def __init__(self, *, count: int = 5, space: Literal["images", "latents"] = "images") -> None:
        self.count, self.space = count, space

    def find(self, evidence: DirectionData, names: Sequence[str] = ()) -> Directions:
        """The first components; ``share`` is the part of the variance that lies along each."""
        latents = evidence.latents.double()
        centred = latents - latents.mean(0)
        if self.space == "latents":
            vectors, shares = leading(centred.T @ centred / len(centred), self.count)
        else:
            some = centred[:MOST]
            images = images_at(evidence.method, evidence.latents[:MOST]).flatten(1).double()
            images = images - images.mean(0)
            # the Gram matrix [n, n] has the scores as eigenvectors, and n is smaller than the number of pixels or alike
            scores, shares = leading(images @ images.T, min(self.count, len(some)))
            vectors = scores @ some  # [k, latent]
        named = tuple(f"component {number}" for number in range(1, len(vectors) + 1))
        facts = {name: {"share": round(float(share), 4)} for name, share in zip(named, shares, strict=True)}
        return Directions(in_deviations(torch.as_tensor(vectors), latents), named, facts)
