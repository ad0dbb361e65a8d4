"""Colours that a user gives for grey pictures: at places, and as a palette of the whole."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple, Protocol, runtime_checkable

import torch
from PIL import ImageColor
from torch import Tensor

from belamy.api.given_files import Given
from belamy.errors import UsageError
from belamy.methods.base import BaseMethod, Restores
from belamy.modalities.colours import top_of
from belamy.modalities.sizes import NATIVE, SizeOption, parse_size

Colour = tuple[int, int, int]
"""Red, green and blue, 0 to 255."""


class Hint(NamedTuple):
    """A colour at a place.

    Args:
        column: Of the pixel, from the left, 0 being the first.
        row: From the top.
        colour: What is wanted there.
    """

    column: int
    row: int
    colour: Colour

    def __str__(self) -> str:
        return f"{self.column},{self.row}=#{bytes(self.colour).hex()}"


@runtime_checkable
class TakesColours(Restores, Protocol):
    """Gives grey pictures colours, and may be told some.

    Its ``translate`` takes hints as four channels more of the source, colours and opacity of these, and the keyword
    ``palette``, colours ``[k, 3]`` in [-1, 1].
    """

    @property
    def hint_side(self) -> int:
        """Side in pixels of the square that a colour at a place is told for; 0 where it takes none."""
        ...

    @property
    def palette_size(self) -> int:
        """Most colours that may be told of the whole; 0 where it takes none."""
        ...


def parse_hints(words: Sequence[str]) -> list[Hint]:
    """Hints as users type them.

    Raises:
        UsageError: Words that are none.

    Example:
        >>> parse_hints(["12,34=#ff0000"])
        [Hint(column=12, row=34, colour=(255, 0, 0))]
    """
    found = []
    for word in words:
        place, equals, colour = word.partition("=")
        if not equals or not re.fullmatch(r"[0-9]{1,9},[0-9]{1,9}", place):
            raise UsageError(f"'{word}' is no hint: write COLUMN,ROW=COLOUR, e.g. 12,34=#ff0000.")
        column, row = map(int, place.split(","))
        found.append(Hint(column, row, parse_colour(colour)))
    return found


def parse_palette(words: Sequence[str]) -> list[Colour]:
    """Colours of a palette as users type them, in one word or in several.

    Raises:
        UsageError: Words that are no colours.

    Example:
        >>> parse_palette(["#e33 white", "#00f"])
        [(238, 51, 51), (255, 255, 255), (0, 0, 255)]
    """
    return [parse_colour(each) for word in words for each in re.split(r"[\s,]+", word.strip())]


def parse_colour(word: str) -> Colour:
    """A colour by its name or its digits.

    Raises:
        UsageError: It is none, or says how opaque it is.
    """
    found: tuple[int, ...] = ()
    with suppress(ValueError):
        found = ImageColor.getrgb(word)
    if len(found) != 3:
        raise UsageError(f"'{word}' is no colour: write #ff0000, #f00 or a name, e.g. red.")
    return found[0], found[1], found[2]


def check_colours(
    method: BaseMethod, hints: Sequence[Hint], palette: Sequence[Colour], size: SizeOption, held_out: bool
) -> None:
    """Refuse colours that a method cannot be told.

    Args:
        method: That translates.
        hints: At places.
        palette: Of the whole.
        size: To which pictures are brought.
        held_out: Whether these are the run's own data.

    Raises:
        UsageError: What to leave out.
    """
    side, most = (method.hint_side, method.palette_size) if isinstance(method, TakesColours) else (0, 0)
    for word, given, takes in (("hint", hints, side), ("palette", palette, most)):
        if given and not takes:
            trained = "--hints 7" if word == "hint" else "--palette 8"
            raise UsageError(
                f"This run takes no --{word}: it was not told such colours while it learned. Leave it out, or train "
                f"colourisation-guided-small, or colourisation with --generator user-guided {trained}."
            )
    if hints and held_out:
        raise UsageError("A hint belongs to one picture, but test is many. Give a file, or leave --hint out.")
    if hints and parse_size(size) not in (None, NATIVE):
        raise UsageError("A hint is at a pixel of its picture, which --size would move. Leave one of them out.")
    if len(palette) > most:
        raise UsageError(
            f"The palette has {len(palette)} colours, but this run learned from up to {most}. Leave some out."
        )


def hinted(found: Sequence[Given], hints: Sequence[Hint], side: int) -> list[Tensor]:
    """Inputs with hints in four channels more: colours, and opacity where there are any.  # [1, H, W] to [5, H, W]

    Args:
        found: Grey pictures.
        hints: The same for each; of two that overlap the later one counts.
        side: Of the squares that are told, whose middle is the pixel.

    Raises:
        UsageError: One lies outside of a picture.
    """
    return [torch.cat([each.raw, _painted(each, hints, side)]) for each in found] if hints else [
        each.raw for each in found
    ]  # fmt: skip


def as_values(palette: Sequence[Colour]) -> Tensor:
    """A palette as networks see it, in [-1, 1].  # [k, 3]"""
    return torch.tensor(palette, dtype=torch.float32) / 127.5 - 1


def _painted(given: Given, hints: Sequence[Hint], side: int) -> Tensor:
    height, width = given.raw.shape[1:]
    layer = torch.zeros(4, height, width, dtype=torch.float64)
    for hint in hints:
        if hint.column >= width or hint.row >= height:
            raise UsageError(
                f"The hint {hint} lies outside of {given.name}, which is {width}x{height}: columns are 0 to "
                f"{width - 1}, rows 0 to {height - 1}."
            )
        top, left = (max(0, place - (side - 1) // 2) for place in (hint.row, hint.column))
        bottom, right = hint.row + side // 2 + 1, hint.column + side // 2 + 1
        layer[:, top:bottom, left:right] = torch.tensor([*hint.colour, 255]).view(4, 1, 1) / 255
    top_value = top_of(given.raw.dtype)
    scaled = layer * top_value
    return (scaled if top_value == 1 else scaled.round()).to(given.raw.dtype)
