"""What networks that learned from ImageNet's photographs have in common."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from belamy.errors import UsageError, nearest

MEANS, DEVIATIONS = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet's photographs in [0, 1], red, green and blue."""


def standardised(images: Tensor) -> Tensor:
    """(x - mean)/sd of each colour over ImageNet, of RGB images in [0, 1].  # [N, 3, H, W]"""
    return (images - images.new_tensor(MEANS).view(3, 1, 1)) / images.new_tensor(DEVIATIONS).view(3, 1, 1)


def unstandardised(values: Tensor) -> Tensor:
    """The images that :func:`standardised` was given.  # [N, 3, H, W]"""
    return values * values.new_tensor(DEVIATIONS).view(3, 1, 1) + values.new_tensor(MEANS).view(3, 1, 1)


def up_to_last(layers: Sequence[str], wanted: Sequence[str], network: str) -> Sequence[str]:
    """The layers of a network up to the last one that is wanted, for nothing after it need be computed.

    Args:
        layers: All, in order.
        wanted: Some, in any order.
        network: Its name, for the message.

    Raises:
        UsageError: There is no such layer.

    Example:
        >>> up_to_last(("a", "b", "c"), ["b", "a"], "Net")
        ('a', 'b')
    """
    for name in wanted:
        if name not in layers:
            raise UsageError(f"{network} has no layer '{name}'. {nearest(name, layers)}")
    return layers[: max((layers.index(name) for name in wanted), default=-1) + 1]
