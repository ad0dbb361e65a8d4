"""What the players of a game over patches minimise, at each scale of the discriminator."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import reduce
from operator import add

import torch
from torch import Tensor, nn

from belamy.errors import UsageError
from belamy.losses.objective import Objective
from belamy.losses.perceptual.feature_matching import feature_matching
from belamy.methods.base import Turn
from belamy.methods.gan import ADVERSARIAL
from belamy.networks import JudgesAtScales, PatchScores
from belamy.registry import Part
from belamy.seeds import Draws

Judge = Callable[[bool], Sequence[PatchScores]]
"""Judges pictures at each scale, with the features behind the scores or without."""


def patch_objective(part: Part) -> Objective:
    """The objective of a game over patches.

    Raises:
        UsageError: The loss compares errors of reconstruction, which scores of patches are not.
    """
    adversarial = ADVERSARIAL.build(part)
    if getattr(adversarial, "energies", False):
        raise UsageError(
            f"The loss '{part.name}' is for discriminators that reconstruct pictures, but this one scores patches. "
            "Choose --adversarial least-squares, hinge or another."
        )
    return Objective(adversarial)


def check_matching(discriminator: nn.Module, name: str, weight: float) -> None:
    """Refuse to match features that a discriminator does not show.

    Raises:
        UsageError: It shows none, and the weight is above 0.
    """
    if weight and not isinstance(discriminator, JudgesAtScales):
        raise UsageError(f"The discriminator '{name}' shows no features to be matched. Type --matching-weight 0.")


def judged(discriminator: nn.Module, images: Tensor, features: bool = False) -> list[PatchScores]:
    """What a discriminator says at each of its scales; of one that knows no scales, its scores."""
    if isinstance(discriminator, JudgesAtScales):
        return discriminator.scales(images, features)
    return [PatchScores(discriminator(images))]


def of_discriminator(
    objective: Objective, real: Sequence[PatchScores], fake: Sequence[PatchScores], draw: Draws
) -> Tensor:
    """``[N]``: at each scale the mean over patches of the discriminator's loss, and the sum of these."""
    return _summed(
        per_sample(
            objective.discriminator(mine.scores.flatten(), its.scores.flatten(), draw, draw.progress), mine.scores
        )
        for mine, its in zip(real, fake, strict=True)
    )


def discriminator_turn(
    objective: Objective, real: Sequence[PatchScores], fake: Sequence[PatchScores], draw: Draws
) -> Turn:
    """The discriminator's turn: its loss, and the mean scores of both kinds of pictures to be told."""
    loss = of_discriminator(objective, real, fake, draw)
    return Turn("discriminator", {"adversarial": loss}, signals={"real": mean_score(real), "fake": mean_score(fake)})


def of_generator(
    objective: Objective, fake: Judge, real: Judge, progress: float, matching: bool = False
) -> dict[str, Tensor]:
    """``adversarial``, ``[N]``, and if wanted ``matching``: the distance from the features of the real pictures.

    Args:
        objective: Of the game.
        fake: Judges the generated pictures.
        real: Judges the real ones; it is asked without gradients, where they are compared.
        progress: Share of the run that is done.
        matching: Whether features are compared.
    """
    own, other = fake(matching), None
    if matching or objective.relativistic:
        with torch.no_grad():
            other = real(matching)
    losses = []
    for number, scale in enumerate(own):
        wanted = other[number].scores.flatten() if other and objective.relativistic else None
        losses.append(per_sample(objective.generator(scale.scores.flatten(), wanted, progress), scale.scores))
    terms = {"adversarial": _summed(losses)}
    if matching and other:
        terms["matching"] = _summed(
            feature_matching(scale.features, its.features) for scale, its in zip(own, other, strict=True)
        )
    return terms


def mean_score(scales: Sequence[PatchScores]) -> Tensor:
    """``[N]``: the mean over scales of the mean score of a picture's patches."""
    means = [scale.scores.detach().mean((1, 2, 3)) for scale in scales]
    return means[0] if len(means) == 1 else torch.stack(means).mean(0)


def per_sample(losses: Tensor, scores: Tensor) -> Tensor:
    """The mean loss ``[N]`` of each sample's patches from those ``[N h w]`` of all, scored ``[N, 1, h, w]``."""
    return losses.reshape(len(scores), -1).mean(1)


def _summed(losses: Iterable[Tensor]) -> Tensor:
    return reduce(add, losses)
