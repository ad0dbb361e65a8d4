"""Painting in one pass, by a network that was trained for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from belamy.editing.style.images import as_pixels, load, resized, size_for, style_size
from belamy.editing.style.tiles import tiles
from belamy.errors import UsageError
from belamy.methods.base import BaseMethod, Stylizes
from belamy.networks.standardised import statistics_held
from belamy.ranges import Within
from belamy.sampling.draw import placement
from belamy.sampling.picture import Picture

STYLE_HEIGHT = 256
"""That pictures of styles are brought to, in pixels."""
MOST_OF_STYLE = 4_000_000
"""Pixels of a style, which is seen whole."""
TILE = 1024
"""Pictures with a longer side are painted in tiles of at most so many pixels a side."""
MULTIPLE = 8
"""Pixels that the edges of tiles are multiples of; the networks' strides divide it."""
CROPS, CROP = 10, 96
"""Of a large picture the networks' statistics are taken from so many rows and columns of crops of so many pixels."""


def paint(
    method: BaseMethod,
    content: Any,
    styles: Sequence[Any] = (),
    *,
    shares: Sequence[float] = (),
    strength: float = 1.0,
    size: int | None = None,
    style_scale: float = 1.0,
) -> Picture:
    """Paint a picture with a trained network.

    Args:
        method: Of a run, as ``belamy.open("runs/fast-style-1").method()`` gives it.
        content: A path, a Pillow image, or uint8 [H, W, 3] or [H, W].
        styles: The same, one or several, where the network is to be shown styles.
        shares: Of the styles; all alike by default.
        strength: From the content as it is, 0, to the whole style, 1.
        size: Height in pixels; by default the content's own.
        style_scale: Size of the strokes: the styles' height over 256 pixels.

    Raises:
        DataError: A picture cannot be used.
        UsageError: The method does not paint, or a number is out of range.

    Example:
        >>> painted = paint(belamy.open("runs/fast-style-1").method(), "photo.jpg")  # doctest: +SKIP
    """
    picture = load(content, "content")
    painter = one_pass(method, styles, shares=shares, strength=strength, style_scale=style_scale)
    values = resized(picture, size_for(picture, picture.shape[0] if size is None else size))
    return Picture(as_pixels(painter(values)))


def one_pass(
    method: BaseMethod,
    styles: Sequence[Any] = (),
    *,
    shares: Sequence[float] = (),
    strength: float = 1.0,
    style_scale: float = 1.0,
) -> Callable[[Tensor], Tensor]:
    """What paints pictures in [0, 1] in the styles, which are read once; see :func:`paint`."""
    if not isinstance(method, Stylizes):
        raise UsageError("This run's method paints no pictures in a style. Type `belamy train fast-style` for one.")
    Within(0, 1).check("The strength", strength)
    Within(0.1, 8).check("The style's scale", style_scale)
    if styles and not method.takes_styles:
        raise UsageError("This network knows one style, that it was trained in: name no picture of a style.")
    if style_scale != 1 and not method.takes_styles:
        raise UsageError("This network's strokes are as large as it learned them: leave --style-scale out.")
    if method.takes_styles and not styles:
        raise UsageError("This network paints in any style, so it must be shown one: name a picture of it.")
    device, dtype = placement(method)
    channels = method.spec.shape[0]
    whole = float(sum(shares)) if shares else 1.0
    if shares and (len(shares) != len(styles) or min(shares) < 0 or not 0 < whole < float("inf")):
        raise UsageError(f"The styles' shares are {[*shares]}, but {len(styles)} are needed, none negative, not all 0.")

    def taken(values: Tensor) -> Tensor:
        grey = values.mean(1, keepdim=True) if channels == 1 else values
        return (grey * 2 - 1).to(device, dtype)

    shown = [taken(_style(style, style_scale)) for style in styles]

    @torch.no_grad()
    def at_once(values: Tensor) -> Tensor:
        made = method.stylize(taken(values), shown, [share / whole for share in shares], strength)
        return ((made + 1) / 2).clamp(0, 1).float().cpu().expand(-1, 3, -1, -1)

    def painted(values: Tensor) -> Tensor:
        if max(values.shape[2:]) <= TILE:
            return at_once(values)
        with statistics_held(method, lambda: at_once(_crops(values))):
            return _in_tiles(at_once, values, method.receptive_field)

    return painted


def _in_tiles(paint: Callable[[Tensor], Tensor], values: Tensor, receptive_field: int) -> Tensor:
    """A picture painted tile by tile, each seen with as much around it as counts.  # [1, 3, H, W]"""
    height, width = values.shape[2:]
    wide = F.pad(values, (0, -width % MULTIPLE, 0, -height % MULTIPLE), mode="reflect")
    painted = torch.empty_like(wide)
    for tile in tiles(wide.shape[2], wide.shape[3], TILE, receptive_field, MULTIPLE):
        tile.placed(painted, 1).copy_(tile.counted(paint(tile.cut(wide)), 1))
    return painted[..., :height, :width]


def _crops(values: Tensor) -> Tensor:
    """Crops from all over a picture, its edges among them.  # [1, 3, H, W] → [N, 3, h, w]"""
    tops, lefts = (_starts(side) for side in values.shape[2:])
    return torch.cat([values[..., top : top + CROP, left : left + CROP] for top in tops for left in lefts])


def _starts(side: int) -> list[int]:
    """Where crops begin along a side, the first and the last at its ends."""
    count = min(CROPS, -(-side // CROP))
    return [round(number * (side - CROP) / max(count - 1, 1)) for number in range(count)]


def _style(source: Any, scale: float) -> Tensor:
    pixels = load(source, "style")
    return resized(pixels, style_size(pixels, STYLE_HEIGHT * scale, MOST_OF_STYLE))
