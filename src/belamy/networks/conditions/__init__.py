"""How labels enter a game: each file holds a way for the generator, for the discriminator, or for both."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from belamy.errors import UsageError
from belamy.registry import Module


class GeneratorCondition(Module, Protocol):
    """What a class ``GeneratorCondition(build, latent, classes, *, …)`` must have.

    ``build(latent)`` makes an unconditional generator for a size of latents.
    """

    value_range: tuple[float, float]

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images in the network's ``value_range``.  # [N, latent] and [N] to [N, C, H, W]"""
        ...


@runtime_checkable
class JoinsLabels(Protocol):
    """A generator's condition that is in the input of its ``network`` alone, whose own parts can then be called."""

    def joined(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """What the network is given.  # [N, latent] and [N] to [N, F]"""
        ...


class DiscriminatorCondition(Module, Protocol):
    """What a class ``DiscriminatorCondition(build, shape, classes, *, …)`` must have.

    ``build(shape)`` makes an unconditional discriminator for a shape of images.
    """

    def scores_and_features(self, images: Tensor, labels: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Scores and features.  # [N, C, H, W] and [N] to [N] and [N, F]"""
        ...


def entered(condition: JoinsLabels, network: Any, latents: Tensor, labels: Tensor | None) -> Tensor:
    """Images of latents ``[N, latent]`` that a condition joins with labels ``[N]``.

    A network that mixes styles in training (``mixes_styles``) is given other latents of the same labels for that.
    """
    given = [condition.joined(latents, labels)]
    if network.training and getattr(network, "mixes_styles", False):
        order = torch.randperm(len(latents), device=latents.device)
        given.append(condition.joined(latents[order], labels))
    made: Tensor = network(*given)
    return made


def check_classes(classes: int, condition: str) -> int:
    """``classes`` if there is at least one.

    Raises:
        UsageError: The data have no labels, so that nothing could be conditioned on.
    """
    if classes < 1:
        raise UsageError(
            f"The condition '{condition}' needs labels, but the data have none. Choose data with labels (--data), or "
            f"type --generator-condition unconditional --discriminator-condition unconditional."
        )
    return classes


def check_labels(labels: Tensor | None, condition: str) -> Tensor:
    """``labels`` if there are any.

    Raises:
        UsageError: There are none.
    """
    if labels is None:
        raise UsageError(
            f"The condition '{condition}' needs a label for each image, but got none. Give labels, e.g. --label 3."
        )
    return labels


def indicators(labels: Tensor, classes: int, like: Tensor) -> Tensor:
    """``[N, classes]``: a one at each label, else zeros, of the type of ``like``.

    Example:
        >>> indicators(torch.tensor([2, 0]), 3, torch.empty(0))
        tensor([[0., 0., 1.],
                [1., 0., 0.]])
    """
    return (labels[:, None] == torch.arange(classes, device=labels.device)).to(like.dtype)
