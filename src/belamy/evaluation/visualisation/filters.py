"""The weights that touch pixels: what the first layer looks for, or what the last one paints with."""

from __future__ import annotations

from collections.abc import Iterator
from math import isqrt, prod

import torch
from torch import Tensor, nn
from torch.nn.functional import pixel_shuffle

from belamy.evaluation.visualisation.picture import Sheet, signed
from belamy.evaluation.visualisation.subject import Subject, VisualisedLayer
from belamy.modalities.grid import grid
from belamy.networks.layers import KerasConvTranspose2d

MOST = 64
"""Filters on a sheet, the largest first."""


def filters(subject: Subject) -> Iterator[Sheet]:
    """A sheet of the first layer's filters, or of what each channel before the last layer paints; none if no layer
    meets the pixels directly.

    Grey is 0; each filter is shown by its own largest weight, the largest filters first. Where an image is folded into
    several channels before the first layer, or unfolded after the last, the filters are unfolded alike.

    References:
        First-layer filters: Krizhevsky et al. 2012, section 6.1, figure 3.
    """
    channels = subject.method.spec.shape[0]
    order = list(subject.layers.values())
    for layer in order if subject.sees else reversed(order):
        found = looked_for(layer, subject) if subject.sees else painted(layer, subject)
        if found is not None and found.shape[1] == channels:
            order_of_size = found.flatten(1).norm(dim=1).argsort(descending=True)
            shown = found[order_of_size[:MOST]]
            height, width = shown.shape[2:]
            what = "look for" if subject.sees else "paint"
            title = f"What {len(shown)} of {len(found)} filters of '{layer.name}' {what}: {height} × {width} pixels"
            picture = grid(signed(shown), scale=max(1, 56 // max(height, width)))  # cells of about 56 pixels
            yield Sheet(
                subject.name, "filters", layer.name, title, picture, {"filters": len(found), "size": [height, width]}
            )
            return


def looked_for(layer: VisualisedLayer, subject: Subject) -> Tensor | None:
    """The weights of a layer as small images, if it takes whole images or patches of them.  # [units, C, h, w]"""
    shape, weight = subject.method.spec.shape, _weight(layer)
    if weight.dim() == 2:
        return weight.view(-1, *shape) if weight.shape[1] == prod(shape) else None
    if weight.dim() != 4 or _transposed(layer.module):
        return None
    return unfolded(weight, shape[0])


def painted(layer: VisualisedLayer, subject: Subject) -> Tensor | None:
    """What each input of a layer adds to the image, if it makes the image.  # [inputs, C, h, w]"""
    shape, weight = subject.method.spec.shape, _weight(layer)
    if weight.dim() == 2:
        return weight.T.reshape(-1, *shape) if weight.shape[0] == prod(shape) else None
    if weight.dim() != 4:
        return None
    # a convolution gathers, so one input strews the kernel upside down
    return unfolded(weight if _transposed(layer.module) else weight.transpose(0, 1).flip(2, 3), shape[0])


def unfolded(weights: Tensor, channels: int) -> Tensor | None:
    """Weights over r² × C channels as weights over C channels of r times the side; what a label adds is left out.

    Example:
        >>> unfolded(torch.zeros(8, 4, 3, 3), 1).shape
        torch.Size([8, 1, 6, 6])
    """
    times, rest = divmod(weights.shape[1], channels)
    if rest == 0 and times > 0 and isqrt(times) ** 2 == times:
        return pixel_shuffle(weights, isqrt(times)) if times > 1 else weights
    return weights[:, :channels] if weights.shape[1] == channels + 1 else None


def _weight(layer: VisualisedLayer) -> Tensor:
    weight = layer.module.weight
    assert isinstance(weight, torch.Tensor)  # it is a weighted layer
    return weight.detach().float().cpu().contiguous()


def _transposed(module: nn.Module) -> bool:
    return isinstance(module, nn.ConvTranspose2d | KerasConvTranspose2d)
