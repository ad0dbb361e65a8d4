"""The styles of a painting: read once, brought to each size once, and described once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from belamy.editing.style import colours as colouring
from belamy.editing.style.images import load, resized, style_size
from belamy.editing.style.objective import Style
from belamy.editing.style.settings import StyleSettings
from belamy.errors import UsageError

MOST_STYLES = 16


@dataclass(frozen=True)
class Styles:
    """Pictures of styles, for one painting or for the frames of a film: one network and the same settings.

    Args:
        pictures: uint8.  # [h, w, 3] each
        shares: Of each, together 1.
        masks: Where each is wanted, white for there; None for everywhere.  # [H, W, 3] uint8
    """

    pictures: list[np.ndarray]
    shares: list[float]
    masks: list[np.ndarray | None]
    _sized: dict[tuple[int, int], list[Style]] = field(default_factory=dict, repr=False)

    @classmethod
    def read(cls, sources: Any, shares: Sequence[float] | None = None, masks: Sequence[Any] | None = None) -> Self:
        """Styles from paths, Pillow images or arrays.

        Raises:
            DataError: A picture cannot be used.
            UsageError: There are none, or not as many shares or masks.
        """
        many = list(sources) if isinstance(sources, list | tuple) else [sources]
        pictures = [load(style, "style") for style in many]
        return cls(pictures, _shares(shares, len(many)), _masks(masks, len(many)))

    def at(self, size: tuple[int, int], settings: StyleSettings) -> list[Style]:
        """The styles for a picture of (height, width); the same ones each time."""
        if size not in self._sized:
            self._sized[size] = [self._brought(number, size, settings) for number, _ in enumerate(self.pictures)]
        return self._sized[size]

    def _brought(self, number: int, size: tuple[int, int], settings: StyleSettings) -> Style:
        picture, mask = self.pictures[number], self.masks[number]
        shape = size if settings.stretched else style_size(picture, size[0] * settings.style_scale)
        where = None if mask is None else resized(mask, size).mean(1, keepdim=True)
        return Style(resized(picture, shape), self.shares[number], where)

    def coloured(self, colours: str, content: np.ndarray) -> Styles:
        """The styles as the network is to see them, to keep a content's colours."""
        if colours == "histogram":
            return Styles([colouring.with_colours_of(each, content) for each in self.pictures], self.shares, self.masks)
        if colours == "luminance":
            return Styles([colouring.luminance(each, like=content) for each in self.pictures], self.shares, self.masks)
        return self


def _shares(shares: Sequence[float] | None, count: int) -> list[float]:
    if not 1 <= count <= MOST_STYLES:
        raise UsageError(
            f"There are {count} styles, but there must be 1..{MOST_STYLES}: name pictures after the content."
        )
    given = [1.0] * count if shares is None else list(shares)
    if len(given) != count or min(given) < 0 or not 0 < sum(given) < float("inf"):
        raise UsageError(f"The styles' shares are {given}, but {count} are needed, none negative and not all 0.")
    return [share / sum(given) for share in given]


def _masks(masks: Sequence[Any] | None, count: int) -> list[np.ndarray | None]:
    given = [None] * count if masks is None else list(masks)
    if len(given) != count:
        raise UsageError(f"There are {len(given)} masks for {count} styles. Give one for each.")
    return [None if mask is None else load(mask, "mask") for mask in given]
