"""How labels enter a game: each file holds a way for the generator, for the discriminator, or for both.

``GeneratorCondition(build, latent, classes, *, options)``
    ``build(latent)`` makes an unconditional generator for a size of latents; the call
    ``condition(latents [N, latent], labels [N])`` returns images in the network's ``value_range``.

``DiscriminatorCondition(build, shape, classes, *, options)``
    ``build(shape)`` makes an unconditional discriminator for a shape of images; ``scores_and_features(images,
    labels)`` returns scores ``[N]`` and features ``[N, F]``.
"""

import torch
from torch import Tensor

from belamy.errors import UsageError


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
