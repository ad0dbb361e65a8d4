"""What an image, or a latent, does in the layers of a network."""

from __future__ import annotations

from collections.abc import Iterator
from math import isqrt

import numpy as np
import torch
from torch import Tensor

from belamy.evaluation.visualisation.picture import Sheet, shades
from belamy.evaluation.visualisation.subject import OUTPUT, Subject, VisualisedLayer
from belamy.methods.base import from_range
from belamy.modalities.grid import grid
from belamy.sampling.draw import placement

LAYERS = 12
"""Layers that are shown, at most: of more, some evenly spaced with the first and the last."""
CELL = 64
"""Pixels that the longer side of a map is enlarged to, about."""
COLUMNS = 64
"""Units in a row, at least where there are more."""


@torch.no_grad()
def activations(subject: Subject, image: Tensor, label: int | None, seed: int, units: int) -> Iterator[Sheet]:
    """A sheet for each layer: its maps, the most lively first, black for the layer's lowest value and white for its
    highest.

    Of a layer and what follows it at the same size, the last is shown. A layer without maps is shown as one picture of
    its units in rows.

    References:
        Yosinski et al. 2015, arXiv 1506.06579, section 2.

    Args:
        subject: The network.
        image: What a network that sees is shown, in [-1, 1].  # [C, H, W]
        label: Of the image.
        seed: Decides the latent that others are fed.
        units: Maps of a layer, at most.
    """
    device, dtype = placement(subject.method)
    inputs = image.unsqueeze(0).to(device, dtype) if subject.sees else subject.inputs(1, seed)
    labels = torch.tensor([label or 0]) if subject.labelled else None
    chosen = spread([layer for layer in subject.layers.values() if layer.shape[0] > 1], LAYERS)
    heard = subject.responses(inputs, labels, [layer.last for layer in chosen])
    shown_image = inputs if subject.sees else heard.get(OUTPUT)
    if shown_image is not None and shown_image.dim() == 4:  # scores of pictures of another size are none
        yield followed(subject, shown_image)
    for layer in chosen:
        values = heard[layer.last][0].float().cpu()
        facts = {"shape": list(values.shape), "least": float(values.min()), "most": float(values.max())}
        shown = drawn(values, units)
        yield Sheet(subject.name, "activations", layer.name, title(layer, values, units), shown, facts)


def followed(subject: Subject, image: Tensor) -> Sheet:
    """The image that goes in or comes out."""
    even = image if subject.sees else from_range(image, subject.value_range)
    which, name = ("The image that goes in", "input") if subject.sees else ("The image that comes out", OUTPUT)
    return Sheet(
        subject.name, "activations", name, which, grid(shades(even), scale=max(1, 128 // max(image.shape[2:])))
    )


def title(layer: VisualisedLayer, values: Tensor, units: int) -> str:
    """Title of a sheet."""
    what = f"'{layer.name}' ({layer.kind})" if layer.last == layer.name else f"'{layer.name}' to {layer.kind}"
    span = f"{float(values.min()):.3g} … {float(values.max()):.3g}"
    if values.dim() == 1:
        return f"{what}: {len(values):,} units, {span}"
    count = min(units, len(values))
    return f"{what}: {count} of {len(values):,} maps of {values.shape[1]} × {values.shape[2]}, {span}"


def drawn(values: Tensor, units: int) -> np.ndarray:
    """A sheet of maps ``[K, h, w]``, or one picture of units ``[K]``."""
    low, high = values.aminmax()
    even = (values - low) / (high - low).clamp_min(torch.finfo(values.dtype).tiny) * 2 - 1
    if values.dim() == 1:
        columns = min(len(values), max(COLUMNS, isqrt(2 * len(values))))  # twice as wide as high, if they are many
        filled = torch.full((-(-len(values) // columns) * columns,), -1.0)
        filled[: len(values)] = even
        return grid(shades(filled.view(1, 1, -1, columns)), scale=max(2, min(16, 768 // columns)))
    lively = values.flatten(1).std(1, correction=0).argsort(descending=True)[:units]
    side = max(values.shape[1:])
    return grid(shades(even[lively].unsqueeze(1)), columns=min(8, len(lively)), scale=max(1, CELL // side))


def spread(layers: list[VisualisedLayer], most: int) -> list[VisualisedLayer]:
    """At most so many of them, evenly spaced, with the first and the last.

    Example:
        >>> spread(list(range(5)), 3)
        [0, 2, 4]
    """
    if len(layers) <= most:
        return layers
    return [layers[round(number * (len(layers) - 1) / (most - 1))] for number in range(most)]
