"""What a penalty sees of a turn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from belamy.seeds import Draws


@dataclass(frozen=True)
class PenaltyContext:
    """What the discriminator was shown in a player's turn, and what it said.

    Args:
        critic: Scores ``[N]`` of images, for the labels of the real ones.
        critic_of_fakes: Scores ``[N]`` of images, for the labels of the generated ones.
        features: Features ``[N, F]`` of images before the discriminator's last layer.
        real: Images ``[N, C, H, W]`` of the data, as the discriminator sees them.
        fake: Generated images; in the generator's turn they carry its gradient, in the discriminator's none.
        real_scores: Scores ``[N]`` of the real images.
        fake_scores: Scores ``[N]`` of the generated images.
        real_features: Features ``[N, F]`` of the real images.
        fake_features: Features ``[N, F]`` of the generated images.
        told: What the discriminator is told of each real image beside it, a vector ``[N, T]``; None for nothing.
        critic_told: Scores ``[N]`` of images and what is told; None where nothing is.
        real_maps: Feature maps ``[N, C, H, W]`` of the real images, coarsest last, of a discriminator that shows them.
        latents: ``[N, latent]`` from which the images were generated.
        styles: Styles ``[n, layers, w]`` of the first n latents, or, where there are none, those latents as one layer.
        synthesize: Images ``[n, C, H, W]`` of the styles of the first n latents, as the generator makes them.
        draw: The step's random numbers.
        progress: Share of the run that is done, from 0 to 1.
    """

    critic: Callable[[Tensor], Tensor]
    critic_of_fakes: Callable[[Tensor], Tensor]
    features: Callable[[Tensor], Tensor]
    real: Tensor
    fake: Tensor
    real_scores: Tensor
    fake_scores: Tensor
    real_features: Tensor
    fake_features: Tensor
    latents: Tensor
    styles: Callable[[Tensor], Tensor]
    synthesize: Callable[[Tensor], Tensor]
    draw: Draws
    progress: float
    real_maps: tuple[Tensor, ...] = ()
    told: Tensor | None = None
    critic_told: Callable[[Tensor, Tensor], Tensor] | None = None
