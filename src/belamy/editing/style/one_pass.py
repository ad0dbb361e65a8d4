"""Painting in one pass, by a network that was trained for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from belamy.editing.style.images import as_pixels, load, resized, size_for
from belamy.errors import UsageError
from belamy.methods.base import BaseMethod, Stylizes
from belamy.sampling.draw import placement
from belamy.sampling.picture import Picture

STYLE_HEIGHT = 256
"""That pictures of styles are brought to, in pixels."""


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
    if not 0 <= strength <= 1:
        raise UsageError(f"The strength is {strength}, but it must be in 0..1.")
    if not 0.1 <= style_scale <= 8:
        raise UsageError(f"The style's scale is {style_scale}, but it must be in 0.1..8.")
    if styles and not method.takes_styles:
        raise UsageError("This network knows one style, that it was trained in: name no picture of a style.")
    if method.takes_styles and not styles:
        raise UsageError("This network paints in any style, so it must be shown one: name a picture of it.")
    device, dtype = placement(method)
    channels = method.domain.shape[0]
    whole = float(sum(shares)) if shares else 1.0
    if shares and (len(shares) != len(styles) or min(shares) < 0 or not 0 < whole < float("inf")):
        raise UsageError(f"The styles' shares are {[*shares]}, but {len(styles)} are needed, none negative, not all 0.")

    def taken(values: Tensor) -> Tensor:
        grey = values.mean(1, keepdim=True) if channels == 1 else values
        return (grey * 2 - 1).to(device, dtype)

    shown = [taken(_style(style, style_scale)) for style in styles]

    @torch.no_grad()
    def painted(values: Tensor) -> Tensor:
        made = method.stylize(taken(values), shown, [share / whole for share in shares], strength)
        return ((made + 1) / 2).clamp(0, 1).float().cpu().expand(-1, 3, -1, -1)

    return painted


def _style(source: Any, scale: float) -> Tensor:
    pixels: np.ndarray = load(source, "style")
    height = max(round(STYLE_HEIGHT * scale), 32)
    return resized(pixels, (height, max(round(pixels.shape[1] * height / pixels.shape[0]), 32)))
